//! UNS: the brachial plexus (Kaggle's ultrasound nerve segmentation).

use crate::PrepareError;
use crate::case::{FoundCases, RawCase};
use crate::catalogue::{SetSpec, Source};
use crate::raw::RawFolder;
use crate::sets::{digits, mask_or};

pub(crate) const SOURCE: Source = Source {
    name: "uns",
    title: "Ultrasound nerve segmentation (UNS, Kaggle 2016)",
    organ: "brachial plexus, neck",
    images: "5635 of 47 subjects (5508 more for testing, without masks)",
    licence: "the rules of the Kaggle competition",
    citation: "Montoya, Hasnin, kaggle446, shirzad, Cukierski, yffud: Ultrasound nerve segmentation. Kaggle (2016)",
    url: "https://www.kaggle.com/c/ultrasound-nerve-segmentation",
    layout: "folder train with `1_1.tif` and `1_1_mask.tif`",
    masks: "Masks are as published. Images without the nerve are the set uns-empty, with empty masks. The competition's test images have no masks and are left out.",
    grouped_by: "subject (the number that a name begins with)",
    sets: &[SetSpec {
        name: "uns",
        object: "brachial plexus",
        labels: &[],
        empty: Some("uns-empty"),
    }],
    needs: &[&["train"]],
    find,
};

fn find(raw: &RawFolder) -> Result<FoundCases, PrepareError> {
    let masks =
        raw.pictures_by("train", |stem| stem.strip_suffix("_mask").map(ToString::to_string));
    let mut cases = Vec::new();
    for file in raw.pictures_in("train") {
        let stem = file.stem();
        let Some((subject, number)) = stem.split_once('_') else { continue };
        let (Some(subject), Some(_)) = (digits(subject), digits(number)) else { continue };
        let truth = mask_or(masks.get(stem).cloned(), || format!("train/{stem}_mask.tif"));
        let group = format!("uns_{subject}");
        cases.push(RawCase::new(format!("uns_{stem}"), group, file.path.clone(), truth));
    }
    if masks.is_empty() {
        cases.clear();
    }
    Ok(FoundCases { cases, unlabelled: raw.pictures_in("test").count() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::case::Truth;
    use crate::sets::layout::Layout;

    #[test]
    fn subjects_are_groups() {
        let found = Layout::of(&[
            "train/1_1.tif",
            "train/1_1_mask.tif",
            "train/1_12.tif",
            "train/12_1.tif",
            "train/12_1_mask.tif",
            "test/1.tif",
        ])
        .read(&SOURCE)
        .unwrap();
        let groups: Vec<_> =
            found.cases.iter().map(|c| (c.stem.as_str(), c.group.as_str())).collect();
        let expected = [("uns_12_1", "uns_12"), ("uns_1_1", "uns_1"), ("uns_1_12", "uns_1")];
        assert_eq!((groups.as_slice(), found.unlabelled), (expected.as_slice(), 1));
        assert!(
            matches!(&found.cases[2].truth, Truth::Missing(what) if what.contains("1_12_mask"))
        );
    }
}
