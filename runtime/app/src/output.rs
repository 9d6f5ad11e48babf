//! What a command writes: checked before any work, then text and JSON to stdout, or atomically to a
//! file.

use crate::failure::AppError;
use crate::frame_source::FrameSource;
use anyhow::Context;
use serde::Serialize;
use std::convert::Infallible;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::str::FromStr;
use uniultra_sink::{check_writable, write_atomically};

/// Destination of a JSON document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum JsonTarget {
    Stdout,
    File(PathBuf),
}

impl FromStr for JsonTarget {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(if text == "-" { Self::Stdout } else { Self::File(PathBuf::from(text)) })
    }
}

impl JsonTarget {
    /// Writes one document on one line.
    pub(crate) fn write(&self, document: &impl Serialize) -> anyhow::Result<()> {
        let mut text = serde_json::to_string(document)?;
        text.push('\n');
        match self {
            Self::Stdout => print(&text)?,
            Self::File(path) => write_atomically(path, |w| w.write_all(text.as_bytes()))?,
        }
        Ok(())
    }
}

/// The outputs to write.
#[derive(Debug)]
pub(crate) struct Outputs {
    pub(crate) mask: Option<PathBuf>,
    pub(crate) overlay: Option<PathBuf>,
    pub(crate) logits: Option<PathBuf>,
    pub(crate) json: Option<JsonTarget>,
}

impl Outputs {
    /// Every file to write, with the option that names it.
    pub(crate) fn files(&self) -> impl Iterator<Item = (&'static str, &Path)> {
        let json = match &self.json {
            Some(JsonTarget::File(path)) => Some(path),
            _ => None,
        };
        [
            ("--out-mask", self.mask.as_ref()),
            ("--overlay", self.overlay.as_ref()),
            ("--logits", self.logits.as_ref()),
            ("--json", json),
        ]
        .into_iter()
        .filter_map(|(option, path)| Some((option, path?.as_path())))
    }

    /// Refuses outputs that overwrite each other or an input, or that cannot be written.
    pub(crate) fn check(
        &self,
        frame: &FrameSource,
        mask_prompt: Option<&Path>,
    ) -> anyhow::Result<()> {
        let mut taken: Vec<(&str, PathBuf)> = Vec::new();
        if let FrameSource::File(path) = frame {
            taken.push(("the frame", identity(path)));
        }
        if let Some(path) = mask_prompt {
            taken.push(("--mask-prompt", identity(path)));
        }
        for (option, path) in self.files() {
            let place = identity(path);
            if let Some((other, _)) = taken.iter().find(|(_, taken)| *taken == place) {
                let path = path.display();
                let message = format!(
                    "{option}: expected a file of its own, found the file of {other}, {path}"
                );
                return Err(AppError::Usage(message).into());
            }
            check_writable(path)?;
            // Several results may go to the same device, such as `/dev/null`.
            if fs::metadata(path).map_or(true, |data| data.is_file()) {
                taken.push((option, place));
            }
        }
        Ok(())
    }
}

/// Refuses a JSON file that would overwrite the frame or that cannot be written.
pub(crate) fn check_json(
    json: Option<&JsonTarget>,
    frame: Option<&FrameSource>,
) -> anyhow::Result<()> {
    let outputs = Outputs { mask: None, overlay: None, logits: None, json: json.cloned() };
    outputs.check(frame.unwrap_or(&FrameSource::Stdin), None)
}

/// A path that is the same for all names of a file, even if the file does not exist yet.
fn identity(path: &Path) -> PathBuf {
    if let Ok(path) = fs::canonicalize(path) {
        return path;
    }
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    match (fs::canonicalize(folder), path.file_name()) {
        (Ok(folder), Some(name)) => folder.join(name),
        _ => path.to_path_buf(),
    }
}

/// Prints text unchanged.
pub(crate) fn print(text: &str) -> anyhow::Result<()> {
    let mut stdout = io::stdout().lock();
    stdout
        .write_all(text.as_bytes())
        .and_then(|()| stdout.flush())
        .context("cannot write to stdout")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dash_is_stdout() {
        assert_eq!("-".parse(), Ok(JsonTarget::Stdout));
        assert_eq!("./-".parse(), Ok(JsonTarget::File(PathBuf::from("./-"))));
    }
}
