//! TN3K: thyroid nodules, with a test set and folds of the others.

use crate::PrepareError;
use crate::case::{FoundCases, Part, RawCase, Truth};
use crate::catalogue::{SetSpec, Source};
use crate::raw::{RawFolder, text_of};
use crate::sets::mask_or;
use serde::Deserialize;
use std::collections::BTreeSet;

const FOLD: &str = "tn3k-trainval-fold0.json";

pub(crate) const SOURCE: Source = Source {
    name: "tn3k",
    title: "Thyroid Nodule 3493 (TN3K)",
    organ: "thyroid nodule",
    images: "3493 (614 of them for testing)",
    licence: "none stated for the images",
    citation: "Gong, Chen, Chen, Li, Li, Chen: Thyroid region prior guided attention for ultrasound segmentation of thyroid nodules. Computers in Biology and Medicine 155 (2023) 106389",
    url: "https://github.com/haifangong/TRFE-Net-for-thyroid-nodule-segmentation",
    layout: "folders trainval-image, trainval-mask, test-image and test-mask with `0000.jpg`, and tn3k-trainval-fold0.json",
    masks: "The masks are JPEG files; they are cut at half of their range. The split is the published one: fold 0, and the test set.",
    grouped_by: "image",
    sets: &[SetSpec::binary("tn3k", "thyroid nodule")],
    needs: &[&["trainval-image", "trainval-mask", "test-image", "test-mask", FOLD]],
    find,
};

#[derive(Debug, Deserialize)]
struct Fold {
    train: BTreeSet<u32>,
    val: BTreeSet<u32>,
}

fn find(raw: &RawFolder) -> Result<FoundCases, PrepareError> {
    let Some(file) = raw.named(FOLD) else { return Ok(FoundCases::default()) };
    let fold: Fold = serde_json::from_str(&text_of(&file.path)?).map_err(|error| {
        let reason = format!("expected lists of numbers `train` and `val`: {error}");
        PrepareError::Table { path: file.path.clone(), reason }
    })?;
    let mut cases = Vec::new();
    for half in ["trainval", "test"] {
        let masks = raw.pictures_by(&format!("{half}-mask"), |stem| Some(stem.to_string()));
        for file in raw.pictures_in(&format!("{half}-image")) {
            let Ok(number) = file.stem().parse::<u32>() else { continue };
            let mask = masks.get(file.stem()).cloned();
            let mut truth = mask_or(mask, || format!("{half}-mask/{}", file.name));
            let part = match half {
                "test" => Some(Part::Test),
                _ if fold.train.contains(&number) => Some(Part::Train),
                _ if fold.val.contains(&number) => Some(Part::Val),
                _ => None,
            };
            if part.is_none() {
                truth =
                    Truth::Missing(format!("expected the number {number} in {FOLD}, found none"));
            }
            let stem = format!("tn3k_{half}_{}", file.stem());
            let mut case = RawCase::alone(stem, file.path.clone(), truth);
            case.part = part;
            cases.push(case);
        }
    }
    Ok(FoundCases { cases, unlabelled: 0 })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sets::layout::Layout;

    fn layout() -> Layout {
        let halves = ["trainval", "test"];
        let files: Vec<String> = halves
            .iter()
            .flat_map(|half| ["image", "mask"].map(|kind| format!("tn3k/{half}-{kind}/0000.jpg")))
            .chain(["0001", "0002"].map(|n| format!("tn3k/trainval-image/{n}.jpg")))
            .collect();
        let names: Vec<_> = files.iter().map(String::as_str).collect();
        Layout::of(&names)
    }

    #[test]
    fn the_split_is_the_published_one() {
        let layout =
            layout().with("tn3k/tn3k-trainval-fold0.json", r#"{"train": [0], "val": [1]}"#);
        let found = layout.read(&SOURCE).unwrap();
        let parts: Vec<_> = found.cases.iter().map(|c| (c.stem.as_str(), c.part)).collect();
        assert_eq!(
            parts,
            [
                ("tn3k_trainval_0000", Some(Part::Train)),
                ("tn3k_trainval_0001", Some(Part::Val)),
                ("tn3k_trainval_0002", None),
                ("tn3k_test_0000", Some(Part::Test)),
            ]
        );
        assert!(matches!(&found.cases[0].truth, Truth::Masks(_)));
        assert!(matches!(&found.cases[1].truth, Truth::Missing(what) if what.contains("0001.jpg")));
        assert!(matches!(&found.cases[2].truth, Truth::Missing(what) if what.contains("fold0")));
    }

    #[test]
    fn a_damaged_fold_is_refused() {
        let layout = layout().with("tn3k/tn3k-trainval-fold0.json", r#"{"train": [0"#);
        let message = layout.read(&SOURCE).unwrap_err().to_string();
        assert!(message.contains("fold0.json") && message.contains("`val`"), "{message}");
    }
}
