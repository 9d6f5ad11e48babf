//! Tables for other programs.

use crate::ReportError;

/// A header and rows as CSV (RFC 4180 with `\n` as the end of a line).
///
/// # Errors
/// [`ReportError::Csv`] if a row has another number of cells than the header.
pub fn csv_text<R>(header: &[String], rows: R) -> Result<String, ReportError>
where
    R: IntoIterator<Item = Vec<String>>,
{
    let failed = |error: &dyn std::fmt::Display| ReportError::Csv { reason: error.to_string() };
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(header).map_err(|error| failed(&error))?;
    for row in rows {
        writer.write_record(row).map_err(|error| failed(&error))?;
    }
    let bytes = writer.into_inner().map_err(|error| failed(&error))?;
    String::from_utf8(bytes).map_err(|error| failed(&error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn awkward_names_are_quoted() {
        let cells = |a: &str, b: &str| vec![a.to_string(), b.to_string()];
        let rows = [cells("plain-1", ""), cells("a,\"b\"", "two\nlines")];
        let text = csv_text(&cells("name", "n"), rows).unwrap();
        assert_eq!(text, "name,n\nplain-1,\n\"a,\"\"b\"\"\",\"two\nlines\"\n");
    }

    #[test]
    fn a_row_of_another_length_is_refused() {
        let header = ["a".to_string()];
        let error = csv_text(&header, [vec!["1".to_string(), "2".to_string()]]).unwrap_err();
        assert!(matches!(error, ReportError::Csv { .. }) && !error.is_output(), "{error}");
    }
}
