//! Where a report goes as JSON: `--json FILE` or `--json -`.

use crate::failure::{StdoutFailed, out};
use std::convert::Infallible;
use std::path::PathBuf;
use std::str::FromStr;
use uniultra_report::ReportError;
use uniultra_sink::{Format, check_writable, write_atomically};

/// Where a report goes as JSON.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum JsonTarget {
    /// To stdout, in place of the tables.
    Stdout,
    /// To a file; the tables are printed, too.
    File(PathBuf),
}

impl FromStr for JsonTarget {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(if text == "-" { Self::Stdout } else { Self::File(PathBuf::from(text)) })
    }
}

/// Checks before any work that a file can be written, and that its name is that of a report.
pub(crate) fn check(target: Option<&JsonTarget>) -> Result<(), ReportError> {
    match target {
        Some(JsonTarget::File(path)) => {
            Format::Json.check_name(path)?;
            Ok(check_writable(path)?)
        }
        Some(JsonTarget::Stdout) | None => Ok(()),
    }
}

/// Writes the JSON where it is to go, and prints the tables unless the JSON takes their place.
pub(crate) fn print(
    target: Option<&JsonTarget>,
    json: impl FnOnce() -> Result<String, ReportError>,
    tables: impl FnOnce() -> String,
) -> anyhow::Result<()> {
    let printed: Result<(), StdoutFailed> = match target {
        Some(JsonTarget::Stdout) => out(&json()?),
        Some(JsonTarget::File(path)) => {
            let json = json()?;
            write_atomically(path, |file| file.write_all(json.as_bytes()))
                .map_err(ReportError::from)?;
            out(&tables())
        }
        None => out(&tables()),
    };
    Ok(printed?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dash_is_stdout() {
        let parse = |text: &str| text.parse::<JsonTarget>();
        assert_eq!(parse("-"), Ok(JsonTarget::Stdout));
        assert_eq!(parse("./-"), Ok(JsonTarget::File(PathBuf::from("./-"))));
    }

    #[test]
    fn a_folder_that_is_not_there_is_said_before_any_work() {
        let target = JsonTarget::File(PathBuf::from("/nonexistent/folder/report.json"));
        let error = check(Some(&target)).unwrap_err();
        assert!(error.is_output() && error.to_string().contains("report.json"), "{error}");
        let picture = JsonTarget::File(std::env::temp_dir().join("report.png"));
        let error = check(Some(&picture)).unwrap_err();
        assert!(error.is_usage() && !error.is_output(), "{error}");
        assert!(check(None).is_ok() && check(Some(&JsonTarget::Stdout)).is_ok());
    }
}
