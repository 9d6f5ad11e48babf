//! What a command writes: checked before any work, then written to stdout, or atomically to a file.

use crate::failure::AppError;
use crate::frame_source::FrameSource;
use anyhow::Context;
use serde::Serialize;
use std::fs;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use uniultra_sink::{Destination, Format, check_writable, write_atomically};

/// The outputs to write.
#[derive(Debug, Default)]
pub(crate) struct Outputs {
    pub(crate) mask: Option<Destination>,
    pub(crate) overlay: Option<Destination>,
    pub(crate) logits: Option<Destination>,
    pub(crate) json: Option<Destination>,
    pub(crate) dicom_seg: Option<Destination>,
    pub(crate) dicom_sr: Option<Destination>,
}

impl Outputs {
    /// Every output, with the option that names it.
    fn all(&self) -> impl Iterator<Item = (&'static str, Format, &Destination)> {
        [
            ("--out-mask", Format::Png, self.mask.as_ref()),
            ("--overlay", Format::Png, self.overlay.as_ref()),
            ("--logits", Format::Npy, self.logits.as_ref()),
            ("--json", Format::Json, self.json.as_ref()),
            ("--dicom-seg", Format::Dicom, self.dicom_seg.as_ref()),
            ("--dicom-sr", Format::Dicom, self.dicom_sr.as_ref()),
        ]
        .into_iter()
        .filter_map(|(option, format, target)| Some((option, format, target?)))
    }

    /// Every file to write.
    pub(crate) fn files(&self) -> impl Iterator<Item = &Path> {
        self.all().filter_map(|(.., target)| target.file())
    }

    /// Whether an output goes to stdout, which then carries nothing else.
    pub(crate) fn use_stdout(&self) -> bool {
        self.all().any(|(.., target)| *target == Destination::Stdout)
    }

    /// Refuses outputs that overwrite each other or an input, that are named like another format, or
    /// that cannot be written.
    pub(crate) fn check(
        &self,
        frame: &FrameSource,
        mask_prompt: Option<&Path>,
    ) -> anyhow::Result<()> {
        let mut taken: Vec<(&str, PathBuf)> = Vec::new();
        if let FrameSource::File(path) = frame {
            taken.push(("the frame", canonical(path)));
        }
        if let Some(path) = mask_prompt {
            taken.push(("--mask-prompt", canonical(path)));
        }
        for (option, format, target) in self.all() {
            if let Some(place) = target.target() {
                if let Some((other, _)) = taken.iter().find(|(_, taken)| *taken == place) {
                    return Err(AppError::Usage(clash(option, other, target)).into());
                }
                taken.push((option, place));
            }
            if let Destination::File(path) = target {
                format.check_name(path).context(option)?;
                check_writable(path)?;
            }
        }
        Ok(())
    }
}

/// Why two outputs, or an output and an input, may not be one.
fn clash(option: &str, other: &str, target: &Destination) -> String {
    match target {
        Destination::Stdout => {
            format!("{option} -: expected one output on stdout, found {other} there, too")
        }
        Destination::File(path) => {
            let path = path.display();
            format!("{option}: expected a file of its own, found the file of {other}, {path}")
        }
    }
}

/// Refuses a JSON file that would overwrite the frame or that cannot be written.
pub(crate) fn check_json(
    json: Option<&Destination>,
    frame: Option<&FrameSource>,
) -> anyhow::Result<()> {
    let outputs = Outputs { json: json.cloned(), ..Outputs::default() };
    outputs.check(frame.unwrap_or(&FrameSource::Stdin), None)
}

/// Writes what `content` makes to a file or to stdout.
pub(crate) fn write(
    target: &Destination,
    content: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> anyhow::Result<()> {
    match target {
        Destination::Stdout => to_stdout(content),
        Destination::File(path) => Ok(write_atomically(path, content)?),
    }
}

/// Writes one document on one line.
pub(crate) fn write_json(target: &Destination, document: &impl Serialize) -> anyhow::Result<()> {
    let mut text = serde_json::to_string(document)?;
    text.push('\n');
    write(target, |w| w.write_all(text.as_bytes()))
}

/// A path that is the same for all names of a file.
fn canonical(path: &Path) -> PathBuf {
    fs::canonicalize(path).unwrap_or_else(|_| path.to_path_buf())
}

/// Prints text unchanged.
pub(crate) fn print(text: &str) -> anyhow::Result<()> {
    to_stdout(|w| w.write_all(text.as_bytes()))
}

fn to_stdout(content: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> anyhow::Result<()> {
    let mut stdout = BufWriter::new(io::stdout().lock());
    content(&mut stdout).and_then(|()| stdout.flush()).context("cannot write to stdout")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stdout_carries_one_output() {
        let check = |outputs: Outputs| outputs.check(&FrameSource::Stdin, None);
        let stdout = || Some(Destination::Stdout);
        let one = Outputs { mask: stdout(), ..Outputs::default() };
        assert!(one.use_stdout() && one.files().count() == 0);
        check(one).unwrap();
        assert!(!Outputs::default().use_stdout());
        let two = Outputs { mask: stdout(), json: stdout(), ..Outputs::default() };
        let message = check(two).unwrap_err().to_string();
        assert!(message.starts_with("--json -") && message.contains("--out-mask"), "{message}");
    }
}
