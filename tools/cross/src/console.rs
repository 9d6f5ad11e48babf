//! A child that is watched: what it prints is kept, and it has a time limit.

use anyhow::{Context, Result, bail};
use std::io::Read;
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};
use uniultra_checkout::screen;
use uniultra_checkout::workspace;

/// Lines that an error shows.
const TAIL: usize = 30;
/// Bytes that are kept: a machine that prints without end must not fill this one's memory.
const MOST: usize = 4 << 20;

/// Runs the command to its end; what it printed. Too long a time or an exit code other than 0 is an error
/// that shows the last lines.
pub(super) fn watch(command: &mut Command, limit: Duration) -> Result<String> {
    screen::line(&format!("$ {}", workspace::typed(command)));
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command
        .spawn()
        .with_context(|| format!("cannot start `{}`", command.get_program().to_string_lossy()))?;
    let (sender, parts) = mpsc::channel();
    if let Some(stdout) = child.stdout.take() {
        forward(stdout, sender.clone());
    }
    if let Some(stderr) = child.stderr.take() {
        forward(stderr, sender);
    }
    let end = Instant::now() + limit;
    let mut printed = Vec::new();
    let in_time = loop {
        match parts.recv_timeout(end.saturating_duration_since(Instant::now())) {
            Ok(part) if printed.len() < MOST => printed.extend(part),
            Ok(_) => {}
            Err(mpsc::RecvTimeoutError::Disconnected) => break true,
            Err(mpsc::RecvTimeoutError::Timeout) => break false,
        }
    };
    // Both ends are closed: a child that is still there is about to go.
    if !in_time {
        child.kill().context("cannot end a child")?;
    }
    let status = child.wait().context("cannot wait for a child")?;
    let printed = String::from_utf8_lossy(&printed).into_owned();
    if !in_time {
        bail!("expected an end within {} s, found none; {}", limit.as_secs(), tail(&printed));
    }
    if !status.success() {
        bail!("`{}` failed ({status}); {}", workspace::typed(command), tail(&printed));
    }
    Ok(printed)
}

fn forward(mut from: impl Read + Send + 'static, to: mpsc::Sender<Vec<u8>>) {
    std::thread::spawn(move || {
        let mut part = vec![0; 4096];
        // A reader that went away ends this, as the end of the text does.
        while let Ok(length @ 1..) = from.read(&mut part) {
            if to.send(part[..length].to_vec()).is_err() {
                break;
            }
        }
    });
}

/// The last lines, for an error's text.
pub(super) fn tail(printed: &str) -> String {
    let lines: Vec<&str> = printed.lines().filter(|line| !line.trim().is_empty()).collect();
    if lines.is_empty() {
        return "nothing was printed".to_string();
    }
    let last = &lines[lines.len().saturating_sub(TAIL)..];
    // A report is one line of thousands of characters.
    let cut = |line: &&str| line.trim_end().chars().take(400).collect::<String>();
    format!("the last lines:\n{}", last.iter().map(cut).collect::<Vec<_>>().join("\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(unix)]
    #[test]
    fn keeps_what_is_printed_and_ends_what_takes_too_long() {
        let shell = |script: &str, limit_ms| {
            let mut command = Command::new("sh");
            watch(command.args(["-c", script]), Duration::from_millis(limit_ms))
        };
        assert_eq!(shell("echo a; echo b", 60_000).unwrap(), "a\nb\n");
        let failed = shell("echo why >&2; exit 3", 60_000).unwrap_err().to_string();
        assert!(failed.contains("exit status: 3") && failed.ends_with("why"), "{failed}");
        let late = shell("echo before; exec sleep 60", 500).unwrap_err().to_string();
        assert!(late.contains("expected an end within") && late.ends_with("before"), "{late}");
    }

    #[test]
    fn errors_show_the_last_lines() {
        let text: String = (0..100).map(|n| format!("line {n}\r\n")).collect();
        let shown = tail(&text);
        assert!(shown.starts_with("the last lines:\nline 70\n") && shown.ends_with("line 99"));
        assert_eq!(tail(" \r\n"), "nothing was printed");
    }
}
