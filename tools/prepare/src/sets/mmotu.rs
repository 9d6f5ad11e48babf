//! MMOTU: ovarian tumours, the part of ordinary B-mode images (OTU_2d).

use crate::PrepareError;
use crate::case::{FoundCases, Part, RawCase, Truth};
use crate::catalogue::{SetSpec, Source};
use crate::raw::{RawFile, RawFolder, text_of};
use crate::sets::digits;
use std::collections::BTreeMap;

pub(crate) const SOURCE: Source = Source {
    name: "mmotu",
    title: "Multi-Modality Ovarian Tumor Ultrasound, 2D (MMOTU, OTU_2d)",
    organ: "ovarian tumour",
    images: "1469 (1000 train, 469 val)",
    licence: "none stated; for research",
    citation: "Zhao, Lyu, Bai, Cai, Liu, Wu, Sang, Yang, Chen: A multi-modality ovarian tumor ultrasound image dataset for unsupervised cross-domain semantic segmentation. arXiv:2207.06799 (2022)",
    url: "https://github.com/cv516Buaa/MMOTU_DS2Net",
    layout: "OTU_2d with images/`1.JPG`, annotations/`1_binary.PNG`, train.txt and val.txt",
    masks: "The binary masks, without the kind of tumour. The split is the published one; it has no test part. Images with contrast agent (OTU_3d, OTU_CEUS) are not taken.",
    grouped_by: "image",
    sets: &[SetSpec::binary("mmotu", "ovarian tumour")],
    needs: &[
        &["images", "annotations", "train.txt", "val.txt"],
        &["images", "annotations", "train_cls.txt", "val_cls.txt"],
    ],
    find,
};

fn find(raw: &RawFolder) -> Result<FoundCases, PrepareError> {
    let is_2d = |file: &&RawFile| {
        let mut folders = file.folder.split('/');
        !folders
            .any(|name| ["OTU_3d", "OTU_CEUS"].iter().any(|other| name.eq_ignore_ascii_case(other)))
    };
    let parts = parts(raw, is_2d)?;
    let masks: BTreeMap<String, &RawFile> = raw
        .pictures_in("annotations")
        .filter(is_2d)
        .filter_map(|file| Some((binary(file.stem())?, file)))
        .collect();
    let mut cases = Vec::new();
    for file in raw.pictures_in("images").filter(is_2d) {
        let Some(number) = digits(file.stem()) else { continue };
        let part = parts.get(&number).copied();
        let truth = match (masks.get(&number), part) {
            (_, None) => Truth::Missing(format!(
                "expected {number} in train.txt or val.txt, found it in none"
            )),
            (Some(mask), _) => Truth::Masks(vec![mask.path.clone()]),
            (None, _) => {
                Truth::Missing(format!("expected annotations/{number}_binary.PNG, found none"))
            }
        };
        let mut case = RawCase::alone(format!("mmotu_{number}"), file.path.clone(), truth);
        case.part = part;
        cases.push(case);
    }
    if masks.is_empty() {
        cases.clear();
    }
    Ok(FoundCases { cases, unlabelled: 0 })
}

/// The number of `1_binary` and `1_binary_binary`, which both occur.
fn binary(stem: &str) -> Option<String> {
    let number = stem.strip_suffix("_binary")?;
    digits(number.strip_suffix("_binary").unwrap_or(number))
}

/// The part of each number. Lists have a name a line, some with an extension, some with a class.
fn parts(
    raw: &RawFolder,
    is_2d: impl Fn(&&RawFile) -> bool,
) -> Result<BTreeMap<String, Part>, PrepareError> {
    let mut parts = BTreeMap::new();
    for (name, part) in [("train", Part::Train), ("val", Part::Val)] {
        let names = [format!("{name}.txt"), format!("{name}_cls.txt")];
        let file = names.iter().find_map(|name| {
            raw.files().filter(&is_2d).find(|file| file.name.eq_ignore_ascii_case(name))
        });
        let Some(file) = file else { continue };
        for line in text_of(&file.path)?.lines() {
            let word = line.split_whitespace().next().unwrap_or_default();
            let stem = word.rsplit('/').next().and_then(|name| name.split('.').next());
            parts.extend(stem.and_then(digits).map(|number| (number, part)));
        }
    }
    Ok(parts)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sets::layout::Layout;

    #[test]
    fn lists_and_both_names_of_masks_are_read() {
        let layout = Layout::of(&[
            "OTU_2d/images/1.JPG",
            "OTU_2d/images/2.JPG",
            "OTU_2d/images/3.JPG",
            "OTU_2d/annotations/1.PNG",
            "OTU_2d/annotations/1_binary.PNG",
            "OTU_2d/annotations/2_binary_binary.PNG",
            "OTU_3d/images/1.JPG",
            "OTU_3d/annotations/1_binary.PNG",
        ])
        .with("OTU_2d/train.txt", "1\n3.JPG\n")
        .with("OTU_2d/val.txt", "2\n")
        .with("OTU_3d/train.txt", "2\n")
        .with("OTU_3d/val.txt", "1\n");
        let found = layout.read(&SOURCE).unwrap();
        let parts: Vec<_> = found.cases.iter().map(|c| (c.stem.as_str(), c.part)).collect();
        assert_eq!(
            parts,
            [
                ("mmotu_1", Some(Part::Train)),
                ("mmotu_2", Some(Part::Val)),
                ("mmotu_3", Some(Part::Train))
            ]
        );
        assert!(matches!(&found.cases[1].truth, Truth::Masks(_)));
        assert!(matches!(&found.cases[2].truth, Truth::Missing(what) if what.contains("3_binary")));
    }
}
