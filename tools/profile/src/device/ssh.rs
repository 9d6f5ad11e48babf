//! A folder on another machine, and commands in it.

use crate::ProfileError;
use std::io::Write;
use std::process::{Command, Output, Stdio};

/// Whom to ask.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SshTarget {
    /// `user@host`, or a name of ssh's configuration.
    pub host: String,
    /// Options as `ssh -o` takes them, e.g. `Port=2222`.
    pub options: Vec<String>,
}

/// Options that hold whatever the user's configuration says: nobody is asked for anything.
const ALWAYS: [&str; 2] = ["BatchMode=yes", "ClearAllForwardings=yes"];
/// Options that the user's come before.
const DEFAULTS: [&str; 3] = ["ConnectTimeout=15", "ServerAliveInterval=15", "LogLevel=ERROR"];
/// ssh's own exit code for what is not the command's.
const SSH_FAILED: i32 = 255;
/// The program's exit code where it ran, and a budget of the board was missed.
const MISSED: i32 = 5;
/// How the folder's name begins.
const NAME: &str = "uniultra-profile-";

/// The temporary folder on the device.
#[derive(Debug)]
pub(super) struct Session<'t> {
    target: &'t SshTarget,
    folder: String,
}

impl SshTarget {
    /// A host by name.
    ///
    /// # Errors
    /// What is expected, if `host` would be taken for an option or is empty.
    pub fn new(host: &str, options: &[String]) -> Result<Self, String> {
        let plain = |c: char| !c.is_whitespace() && !c.is_control();
        if host.is_empty() || host.starts_with('-') || !host.chars().all(plain) {
            return Err(format!("expected user@host, found `{host}`"));
        }
        Ok(Self { host: host.to_string(), options: options.to_vec() })
    }

    /// Words before the command for the other side.
    fn words(&self) -> Vec<&str> {
        let mut words = Vec::new();
        let options = self.options.iter().map(String::as_str);
        for option in ALWAYS.into_iter().chain(options).chain(DEFAULTS) {
            words.extend(["-o", option]);
        }
        words.extend(["-T", "--", &self.host]);
        words
    }

    fn run(&self, doing: &str, script: &str, input: &[u8]) -> Result<Output, ProfileError> {
        let failed = |reason: String| ProfileError::Ssh {
            host: self.host.clone(),
            doing: doing.to_string(),
            reason,
        };
        let mut child = Command::new("ssh")
            .args(self.words())
            .arg(script)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|error| failed(format!("cannot start ssh: {error}")))?;
        // Written from a thread of its own: the other side may say something before it has read all. If it
        // goes away, its exit code and its words say more than a broken pipe.
        let stdin = child.stdin.take();
        let output = std::thread::scope(|scope| {
            scope.spawn(move || stdin.map(|mut stdin| stdin.write_all(input)));
            child.wait_with_output()
        });
        let output = output.map_err(|error| failed(error.to_string()))?;
        if output.status.code() == Some(SSH_FAILED) {
            return Err(failed(last_line(&output.stderr)));
        }
        Ok(output)
    }
}

impl<'t> Session<'t> {
    /// Makes the folder.
    pub(super) fn open(target: &'t SshTarget) -> Result<Self, ProfileError> {
        let doing = "make a folder";
        let script = format!("umask 077 && mktemp -d \"${{TMPDIR:-/tmp}}/{NAME}XXXXXX\"");
        let output = target.run(doing, &script, &[])?;
        let folder = last_line(&output.stdout);
        if !output.status.success() || !is_ours(&folder) {
            let reason = [&output.stderr, &output.stdout].map(|text| last_line(text)).join(" ");
            let (host, doing) = (target.host.clone(), doing.to_string());
            return Err(ProfileError::Ssh { host, doing, reason });
        }
        Ok(Self { target, folder })
    }

    /// Runs a command in the folder that has nothing to say.
    pub(super) fn ask(&self, doing: &str, command: &str) -> Result<(), ProfileError> {
        self.succeed(doing, command, &[])
    }

    /// Writes a file in the folder.
    pub(super) fn put(&self, name: &str, bytes: &[u8]) -> Result<(), ProfileError> {
        if !is_plain(name) {
            return Err(ProfileError::Ssh {
                host: self.target.host.clone(),
                doing: "copy a file".to_string(),
                reason: format!("expected a plain name, found {name:?}"),
            });
        }
        // The size is checked, since a full disk is not an error of every `cat`.
        let size = bytes.len();
        let command = format!("cat > {name} && test \"$(wc -c < {name})\" -eq {size}");
        self.succeed(&format!("copy {name}"), &command, bytes)
    }

