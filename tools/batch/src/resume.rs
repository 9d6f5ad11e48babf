//! How far a run has come, by the lines that it wrote.

use crate::BatchError;
use crate::line::{ResultLine, Status};
use crate::plan::Job;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;

/// Where to go on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Place {
    /// Index of the file to go on with.
    pub(crate) job: usize,
    /// Its prompts that have their lines. If all have, its line about frames without a prompt may be missing.
    pub(crate) prompts: usize,
    /// Lines in all.
    pub(crate) lines: usize,
}

/// Reads the lines of `results` and follows them through the plan.
///
/// # Errors
/// [`BatchError::Line`] if a line is not the one that the plan expects there.
pub(crate) fn place(results: &Path, jobs: &[Job]) -> Result<Place, BatchError> {
    let mut place = Place::default();
    let mut numbers = jobs.first().map(Job::numbers).unwrap_or_default();
    for_each(results, |number, line| {
        let refuse = |expected: &str| {
            let found = format!("{:?}, {:?}", line.path, line.status);
            let reason = format!("expected {expected}, found {found}; the file was changed");
            Err(BatchError::line(results, number, reason))
        };
        // A file whose prompts all have lines ends with the next file's first line.
        while let Some(job) = jobs.get(place.job)
            && job.file.path != line.path
            && !job.asked.is_empty()
            && place.prompts == job.asked.len()
        {
            place = Place { job: place.job + 1, prompts: 0, ..place };
            numbers = jobs.get(place.job).map(Job::numbers).unwrap_or_default();
        }
        let Some(job) = jobs.get(place.job) else { return refuse("no more lines") };
        if job.file.path != line.path {
            return refuse(&format!("a line about {:?}", job.file.path));
        }
        place.lines += 1;
        let is_last = line.status == Status::NoPrompt || job.asked.is_empty();
        if is_last {
            if place.prompts < job.asked.len() {
                return refuse("a line for each prompt first");
            }
            place = Place { job: place.job + 1, prompts: 0, ..place };
            numbers = jobs.get(place.job).map(Job::numbers).unwrap_or_default();
            return Ok(());
        }
        let asked = job.asked.get(place.prompts);
        let is_next = asked.is_some_and(|asked| asked.object == line.object)
            && numbers.get(place.prompts).copied() == line.prompt;
        if !is_next {
            return refuse("the next prompt of this file");
        }
        place.prompts += 1;
        Ok(())
    })?;
    Ok(place)
}

/// Calls `each` with the number and the content of every line.
pub(crate) fn for_each(
    results: &Path,
    mut each: impl FnMut(u64, ResultLine) -> Result<(), BatchError>,
) -> Result<(), BatchError> {
    let file = File::open(results).map_err(|source| BatchError::read(results, source))?;
    for (number, line) in (1..).zip(BufReader::new(file).lines()) {
        let line = line.map_err(|source| BatchError::read(results, source))?;
        let parsed = serde_json::from_str(&line).map_err(|error| {
            BatchError::line(results, number, format!("expected a result: {error}"))
        })?;
        each(number, parsed)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::input::Input;
    use crate::plan::Plan;
    use crate::prompts::PromptList;
    use std::fs;
    use uniultra_dataset::Shard;

    #[test]
    fn the_last_line_says_where_to_go_on() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("tree");
        fs::create_dir(&root).unwrap();
        for name in ["a", "b", "c"] {
            fs::write(root.join(name), name).unwrap();
        }
        let prompts = folder.path().join("p.csv");
        fs::write(&prompts, "path,object,points\na,x,1 1\na,y,1 1\nc,,1 1\n").unwrap();
        let files = Input::find(&root, &[]).unwrap().files;
        let prompts = PromptList::read(&prompts).unwrap().prompts;
        let jobs = Plan::new(files, prompts, Shard::WHOLE).jobs;
        let results = folder.path().join("results.jsonl");
        let line = |path: &str, prompt: Option<usize>, object: Option<&str>, status| ResultLine {
            prompt,
            object: object.map(str::to_string),
            ..ResultLine::new(path, status)
        };
        let all = [
            (line("a", Some(1), Some("x"), Status::Done), (0, 1)),
            (line("a", Some(2), Some("y"), Status::Failed), (0, 2)),
            (line("b", None, None, Status::NotAFrame), (2, 0)),
            (line("c", Some(1), None, Status::Done), (2, 1)),
            (line("c", None, None, Status::NoPrompt), (3, 0)),
        ];
        let mut text = String::new();
        fs::write(&results, &text).unwrap();
        assert_eq!(place(&results, &jobs).unwrap(), Place::default());
        for (i, (line, (job, prompts))) in all.iter().enumerate() {
            text += &line.text().unwrap();
            fs::write(&results, &text).unwrap();
            let expected = Place { job: *job, prompts: *prompts, lines: i + 1 };
            assert_eq!(place(&results, &jobs).unwrap(), expected, "{i}");
        }
        for (lines, words) in [
            (vec![&all[1].0], "line 1: expected the next prompt of this file"),
            (vec![&all[2].0], "line 1: expected a line about \"a\""),
            (vec![&all[0].0, &all[2].0], "line 2: expected a line about \"a\""),
            (vec![&all[0].0, &all[1].0, &all[2].0, &all[4].0], "line 4: expected a line for each"),
        ] {
            let text: String = lines.iter().map(|line| line.text().unwrap()).collect();
            fs::write(&results, text).unwrap();
            let message = place(&results, &jobs).unwrap_err().to_string();
            assert!(message.contains(words), "{message}");
        }
    }
}
