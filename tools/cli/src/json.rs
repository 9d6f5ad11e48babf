//! Where a report goes as JSON: `--json FILE` or `--json -`.

use crate::failure::{StdoutFailed, out};
use uniultra_report::ReportError;
use uniultra_sink::{Destination, Format, check_writable, write_atomically};

/// Checks before any work that a file can be written, and that its name is that of a report.
pub(crate) fn check(target: Option<&Destination>) -> Result<(), ReportError> {
    match target {
        Some(Destination::File(path)) => {
            Format::Json.check_name(path)?;
            Ok(check_writable(path)?)
        }
        Some(Destination::Stdout) | None => Ok(()),
    }
}

/// Writes the JSON where it is to go, and prints the tables unless the JSON takes their place.
pub(crate) fn print(
    target: Option<&Destination>,
    json: impl FnOnce() -> Result<String, ReportError>,
    tables: impl FnOnce() -> String,
) -> anyhow::Result<()> {
    let printed: Result<(), StdoutFailed> = match target {
        Some(Destination::Stdout) => out(&json()?),
        Some(Destination::File(path)) => {
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
    use std::path::PathBuf;

    #[test]
    fn a_folder_that_is_not_there_is_said_before_any_work() {
        let target = Destination::File(PathBuf::from("/nonexistent/folder/report.json"));
        let error = check(Some(&target)).unwrap_err();
        assert!(error.is_output() && error.to_string().contains("report.json"), "{error}");
        let picture = Destination::File(std::env::temp_dir().join("report.png"));
        let error = check(Some(&picture)).unwrap_err();
        assert!(error.is_usage() && !error.is_output(), "{error}");
        assert!(check(None).is_ok() && check(Some(&Destination::Stdout)).is_ok());
    }
}
