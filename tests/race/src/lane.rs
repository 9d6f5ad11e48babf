//! A lane's process and the protocol it speaks: one JSON object a line, a question and its answer.

use super::agreement::Outputs;
use anyhow::{Context, Result, bail, ensure};
use serde_json::{Value, json};
use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

/// A process that runs one engine on one pair of networks.
#[derive(Debug)]
pub(super) struct Lane {
    child: Child,
    questions: ChildStdin,
    answers: BufReader<ChildStdout>,
    log: PathBuf,
}

/// What a lane says when it has loaded.
#[derive(Clone, Debug)]
pub(super) struct Loaded {
    /// Time until both networks can run, ms.
    pub(super) load_ms: f64,
    /// Engine and version.
    pub(super) engine: String,
    /// How it is set.
    pub(super) setting: String,
    /// Resident memory before the engine was there, MiB: an interpreter's and NumPy's own.
    pub(super) before_mib: Option<f64>,
    /// Features of the processor, from our own lane.
    pub(super) cpu_features: Option<Vec<String>>,
}

impl Lane {
    /// Starts the process; what it says on stderr goes to `log`.
    pub(super) fn start(command: &mut Command, log: PathBuf) -> Result<Self> {
        let file = File::create(&log).with_context(|| format!("cannot write {}", log.display()))?;
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(file)
            .spawn()
            .with_context(|| {
            format!("cannot start `{}`", command.get_program().to_string_lossy())
        })?;
        let questions = child.stdin.take().context("a child without stdin")?;
        let answers = BufReader::new(child.stdout.take().context("a child without stdout")?);
        Ok(Self { child, questions, answers, log })
    }

    /// Loads both networks.
    pub(super) fn load(&mut self) -> Result<Loaded> {
        loaded(&self.ask(&json!({ "do": "load" }))?)
    }

    /// Milliseconds of each of `runs` runs of the encoder.
    pub(super) fn encode(&mut self, runs: usize) -> Result<Vec<f64>> {
        times(&self.ask(&json!({ "do": "encode", "runs": runs }))?, runs)
    }

    /// Milliseconds of each of `runs` runs of the decoder.
    pub(super) fn click(&mut self, runs: usize) -> Result<Vec<f64>> {
        times(&self.ask(&json!({ "do": "click", "runs": runs }))?, runs)
    }

    /// The outputs of the last run of each network, by way of files in `folder`.
    pub(super) fn outputs(&mut self, folder: &Path) -> Result<Outputs> {
        self.ask(&json!({ "do": "outputs", "folder": folder }))?;
        Outputs::read(folder)
    }

    /// Ends the process; its largest resident memory, MiB, where the system tells.
    pub(super) fn quit(mut self) -> Result<Option<f64>> {
        Ok(self.ask(&json!({ "do": "quit" }))?["peak_mib"].as_f64())
    }

    /// Ends the process and waits until it is gone, with all that its emulator writes at the end.
    pub(super) fn finish(mut self) -> Result<()> {
        self.ask(&json!({ "do": "quit" }))?;
        let status = self.child.wait().context("a lane's end")?;
        ensure!(status.success(), "it did not end well ({status})");
        Ok(())
    }

    fn ask(&mut self, question: &Value) -> Result<Value> {
        // Where it ended already, its last answer or its log says more than a broken pipe.
        let asked = writeln!(self.questions, "{question}").and_then(|()| self.questions.flush());
        let mut line = String::new();
        let length = self.answers.read_line(&mut line).context("a lane's answer")?;
        if length == 0 {
            let status = self.child.wait().context("a lane's end")?;
            let log = std::fs::read_to_string(&self.log).unwrap_or_default();
            let last = log.lines().rfind(|line| !line.trim().is_empty()).unwrap_or("no word");
            bail!("it ended ({status}): {last}");
        }
        let answer = answer(&line)?;
        asked.context("a lane's question")?;
        Ok(answer)
    }
}

impl Drop for Lane {
    fn drop(&mut self) {
        // Ended already, or given up on: either way nothing is left to say.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn answer(line: &str) -> Result<Value> {
    let value: Value = serde_json::from_str(line)
        .with_context(|| format!("expected JSON of a lane, found `{}`", line.trim()))?;
    if let Some(error) = value["error"].as_str() {
        bail!("{error}");
    }
    Ok(value)
}

fn loaded(answer: &Value) -> Result<Loaded> {
    let text = |key: &str| {
        answer[key].as_str().map(str::to_string).with_context(|| format!("no `{key}` in {answer}"))
    };
    let features = answer["cpu_features"]
        .as_array()
        .map(|list| list.iter().filter_map(Value::as_str).map(str::to_string).collect());
    Ok(Loaded {
        load_ms: answer["load_ms"].as_f64().with_context(|| format!("no `load_ms` in {answer}"))?,
        engine: text("engine")?,
        setting: text("setting")?,
        before_mib: answer["before_mib"].as_f64(),
        cpu_features: features,
    })
}

fn times(answer: &Value, runs: usize) -> Result<Vec<f64>> {
    let list = answer["ms"].as_array().with_context(|| format!("no `ms` in {answer}"))?;
    let ms: Vec<f64> = list.iter().filter_map(Value::as_f64).filter(|ms| *ms > 0.0).collect();
    ensure!(ms.len() == runs, "expected {runs} times above 0 ms, found {answer}");
    Ok(ms)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_read() {
        let value = answer("{\"ms\": [1.5, 2]}\n").unwrap();
        assert_eq!(times(&value, 2).unwrap(), [1.5, 2.0]);
        let told = r#"{"load_ms": 3, "engine": "e 1", "setting": "s", "before_mib": null, "cpu_features": ["avx2"]}"#;
        let told = loaded(&answer(told).unwrap()).unwrap();
        assert_eq!((told.load_ms, told.before_mib), (3.0, None));
        assert_eq!(told.cpu_features.unwrap(), ["avx2"]);
    }

    #[test]
    fn what_is_wrong_is_said() {
        let said = |outcome: Result<Value>| outcome.unwrap_err().to_string();
        assert_eq!(said(answer(r#"{"error": "ValueError: no"}"#)), "ValueError: no");
        assert_eq!(
            said(answer("MNN says hello\n")),
            "expected JSON of a lane, found `MNN says hello`"
        );
        for few in [json!({ "ms": [1.0] }), json!({ "ms": [1.0, 0.0] }), json!({ "ms": [1, null] })]
        {
            assert!(times(&few, 2).unwrap_err().to_string().contains("expected 2 times"), "{few}");
        }
        assert!(times(&json!({}), 1).is_err());
        assert!(loaded(&json!({ "load_ms": 1 })).unwrap_err().to_string().contains("engine"));
    }

    #[cfg(unix)]
    #[test]
    fn an_end_without_an_answer_shows_the_log() {
        let log = tempfile::NamedTempFile::new().unwrap();
        let mut shell = Command::new("sh");
        shell.args(["-c", "read line; echo 'no such engine' >&2; exit 3"]);
        let error = Lane::start(&mut shell, log.path().to_path_buf())
            .unwrap()
            .load()
            .unwrap_err()
            .to_string();
        assert!(error.contains("exit status: 3") && error.ends_with("no such engine"), "{error}");
    }
}
