//! Which part each image is in.

use crate::Part;
use crate::duplicates::Pair;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;

/// Shares of the groups.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Shares {
    pub(crate) val: f64,
    pub(crate) test: f64,
}

/// The part of a group. It depends on the data set, the group's name and the shares alone, so it stays
/// when other images come or go.
pub(crate) fn part_of(data_set: &str, group: &str, shares: Shares) -> Part {
    let digest = Sha256::digest(format!("{data_set}/{group}"));
    let bits = digest.first_chunk::<8>().map_or(0, |bytes| u64::from_be_bytes(*bytes));
    // 53 bits are exact in f64.
    let place = (bits >> 11) as f64 / (1_u64 << 53) as f64;
    match place {
        place if place < shares.test => Part::Test,
        place if place < shares.test + shares.val => Part::Val,
        _ => Part::Train,
    }
}

/// Names of groups, by image: groups that near-duplicates tie together get the first of their names.
pub(crate) fn tied(groups: &[&str], pairs: &[Pair]) -> Vec<String> {
    let mut above: BTreeMap<&str, &str> = groups.iter().map(|&group| (group, group)).collect();
    for pair in pairs {
        let (Some(first), Some(second)) = (groups.get(pair.first), groups.get(pair.second)) else {
            continue;
        };
        let (first, second) = (root(&above, first), root(&above, second));
        above.insert(first.max(second), first.min(second));
    }
    groups.iter().map(|group| root(&above, group).to_string()).collect()
}

fn root<'a>(above: &BTreeMap<&'a str, &'a str>, group: &'a str) -> &'a str {
    let mut group = group;
    while let Some(&next) = above.get(group).filter(|next| **next != group) {
        group = next;
    }
    group
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHARES: Shares = Shares { val: 0.1, test: 0.2 };

    #[test]
    fn parts_have_their_shares_and_stay() {
        let parts: Vec<_> =
            (0..10_000).map(|n| part_of("uns", &format!("uns_{n}"), SHARES)).collect();
        let count = |part| parts.iter().filter(|&&found| found == part).count();
        // 2000 and 1000 expected; the deviations are 40 and 30.
        assert!(count(Part::Test).abs_diff(2000) < 200, "{}", count(Part::Test));
        assert!(count(Part::Val).abs_diff(1000) < 150, "{}", count(Part::Val));
        // Written down, so that another version of this program does not move images.
        use Part::{Test, Train, Val};
        assert_eq!(parts[..8], [Train, Train, Train, Train, Test, Val, Test, Train]);
        let all = |val, test| part_of("uns", "uns_1", Shares { val, test });
        assert_eq!(
            (all(0.0, 1.0), all(1.0, 0.0), all(0.0, 0.0)),
            (Part::Test, Part::Val, Part::Train)
        );
    }

    #[test]
    fn near_duplicates_tie_groups() {
        let pair = |first, second| Pair { first, second, distance: 0 };
        let groups = ["d", "c", "b", "a", "b"];
        assert_eq!(tied(&groups, &[]), groups);
        assert_eq!(tied(&groups, &[pair(0, 1), pair(1, 4)]), ["b", "b", "b", "a", "b"]);
        assert_eq!(tied(&groups, &[pair(0, 1), pair(2, 3), pair(0, 2)]), ["a"; 5]);
    }
}
