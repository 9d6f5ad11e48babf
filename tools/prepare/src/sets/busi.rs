//! BUSI: breast lesions, with up to three mask files an image, and breasts without a lesion.

use crate::PrepareError;
use crate::case::{FoundCases, RawCase, Truth};
use crate::catalogue::{SetSpec, Source};
use crate::raw::RawFolder;
use std::collections::BTreeMap;
use std::path::PathBuf;

const CLASSES: [&str; 3] = ["benign", "malignant", "normal"];

pub(crate) const SOURCE: Source = Source {
    name: "busi",
    title: "Breast Ultrasound Images Dataset (BUSI)",
    organ: "breast",
    images: "780 (437 benign, 210 malignant, 133 normal)",
    licence: "none stated with the files; the article is CC BY 4.0",
    citation: "Al-Dhabyani, Gomaa, Khaled, Fahmy: Dataset of breast ultrasound images. Data in Brief 28 (2020) 104863",
    url: "https://scholar.cu.edu.eg/?q=afahmy/pages/dataset",
    layout: "folders benign, malignant and normal with `benign (1).png`, `benign (1)_mask.png`, `benign (1)_mask_1.png`",
    masks: "The mask files of an image are united. Images of the folder normal have empty masks and are the set busi-normal.",
    grouped_by: "image",
    sets: &[SetSpec {
        name: "busi",
        object: "breast lesion",
        labels: &[],
        empty: Some("busi-normal"),
    }],
    needs: &[&CLASSES],
    find,
};

fn find(raw: &RawFolder) -> Result<FoundCases, PrepareError> {
    let mut cases = Vec::new();
    for class in CLASSES {
        let mut images = BTreeMap::<u32, (PathBuf, String)>::new();
        let mut masks = BTreeMap::<u32, Vec<PathBuf>>::new();
        for file in raw.pictures_in(class) {
            let stem = file.stem();
            let (name, is_mask) = match stem.split_once("_mask") {
                Some((name, _)) => (name, true),
                None => (stem, false),
            };
            let Some(number) = number(name, class) else { continue };
            if is_mask {
                masks.entry(number).or_default().push(file.path.clone());
            } else {
                images.insert(number, (file.path.clone(), name.to_string()));
            }
        }
        for (number, (image, name)) in images {
            let truth = match masks.remove(&number) {
                Some(masks) => Truth::Masks(masks),
                None => Truth::Missing(format!("expected the mask {name}_mask.png, found none")),
            };
            let mut case = RawCase::alone(format!("busi_{class}_{number:03}"), image, truth);
            case.object = Some(class != "normal");
            cases.push(case);
        }
    }
    Ok(FoundCases { cases, unlabelled: 0 })
}

/// The number in `benign (12)`.
fn number(name: &str, class: &str) -> Option<u32> {
    let rest = name.strip_prefix(class)?.trim_start();
    rest.strip_prefix('(')?.trim_end().strip_suffix(')')?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sets::layout::Layout;

    #[test]
    fn masks_of_one_image_belong_together() {
        let layout = Layout::of(&[
            "BUSI/benign/benign (1).png",
            "BUSI/benign/benign (1)_mask.png",
            "BUSI/benign/benign (1)_mask_1.png",
            "BUSI/malignant/malignant (12).png",
            "BUSI/normal/normal (3).png",
            "BUSI/normal/normal (3)_mask.png",
            "BUSI/normal/notes.png",
        ]);
        let found = layout.read(&SOURCE).unwrap();
        let [benign, malignant, normal] = &found.cases[..] else { panic!("{found:?}") };
        assert_eq!((benign.stem.as_str(), benign.object), ("busi_benign_001", Some(true)));
        assert!(matches!(&benign.truth, Truth::Masks(masks) if masks.len() == 2));
        let expected = "malignant (12)_mask.png";
        assert!(matches!(&malignant.truth, Truth::Missing(what) if what.contains(expected)));
        assert_eq!((normal.stem.as_str(), normal.object), ("busi_normal_003", Some(false)));
    }

    #[test]
    fn a_part_that_is_not_there_is_named() {
        let layout = Layout::of(&["benign/benign (1).png", "benign/benign (1)_mask.png"]);
        let message = layout.read(&SOURCE).unwrap_err().to_string();
        assert!(message.contains("not there: `malignant`, `normal`"), "{message}");
    }
}
