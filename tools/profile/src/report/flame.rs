//! A picture of the time: plans, in them blocks, parts and operations, as wide as they take long.

use crate::compare::title;
use crate::family::Family;
use crate::place::Place;
use crate::{OpProfile, Profile};
use std::fmt::Write;
use uniultra_evaluate::html_text;

const WIDTH: f64 = 1400.0;
const ROW: f64 = 22.0;
const MARGIN: f64 = 8.0;
/// Room for the title and for the legend.
const HEAD: f64 = 52.0;
/// Width of a letter, about, at the size used.
const LETTER: f64 = 6.2;
/// Narrower boxes are not drawn: one could not see them.
const NARROWEST: f64 = 0.2;

/// A box, and the boxes on it, side by side.
struct Part {
    label: String,
    ms: f64,
    color: &'static str,
    children: Vec<Part>,
}

/// The picture as SVG. Widths are medians: of an operation its own, of everything else the sum of
/// what is on it.
#[must_use]
pub fn flame(profile: &Profile) -> String {
    let root = root(profile);
    let depth = depth(&root);
    let height = HEAD + ROW * depth as f64 + MARGIN;
    let mut svg = String::new();
    // Writing to a string cannot fail.
    let _ = write_all(&mut svg, profile, &root, height);
    svg
}

fn root(profile: &Profile) -> Part {
    let preprocess = leaf("preprocess".to_string(), profile.preprocess_ms.p50, Family::Layout);
    let plans = profile.plans.iter().map(|plan| {
        let ops: Vec<_> = plan.ops.iter().map(|op| (Place::of(&op.name), op)).collect();
        sum(title(plan), blocks(&ops))
    });
    sum("one frame and one click".to_string(), std::iter::once(preprocess).chain(plans).collect())
}

/// Blocks in the order in which they begin: operations of one block are together, even if others
/// ran between them.
fn blocks(ops: &[(Place<'_>, &OpProfile)]) -> Vec<Part> {
    grouped(ops, |place| place.block, |inside| grouped(inside, |place| place.part, operations))
}

fn grouped<'a>(
    ops: &[(Place<'a>, &OpProfile)],
    key: impl Fn(&Place<'a>) -> &'a str,
    inside: impl Fn(&[(Place<'a>, &OpProfile)]) -> Vec<Part>,
) -> Vec<Part> {
    let mut names: Vec<&str> = Vec::new();
    for (place, _) in ops {
        if !names.contains(&key(place)) {
            names.push(key(place));
        }
    }
    let group = |name: &str| {
        let member = |(place, _): &&(Place<'a>, &OpProfile)| key(place) == name;
        let members: Vec<_> = ops.iter().filter(member).copied().collect();
        // What is in no block, or in no part of one, stands beside those that are.
        if name.is_empty() {
            operations(&members)
        } else {
            vec![sum(name.to_string(), inside(&members))]
        }
    };
    names.into_iter().flat_map(group).collect()
}

fn operations(ops: &[(Place<'_>, &OpProfile)]) -> Vec<Part> {
    let one = |(place, op): &(Place<'_>, &OpProfile)| {
        leaf(format!("{} ({})", place.rest, op.op), op.ms.p50, Family::of(&op.op))
    };
    ops.iter().map(one).collect()
}

fn leaf(label: String, ms: f64, family: Family) -> Part {
    Part { label, ms, color: family.color(), children: Vec::new() }
}

fn sum(label: String, children: Vec<Part>) -> Part {
    let ms = children.iter().map(|child| child.ms).sum();
    Part { label, ms, color: "#ffffff", children }
}

fn depth(part: &Part) -> usize {
    1 + part.children.iter().map(depth).max().unwrap_or(0)
}

fn write_all(svg: &mut String, profile: &Profile, root: &Part, height: f64) -> std::fmt::Result {
    let model = html_text(&profile.model.id);
    writeln!(
        svg,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" \
         width=\"{WIDTH}\" height=\"{height}\" font-family=\"sans-serif\" font-size=\"11\">\n\
         <rect width=\"{WIDTH}\" height=\"{height}\" fill=\"#fff\"/>\n\
         <text x=\"{MARGIN}\" y=\"18\" font-size=\"14\">{model} {}: medians in ms</text>",
        html_text(&profile.model.version)
    )?;
    let mut x = MARGIN;
    for family in Family::ALL {
        let (color, label) = (family.color(), family.label());
        let text_x = x + 16.0;
        writeln!(
            svg,
            "<rect x=\"{x:.1}\" y=\"28\" width=\"12\" height=\"12\" fill=\"{color}\"/>\
             <text x=\"{text_x:.1}\" y=\"38\">{label}</text>"
        )?;
        x = text_x + LETTER * label.len() as f64 + 18.0;
    }
    let scale = (WIDTH - 2.0 * MARGIN) / root.ms.max(f64::MIN_POSITIVE);
    draw(svg, root, [MARGIN, HEAD], scale, root.ms)?;
    writeln!(svg, "</svg>")
}

fn draw(
    svg: &mut String,
    part: &Part,
    [x, y]: [f64; 2],
    scale: f64,
    all_ms: f64,
) -> std::fmt::Result {
    let width = part.ms * scale;
    if width < NARROWEST {
        return Ok(());
    }
    let label = format!("{} {:.3}", part.label, part.ms);
    let share = 100.0 * part.ms / all_ms.max(f64::MIN_POSITIVE);
    // What does not fit is cut; the tip that appears under the pointer has it whole.
    let letters = ((width - 6.0) / LETTER).max(0.0) as usize;
    let shown: String =
        if letters < 3 { String::new() } else { label.chars().take(letters).collect() };
    writeln!(
        svg,
        "<g><title>{} ms, {share:.1} %</title><rect x=\"{x:.2}\" y=\"{y:.1}\" width=\"{width:.2}\" \
         height=\"{}\" fill=\"{}\" stroke=\"#777\" stroke-width=\"0.4\"/>\
         <text x=\"{:.2}\" y=\"{:.1}\">{}</text></g>",
        html_text(&label),
        ROW - 1.0,
        part.color,
        x + 3.0,
        y + 15.0,
        html_text(&shown)
    )?;
    let mut left = x;
    for child in &part.children {
        draw(svg, child, [left, y + ROW], scale, all_ms)?;
        left += child.ms * scale;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::tests::profile;
    use super::*;

    #[test]
    fn boxes_are_as_wide_as_what_they_stand_for() {
        let root = root(&profile());
        assert_eq!(root.ms, 7.5);
        let encoder = &root.children[1];
        assert_eq!((encoder.label.as_str(), encoder.ms), ("frame: image encoder", 7.0));
        let names: Vec<_> = encoder.children.iter().map(|b| (b.label.as_str(), b.ms)).collect();
        assert_eq!(names, [("blocks.0", 6.0), ("Add<& (Add)", 1.0)]);
        let names: Vec<_> = encoder.children[0].children.iter().map(|p| p.label.as_str()).collect();
        assert_eq!(names, ["attn", "Add (Add)"]);
        assert_eq!(encoder.children[0].children[0].children[0].label, "proj/Add (uniultra.Linear)");
        assert_eq!(depth(&root), 5);
    }

    #[test]
    fn names_cannot_break_the_picture() {
        let svg = flame(&profile());
        assert!(svg.contains("Add&lt;&amp; (Add) 1.000 ms, 13.3 %"), "{svg}");
        assert!(!svg.contains("Add<&"));
        // 1384 px for 7.5 ms.
        assert!(svg.contains("width=\"1384.00\"") && svg.contains("width=\"738.13\""), "{svg}");
    }
}
