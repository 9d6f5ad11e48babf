//! Writes text and JSON to stdout, or atomically to a file.

use anyhow::Context;
use serde::Serialize;
use std::convert::Infallible;
use std::io::{self, Write};
use std::path::PathBuf;
use std::str::FromStr;
use uniultra_sink::write_atomically;

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
