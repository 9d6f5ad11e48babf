//! A picture of the time: plans, in them blocks, parts and operations, as wide as they take long.

use crate::compare::title;
use crate::family::Family;
use crate::place::Place;
use crate::{OpProfile, PlanProfile, Profile};
use uniultra_report::{FlameLeaf, ReportError, flame_graph};

/// The picture as SVG. Widths are medians: of an operation its own, of everything else the sum of
/// what is in it.
///
/// # Errors
/// [`ReportError::Plot`] if nothing took any time.
pub(super) fn flame(profile: &Profile) -> Result<String, ReportError> {
    let model = format!("{} {}", profile.model.id, profile.model.version);
    let subtitle = "one frame and one click, medians; colours are families of operations";
    flame_graph(&model, subtitle, &leaves(profile))
}

fn leaves(profile: &Profile) -> Vec<FlameLeaf> {
    let preprocess = FlameLeaf {
        stack: vec!["preprocess".to_string()],
        ms: profile.preprocess_ms.p50,
        rgb: Family::Layout.rgb(),
    };
    let plans = profile.plans.iter().flat_map(of_plan);
    std::iter::once(preprocess).chain(plans).collect()
}

/// Blocks in the order in which they begin: operations of one block are together, even if others
/// ran between them, and so are those of one part of a block.
fn of_plan(plan: &PlanProfile) -> Vec<FlameLeaf> {
    let ops: Vec<(Place<'_>, &OpProfile)> =
        plan.ops.iter().map(|op| (Place::parse(&op.name), op)).collect();
    let mut order: Vec<(&str, &str)> = Vec::new();
    for (place, _) in &ops {
        let key = (place.block, place.part);
        if !order.contains(&key) {
            let same_block = order.iter().rposition(|(block, _)| *block == place.block);
            order.insert(same_block.map_or(order.len(), |last| last + 1), key);
        }
    }
    let of = |key: (&str, &str)| {
        let members = ops.iter().filter(move |(place, _)| (place.block, place.part) == key);
        members.map(|(place, op)| leaf(plan, place, op)).collect::<Vec<_>>()
    };
    order.into_iter().flat_map(of).collect()
}

fn leaf(plan: &PlanProfile, place: &Place<'_>, op: &OpProfile) -> FlameLeaf {
    let family = Family::from_op(&op.op);
    let name = format!("{} ({}): {}", place.rest, op.op, family.label());
    // What is in no block, or in no part of one, stands beside those that are.
    let around = [place.block, place.part].into_iter().filter(|name| !name.is_empty());
    let stack = std::iter::once(title(plan)).chain(around.map(str::to_string)).chain([name]);
    FlameLeaf { stack: stack.collect(), ms: op.ms.p50, rgb: family.rgb() }
}

#[cfg(test)]
mod tests {
    use super::super::tests::profile;
    use super::*;

    #[test]
    fn boxes_stand_for_plans_blocks_and_parts() {
        let leaves = leaves(&profile());
        let stacks: Vec<_> = leaves.iter().map(|leaf| (leaf.stack.join(" > "), leaf.ms)).collect();
        let expected = [
            ("preprocess", 0.5),
            ("frame: image encoder > blocks.0 > attn > proj/Add (uniultra.Linear): products", 4.0),
            ("frame: image encoder > blocks.0 > Add (Add): element by element", 2.0),
            ("frame: image encoder > Add<& (Add): element by element", 1.0),
        ];
        assert_eq!(stacks, expected.map(|(stack, ms)| (stack.to_string(), ms)));
    }

    #[test]
    fn names_cannot_break_the_picture() {
        let svg = flame(&profile()).unwrap();
        assert!(svg.contains("Add&lt;&amp; (Add): element by element (1,000 us, 13.33%)"), "{svg}");
        assert!(svg.contains("blocks.0 (6,000 us, 80.00%)") && !svg.contains("Add<&"), "{svg}");
    }
}
