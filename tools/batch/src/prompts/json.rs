//! Prompts as JSON lines.

use super::{Asked, PromptOf};
use crate::BatchError;
use crate::input::{lines, short};
use serde::Deserialize;
use std::path::Path;
use uniultra_core::{Point, PointLabel};

/// A line.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    path: String,
    frame: Option<u32>,
    object: Option<Name>,
    #[serde(default)]
    points: Vec<Click>,
    #[serde(rename = "box")]
    corners: Option<[f32; 4]>,
}

/// Annotation programs number their objects or name them.
#[derive(Deserialize)]
#[serde(untagged)]
enum Name {
    Text(String),
    Number(i64),
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Click {
    Inside([f32; 2]),
    Labelled([f32; 3]),
    Named { x: f32, y: f32, label: Option<u8> },
}

impl Click {
    fn point(&self) -> Result<Point, String> {
        let (x, y, label) = match *self {
            Self::Inside([x, y]) => (x, y, 1.0),
            Self::Labelled([x, y, label]) => (x, y, label),
            Self::Named { x, y, label } => (x, y, f32::from(label.unwrap_or(1))),
        };
        Ok(Point { x, y, label: label_of(label)? })
    }
}

/// A click's label by its number.
pub(super) fn label_of(number: f32) -> Result<PointLabel, String> {
    match number {
        1.0 => Ok(PointLabel::Positive),
        0.0 => Ok(PointLabel::Negative),
        other => Err(format!("points: expected label 1 (inside) or 0 (outside), found {other}")),
    }
}

pub(super) fn parse(path: &Path, text: &str) -> Result<Vec<PromptOf>, BatchError> {
    let mut prompts = Vec::new();
    for (number, line) in lines(text) {
        let prompt = one(line).map_err(|reason| BatchError::line(path, number, reason))?;
        prompts.push(prompt);
    }
    Ok(prompts)
}

fn one(line: &str) -> Result<PromptOf, String> {
    let line: Line = serde_json::from_str(line).map_err(|error| {
        format!(
            "expected {{\"path\": \"FILE\", \"points\": [[x, y, 1]], \"box\": [x0, y0, x1, y1]}}, with \"frame\" and \
             \"object\" if wanted, found {}: {error}",
            short(line)
        )
    })?;
    let points = line.points.iter().map(Click::point).collect::<Result<_, _>>()?;
    let object = line.object.map(|name| match name {
        Name::Text(text) => text,
        Name::Number(number) => number.to_string(),
    });
    Ok((line.path, Asked::new(line.frame, object, points, line.corners)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_has_points_or_a_box() {
        let (path, asked) = one(
            r#"{"path": "a.dcm", "frame": 3, "object": 7, "points": [[1, 2], [3, 4, 0], {"x": 5, "y": 6}], "box": [0, 0, 9, 9]}"#,
        )
        .unwrap();
        assert_eq!((path.as_str(), asked.frame), ("a.dcm", Some(3)));
        assert_eq!(asked.object.as_deref(), Some("7"));
        let prompts = asked.prompts().unwrap();
        let labels: Vec<_> = prompts.points().iter().map(|point| point.label).collect();
        use PointLabel::{Negative, Positive};
        assert_eq!(labels, [Positive, Negative, Positive]);
        assert_eq!(prompts.bounding_box(), Some([0.0, 0.0, 9.0, 9.0]));
    }

    #[test]
    fn what_is_wrong_is_said_with_the_line() {
        for (line, words) in [
            (r#"{"path": "a"}"#, "expected a point, a box or a mask, found none"),
            (r#"{"path": "a", "points": [[1, 2, 2]]}"#, "label 1 (inside) or 0 (outside), found 2"),
            (r#"{"path": "a", "box": [3, 0, 1, 1]}"#, "expected x0 < x1"),
            (r#"{"path": "a", "frame": 0, "box": [0, 0, 1, 1]}"#, "frames count from 1"),
            (r#"{"path": "a", "boxes": [0, 0, 1, 1]}"#, "unknown field `boxes`"),
            (r#"{"path": "a", "points": [[1]]}"#, "expected {\"path\""),
            ("a.png,1,2", "expected {\"path\""),
        ] {
            let text = format!("{{\"path\": \"ok\", \"points\": [[1, 1]]}}\n\n{line}\n");
            let error = parse(Path::new("p.jsonl"), &text).unwrap_err().to_string();
            assert!(error.starts_with("p.jsonl, line 3: ") && error.contains(words), "{error}");
        }
    }
}
