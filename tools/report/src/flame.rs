//! Where time goes, as a flame graph: boxes in boxes, each as wide as it takes long.

use crate::ReportError;
use inferno::flamegraph::color::{Color, PaletteMap};
use inferno::flamegraph::{self, Direction, Options, TextTruncateDirection};

/// Something that took time, and what it is in.
#[derive(Clone, Debug, PartialEq)]
pub struct FlameLeaf {
    /// Names from the outermost box to its own.
    pub stack: Vec<String>,
    /// Its time.
    pub ms: f64,
    /// Colour of its own box; the boxes around it are gray.
    pub rgb: [u8; 3],
}

/// The flame graph as an SVG file, outermost boxes on top. A click on a box widens it, and names can
/// be searched.
///
/// Neighbours with the same name become one box.
///
/// # Errors
/// [`ReportError::Plot`] if no leaf took any time.
pub fn flame_graph(
    title: &str,
    subtitle: &str,
    leaves: &[FlameLeaf],
) -> Result<String, ReportError> {
    let mut palette = PaletteMap::default();
    for leaf in leaves {
        let around = leaf.stack.len().saturating_sub(1);
        for name in leaf.stack.iter().take(around) {
            palette.insert(name_of(name), Color { r: 236, g: 238, b: 241 });
        }
    }
    // After the boxes around them: where a name is both, its own colour counts.
    for leaf in leaves {
        let [r, g, b] = leaf.rgb;
        if let Some(name) = leaf.stack.last() {
            palette.insert(name_of(name), Color { r, g, b });
        }
    }
    // A chart, where boxes stay in their order, reads its lines from the end.
    let lines: Vec<String> = leaves.iter().rev().map(folded).collect();
    let mut options = Options::default();
    options.title = title.to_string();
    options.subtitle = Some(subtitle.to_string());
    options.direction = Direction::Inverted;
    options.text_truncate_direction = TextTruncateDirection::Right;
    options.flame_chart = true;
    options.min_width = 0.01;
    options.font_size = 12;
    // Times go in as whole nanoseconds and come out as microseconds.
    options.factor = 1e-3;
    options.count_name = "us".to_string();
    options.palette_map = Some(&mut palette);
    let mut svg = Vec::new();
    let failed = |reason: String| ReportError::Plot { title: title.to_string(), reason };
    flamegraph::from_lines(&mut options, lines.iter().map(String::as_str), &mut svg)
        .map_err(|error| failed(error.to_string()))?;
    String::from_utf8(svg).map_err(|error| failed(error.to_string()))
}

/// A leaf as inferno reads it: names with semicolons between, then nanoseconds.
fn folded(leaf: &FlameLeaf) -> String {
    let names: Vec<String> = leaf.stack.iter().map(|name| name_of(name)).collect();
    format!("{} {:.0}", names.join(";"), (leaf.ms * 1e6).max(0.0))
}

/// A name without what means something to inferno: a semicolon ends a name, and a number at the end
/// would be a time.
fn name_of(name: &str) -> String {
    let name = name.replace(';', ",").replace(['\n', '\r'], " ");
    match name.rsplit_once(' ') {
        Some((words, number)) if number.parse::<f64>().is_ok() => format!("{words}\u{a0}{number}"),
        _ => name,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn leaf(stack: &[&str], ms: f64) -> FlameLeaf {
        let stack = stack.iter().map(|name| (*name).to_string()).collect();
        FlameLeaf { stack, ms, rgb: [142, 196, 232] }
    }

    #[test]
    fn boxes_have_their_times_and_shares() {
        let leaves = [
            leaf(&["frame", "b", "proj (Linear)"], 4.0),
            leaf(&["frame", "a", "Add"], 2.0),
            leaf(&["frame", "b", "Add"], 1.5),
        ];
        let svg = flame_graph("m", "of a frame", &leaves).unwrap();
        assert!(svg.contains("proj (Linear) (4,000 us, 53.33%)"), "{svg}");
        assert!(svg.contains("frame (7,500 us, 100.00%)"), "{svg}");
        // In the order in which they came: the two parts of `b` stay apart.
        assert!(svg.contains("b (4,000 us, 53.33%)") && svg.contains("b (1,500 us, 20.00%)"));
        assert!(svg.contains("rgb(142,196,232)") && svg.contains("rgb(236,238,241)"), "{svg}");
    }

    #[test]
    fn names_cannot_break_the_picture() {
        let svg = flame_graph("<m>", "", &[leaf(&["a;b", "<script>& 7"], 1.0)]).unwrap();
        assert!(svg.contains("&lt;script&gt;&amp;\u{a0}7 (1,000 us, 100.00%)"), "{svg}");
        assert!(svg.contains("a,b (1,000 us") && !svg.contains("<script>&"), "{svg}");
    }

    #[test]
    fn without_time_there_is_no_picture() {
        assert!(matches!(flame_graph("m", "", &[]), Err(ReportError::Plot { .. })));
    }
}
