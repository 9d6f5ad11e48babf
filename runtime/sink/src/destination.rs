//! Where an output goes: to a file, or to stdout.

use crate::write_target;
use std::convert::Infallible;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::str::FromStr;

/// Where an output goes. On a command line, `-` is stdout and `./-` a file of that name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Destination {
    /// To stdout, which then carries nothing else.
    Stdout,
    /// To a file.
    File(PathBuf),
}

impl From<OsString> for Destination {
    fn from(text: OsString) -> Self {
        if text == "-" { Self::Stdout } else { Self::File(PathBuf::from(text)) }
    }
}

impl FromStr for Destination {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(OsString::from(text).into())
    }
}

impl Destination {
    /// The file, if it is one.
    #[must_use]
    pub fn file(&self) -> Option<&Path> {
        match self {
            Self::File(path) => Some(path),
            Self::Stdout => None,
        }
    }

    /// The file or descriptor to write, if no other output may go there, too.
    #[must_use]
    pub fn target(&self) -> Option<PathBuf> {
        match self {
            Self::Stdout => Some(PathBuf::from("/dev/fd/1")),
            Self::File(path) => write_target(path),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dash_is_stdout() {
        for text in ["-", "./-", "report.json"] {
            let parsed: Destination = text.parse().unwrap();
            let file = (text != "-").then(|| Path::new(text));
            assert_eq!(parsed.file(), file);
            assert_eq!(parsed, OsString::from(text).into());
        }
    }

    #[test]
    fn stdout_has_one_name() {
        assert_eq!(Destination::Stdout.target(), Destination::File("/dev/fd/1".into()).target());
    }
}