    /// Runs the program; its standard output, also where a budget was missed.
    pub(super) fn bench(&self, command: &str) -> Result<String, ProfileError> {
        let output = self.run("run the program", command, &[])?;
        match output.status.code() {
            Some(0) => {}
            // The report is complete; a watchdog that gave up, with the same code, leaves none.
            Some(MISSED) if !output.stdout.is_empty() => {}
            code => {
                let (host, reason) = (self.target.host.clone(), last_line(&output.stderr));
                return Err(ProfileError::Device { host, code, reason });
            }
        }
        String::from_utf8(output.stdout).map_err(|error| ProfileError::Bench {
            host: self.target.host.clone(),
            reason: error.to_string(),
        })
    }

    /// Removes the folder.
    pub(super) fn remove(self) -> Result<(), ProfileError> {
        let doing = "remove the folder";
        let script = format!("rm -rf -- {}", self.folder);
        let output = self.target.run(doing, &script, &[])?;
        self.check(doing, &output)
    }

    fn run(&self, doing: &str, command: &str, input: &[u8]) -> Result<Output, ProfileError> {
        self.target.run(doing, &format!("cd {} && {command}", self.folder), input)
    }

    fn succeed(&self, doing: &str, command: &str, input: &[u8]) -> Result<(), ProfileError> {
        let output = self.run(doing, command, input)?;
        self.check(doing, &output)
    }

    fn check(&self, doing: &str, output: &Output) -> Result<(), ProfileError> {
        if output.status.success() {
            return Ok(());
        }
        Err(ProfileError::Ssh {
            host: self.target.host.clone(),
            doing: doing.to_string(),
            reason: format!("{} ({})", last_line(&output.stderr), output.status),
        })
    }
}

/// Whether a shell takes the name without quotes.
fn is_plain(name: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '/' | '.' | '_' | '-');
    !name.is_empty() && !name.contains("..") && !name.starts_with('-') && name.chars().all(plain)
}

/// Whether it is a folder that we may fill and remove.
fn is_ours(folder: &str) -> bool {
    folder.starts_with('/')
        && is_plain(folder)
        && folder.rsplit('/').next().is_some_and(|name| {
            // Names that `mktemp` makes up may have an X; the template has nothing else.
            name.strip_prefix(NAME)
                .is_some_and(|rest| rest.len() >= 6 && rest.contains(|c| c != 'X'))
        })
}

/// What was said last; a login may have had other things to say before.
fn last_line(text: &[u8]) -> String {
    let text = String::from_utf8_lossy(text);
    text.lines().rev().map(str::trim).find(|line| !line.is_empty()).unwrap_or_default().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_no_options() {
        for host in ["", "-oProxyCommand=x", "a b", "a\nb"] {
            assert!(SshTarget::new(host, &[]).is_err(), "{host:?}");
        }
        let target = SshTarget::new("u@h", &["Port=1".to_string()]).unwrap();
        let words = target.words();
        assert_eq!(words[..2], ["-o", "BatchMode=yes"]);
        assert_eq!(words[words.len() - 2..], ["--", "u@h"]);
        let at = |option| words.iter().position(|word| *word == option).unwrap();
        assert!(at("Port=1") < at("ConnectTimeout=15"));
    }

    #[test]
    fn only_folders_of_ours_are_filled_and_removed() {
        assert!(
            is_ours("/tmp/uniultra-profile-a1B2c3") && is_ours("/data/t/uniultra-profile-abcdef")
        );
        // A name that was refused once, and its folder left behind.
        assert!(is_ours("/tmp/uniultra-profile-GWCXuv"));
        for folder in [
            "",
            "/",
            "/tmp",
            "tmp/uniultra-profile-abcdef",
            "/tmp/uniultra-profile-",
            "/tmp/uniultra-profile-XXXXXX",
            "/tmp/uniultra-profile-abc def",
            "/tmp/uniultra-profile-abcdef;reboot",
            "/tmp/../uniultra-profile-abcdef",
            "/tmp/uniultra-profile-abcdef/",
        ] {
            assert!(!is_ours(folder), "{folder}");
        }
    }

    #[test]
    fn the_last_words_count() {
        assert_eq!(last_line(b"welcome\r\n/tmp/x\r\n\n"), "/tmp/x");
        assert_eq!(last_line(b""), "");
    }
}
