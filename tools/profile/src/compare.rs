//! Two profiles side by side.

use crate::{Group, Phase, PlanProfile, Profile, Setting};
use serde::{Deserialize, Serialize};
use uniultra_schema::ModelIdentity;

/// Profile A, whose report this is in, next to profile B.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Comparison {
    /// B.
    pub other: Other,
    /// Whether both were measured in one run, A B A B. If not, the machine may have been another, or
    /// in another mood: a ratio says that much less.
    pub interleaved: bool,
    /// Stages first, then families, kinds and blocks, plan by plan.
    pub lines: Vec<Line>,
}

/// What B was.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Other {
    /// Folder or report, as given.
    pub path: String,
    /// The model.
    pub model: ModelIdentity,
    /// How it was measured.
    pub setting: Setting,
}

/// Medians of one thing.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Line {
    /// `stage`, `family`, `kind` or `block`.
    pub what: String,
    /// The plan that it is in, e.g. `frame: image encoder`; empty for stages.
    pub plan: String,
    /// Its name.
    pub name: String,
    /// A's median; `null` if A has no such thing.
    pub a_ms: Option<f64>,
    /// B's median; `null` if B has no such thing.
    pub b_ms: Option<f64>,
    /// A over B: above 1 where B is faster; `null` where one is missing.
    pub ratio: Option<f64>,
}

impl Line {
    fn new(what: &str, plan: &str, name: &str, ms: [Option<f64>; 2]) -> Self {
        let ratio = match ms {
            [Some(a), Some(b)] if b > 0.0 => Some(a / b),
            _ => None,
        };
        let [what, plan, name] = [what, plan, name].map(str::to_string);
        Self { what, plan, name, a_ms: ms[0], b_ms: ms[1], ratio }
    }
}

impl Comparison {
    /// Puts two profiles side by side.
    #[must_use]
    pub fn new([a, b]: [&Profile; 2], other: Other, interleaved: bool) -> Self {
        let stage = |name: &str, of: &dyn Fn(&Profile) -> f64| {
            Line::new("stage", "", name, [Some(of(a)), Some(of(b))])
        };
        let mut lines = vec![
            stage("preprocess", &|profile| profile.preprocess_ms.p50),
            stage("frame: all plans", &|profile| profile.frame_ms.p50),
            stage("click: all plans", &|profile| profile.click_ms.p50),
        ];
        for pair in pairs(&a.plans, &b.plans, key) {
            let name = pair.iter().flatten().next().map(|plan| title(plan)).unwrap_or_default();
            for (what, of) in [
                ("family", (|plan| &plan.families) as fn(&PlanProfile) -> &Vec<Group>),
                ("kind", |plan| &plan.kinds),
                ("block", |plan| &plan.blocks),
            ] {
                let [a, b] = pair.map(|plan| plan.map(of).map_or(&[][..], Vec::as_slice));
                for groups in pairs(a, b, |groups, i| (groups[i].name.as_str(), 0)) {
                    let group = groups.iter().flatten().next();
                    let group_name = group.map(|group| group.name.as_str()).unwrap_or_default();
                    let ms = groups.map(|group| group.map(|group| group.ms.p50));
                    lines.push(Line::new(what, &name, group_name, ms));
                }
            }
        }
        Self { other, interleaved, lines }
    }
}

/// What a plan is called, e.g. `frame: image encoder`.
pub(crate) fn title(plan: &PlanProfile) -> String {
    format!("{}: {}", plan.phase, plan.network)
}

/// A plan's phase, network, and how many such came before.
fn key(plans: &[PlanProfile], i: usize) -> ((Phase, &str), usize) {
    let of =
        |plan: &'_ PlanProfile| plan.phase == plans[i].phase && plan.network == plans[i].network;
    ((plans[i].phase, &plans[i].network), plans[..i].iter().filter(|plan| of(plan)).count())
}

/// Elements of `a` with those of `b` that have the same key, in A's order; then the rest of `b`.
fn pairs<'t, T, K: PartialEq>(
    a: &'t [T],
    b: &'t [T],
    key: impl Fn(&'t [T], usize) -> K,
) -> Vec<[Option<&'t T>; 2]> {
    let keys = |of: &'t [T]| (0..of.len()).map(|i| key(of, i)).collect::<Vec<K>>();
    let (keys_a, keys_b) = (keys(a), keys(b));
    let partner = |key: &K| keys_b.iter().position(|other| other == key).map(|i| &b[i]);
    let both = a.iter().zip(&keys_a).map(|(item, key)| [Some(item), partner(key)]);
    let rest = b.iter().zip(&keys_b).filter(|(_, key)| !keys_a.contains(key));
    both.chain(rest.map(|(item, _)| [None, Some(item)])).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::tests::{profile, setting};

    fn compare(a: &Profile, b: &Profile) -> Vec<Line> {
        let other = Other { path: "b".to_string(), model: b.model.clone(), setting: setting() };
        Comparison::new([a, b], other, true).lines
    }

    #[test]
    fn a_profile_is_as_fast_as_itself() {
        let lines = compare(&profile(), &profile());
        // Three stages, two families, kinds and blocks.
        assert_eq!(lines.len(), 9);
        assert!(lines.iter().all(|line| line.ratio.is_none_or(|ratio| ratio == 1.0)), "{lines:?}");
    }

    #[test]
    fn what_only_one_has_is_listed_without_a_ratio() {
        let (a, mut b) = (profile(), profile());
        b.frame_ms.p50 /= 2.0;
        b.plans[0].kinds[0].name = "uniultra.Other".to_string();
        let lines = compare(&a, &b);
        assert_eq!(lines[1].ratio, Some(2.0));
        let line = |name: &str| lines.iter().find(|line| line.name == name).unwrap();
        let (ours, theirs) = (line("uniultra.Linear"), line("uniultra.Other"));
        assert_eq!((ours.b_ms, theirs.a_ms, theirs.b_ms), (None, None, Some(4.0)));
        assert_eq!((ours.ratio, theirs.plan.as_str()), (None, "frame: image encoder"));
    }
}
