//! Prompts as a table (CSV): a header, then a prompt a row.

use super::json::label_of;
use super::{Asked, PromptOf};
use crate::BatchError;
use std::path::Path;
use uniultra_core::Point;

/// The columns that a table may have, in any order. Only `path` has to be there.
const COLUMNS: [&str; 5] = ["path", "frame", "object", "points", "box"];

pub(super) fn parse(path: &Path, bytes: &[u8]) -> Result<Vec<PromptOf>, BatchError> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(bytes);
    let refuse = |error: csv::Error| {
        let line = error.position().map_or(1, csv::Position::line);
        BatchError::line(path, line, error)
    };
    let header = reader.headers().map_err(refuse)?.clone();
    let unknown = header.iter().find(|name| !COLUMNS.contains(name));
    if let Some(name) =
        unknown.or((!header.iter().any(|name| name == "path")).then_some("no `path`"))
    {
        let reason =
            format!("expected a header with the columns {}, found {name}", COLUMNS.join(", "));
        return Err(BatchError::line(path, 1, reason));
    }
    let column = |name| header.iter().position(|found| found == name);
    let columns = COLUMNS.map(column);
    let mut prompts = Vec::new();
    for record in reader.records() {
        let record = record.map_err(refuse)?;
        let line = record.position().map_or(1, csv::Position::line);
        let cells = columns.map(|column| column.and_then(|i| record.get(i)).unwrap_or_default());
        prompts.push(one(cells).map_err(|reason| BatchError::line(path, line, reason))?);
    }
    Ok(prompts)
}

fn one([path, frame, object, points, corners]: [&str; 5]) -> Result<PromptOf, String> {
    if path.is_empty() {
        return Err("path: expected the path of a file, found nothing".to_string());
    }
    let number = |text: &str| format!("frame: expected a number from 1, found {text:?}");
    let frame = match frame {
        "" => None,
        text => Some(text.parse().map_err(|_| number(text))?),
    };
    let object = (!object.is_empty()).then(|| object.to_string());
    let points = points.split(';').map(str::trim).filter(|text| !text.is_empty());
    let points = points.map(point).collect::<Result<_, _>>()?;
    let corners = match corners {
        "" => None,
        text => match numbers(text).as_deref() {
            Some(&[x0, y0, x1, y1]) => Some([x0, y0, x1, y1]),
            _ => return Err(format!("box: expected `x0 y0 x1 y1`, found {text:?}")),
        },
    };
    Ok((path.to_string(), Asked::new(frame, object, points, corners)?))
}

fn point(text: &str) -> Result<Point, String> {
    let (x, y, label) = match numbers(text).as_deref() {
        Some(&[x, y]) => (x, y, 1.0),
        Some(&[x, y, label]) => (x, y, label),
        _ => return Err(format!("points: expected `x y label; x y label`, found {text:?}")),
    };
    Ok(Point { x, y, label: label_of(label)? })
}

/// Numbers with spaces or commas between them.
fn numbers(text: &str) -> Option<Vec<f32>> {
    let parts = text.split([' ', ',']).filter(|part| !part.is_empty());
    parts.map(|part| part.parse().ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use uniultra_core::PointLabel;

    #[test]
    fn columns_come_in_any_order() {
        let text = "\u{feff}box,path,points,object\r\n,a.png,200 150; 40 30 0,cyst\r\n\"1,2,3,4\",\"b,c.png\",,\r\n";
        let prompts = parse(Path::new("p.csv"), text.as_bytes()).unwrap();
        assert_eq!(prompts.len(), 2);
        let (path, first) = &prompts[0];
        assert_eq!((path.as_str(), first.object.as_deref()), ("a.png", Some("cyst")));
        let points = first.prompts().unwrap().points().to_vec();
        assert_eq!((points[1].x, points[1].label), (40.0, PointLabel::Negative));
        let (path, second) = &prompts[1];
        assert_eq!((path.as_str(), &second.object), ("b,c.png", &None));
        assert_eq!(second.prompts().unwrap().bounding_box(), Some([1.0, 2.0, 3.0, 4.0]));
    }

    #[test]
    fn what_is_wrong_is_said_with_the_line() {
        let message =
            |text: &str| parse(Path::new("p.csv"), text.as_bytes()).unwrap_err().to_string();
        assert!(
            message("path,x,y\na,1,2\n")
                .contains("columns path, frame, object, points, box, found x")
        );
        assert!(message("frame,box\n1,1 2 3 4\n").contains("found no `path`"));
        for (row, words) in [
            ("a,,1 2 3 4 5,", "points: expected `x y label; x y label`"),
            ("a,,,1 2 3", "box: expected `x0 y0 x1 y1`"),
            ("a,,,1 2 3 x", "box: expected"),
            ("a,-1,1 1,", "frame: expected a number from 1"),
            ("a,,,", "expected a point, a box or a mask"),
            (",,1 1,", "path: expected"),
            ("a,,nan 1,", "finite"),
            ("a,1", "found record with 2 fields"),
        ] {
            let error = message(&format!("path,frame,points,box\na,,1 1,\n{row}\n"));
            assert!(error.starts_with("p.csv, line 3: ") && error.contains(words), "{error}");
        }
    }
}
