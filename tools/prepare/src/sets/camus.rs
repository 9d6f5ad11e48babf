//! CAMUS: the left heart, three labels, as NIfTI or in the older MetaImage files.

use crate::PrepareError;
use crate::case::{FoundCases, Part, RawCase, Spacing, Truth};
use crate::catalogue::{SetSpec, Source};
use crate::raw::{RawFile, RawFolder, text_of};
use std::collections::BTreeMap;

pub(crate) const SOURCE: Source = Source {
    name: "camus",
    title: "Cardiac Acquisitions for Multi-structure Ultrasound Segmentation (CAMUS)",
    organ: "heart, apical two- and four-chamber views",
    images: "2000 of 500 patients",
    licence: "CC BY-NC-SA 4.0",
    citation: "Leclerc, Smistad, Pedrosa, Ostvik et al.: Deep learning for segmentation using an open large-scale dataset in 2D echocardiography. IEEE TMI 38(9) (2019) 2198-2210",
    url: "https://www.creatis.insa-lyon.fr/Challenge/camus/",
    layout: "`patient0001/patient0001_2CH_ED.nii.gz` and `patient0001_2CH_ED_gt.nii.gz`, or the same as .mhd and .raw; with database_split/subgroup_training.txt if the split is to be the published one",
    masks: "Labels 1 (left ventricle), 2 (its muscle) and 3 (left atrium) become a set each. End-diastole and end-systole of both views are taken, half sequences are not. Pixels are not square; pixel_size.csv has both sides from the headers.",
    grouped_by: "patient",
    sets: &[
        SetSpec::labelled("camus_lv", "left ventricle", &[1]),
        SetSpec::labelled("camus_myo", "muscle of the left ventricle", &[2]),
        SetSpec::labelled("camus_la", "left atrium", &[3]),
    ],
    needs: &[&[]],
    find,
};

const ENDS: [&str; 3] = [".nii.gz", ".nii", ".mhd"];

fn find(raw: &RawFolder) -> Result<FoundCases, PrepareError> {
    let parts = parts(raw)?;
    let mut found = FoundCases::default();
    let mut truths = BTreeMap::new();
    let mut images = BTreeMap::new();
    for file in raw.files() {
        let Some((stem, end)) = split(file) else { continue };
        match stem.strip_suffix("_gt") {
            Some(stem) => drop(truths.insert((file.folder.as_str(), stem), file)),
            None => drop(images.insert((file.folder.as_str(), stem), (file, end))),
        }
    }
    for ((folder, stem), (file, end)) in images {
        let Some(patient) = view_of(stem) else { continue };
        let mut truth = match truths.get(&(folder, stem)) {
            Some(truth) => Truth::Labels(truth.path.clone()),
            // The older test set has images alone.
            None if folder.split('/').any(|name| name == "testing") => {
                found.unlabelled += 1;
                continue;
            }
            None => Truth::Missing(format!("expected the labels {stem}_gt{end}, found none")),
        };
        let part = parts.get(patient).copied();
        if part.is_none() && !parts.is_empty() {
            truth =
                Truth::Missing(format!("expected {patient} in a subgroup_*.txt, found it in none"));
        }
        let mut case =
            RawCase::new(stem.to_string(), patient.to_string(), file.path.clone(), truth);
        case.part = part;
        case.spacing = Spacing::InHeader;
        found.cases.push(case);
    }
    Ok(found)
}

/// Name and ending of a picture in one of the formats.
fn split(file: &RawFile) -> Option<(&str, &'static str)> {
    ENDS.into_iter().find_map(|end| Some((file.name.strip_suffix(end)?, end)))
}

/// The patient of `patient0001_2CH_ED`; `None` for half sequences and other files.
fn view_of(stem: &str) -> Option<&str> {
    let mut words = stem.split('_');
    let (patient, view, time) = (words.next()?, words.next()?, words.next()?);
    let is_one = patient.starts_with("patient")
        && ["2CH", "4CH"].contains(&view)
        && ["ED", "ES"].contains(&time)
        && words.next().is_none();
    is_one.then_some(patient)
}

/// The published split: the part of each patient; empty without its files.
fn parts(raw: &RawFolder) -> Result<BTreeMap<String, Part>, PrepareError> {
    let mut parts = BTreeMap::new();
    for (name, part) in [
        ("subgroup_training.txt", Part::Train),
        ("subgroup_validation.txt", Part::Val),
        ("subgroup_testing.txt", Part::Test),
    ] {
        let Some(file) = raw.named(name) else { continue };
        for patient in text_of(&file.path)?.split_whitespace() {
            parts.insert(patient.to_string(), part);
        }
    }
    Ok(parts)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sets::layout::Layout;

    fn layout() -> Layout {
        Layout::of(&[
            "nifti/patient0001/patient0001_2CH_ED.nii.gz",
            "nifti/patient0001/patient0001_2CH_ED_gt.nii.gz",
            "nifti/patient0001/patient0001_2CH_half_sequence.nii.gz",
            "nifti/patient0001/patient0001_2CH_half_sequence_gt.nii.gz",
            "nifti/patient0002/patient0002_4CH_ES.nii.gz",
            "nifti/patient0002/patient0002_4CH_ES_gt.nii.gz",
        ])
    }

    #[test]
    fn the_published_split_is_kept() {
        let layout = layout().with("split/subgroup_testing.txt", "patient0001\n");
        let found = layout.read(&SOURCE).unwrap();
        assert_eq!(found.cases.len(), 2);
        assert_eq!(found.cases[0].stem, "patient0001_2CH_ED");
        assert_eq!((found.cases[0].part, found.cases[1].part), (Some(Part::Test), None));
        assert!(matches!(&found.cases[0].truth, Truth::Labels(_)));
        assert!(
            matches!(&found.cases[1].truth, Truth::Missing(what) if what.contains("patient0002"))
        );
    }

    #[test]
    fn without_lists_patients_are_groups() {
        let found = layout().read(&SOURCE).unwrap();
        let groups: Vec<_> = found.cases.iter().map(|c| (c.group.as_str(), c.part)).collect();
        assert_eq!(groups, [("patient0001", None), ("patient0002", None)]);
        let older = Layout::of(&[
            "training/patient0001/patient0001_2CH_ED.mhd",
            "training/patient0001/patient0001_2CH_ED.raw",
            "training/patient0001/patient0001_2CH_ES.mhd",
            "training/patient0001/patient0001_2CH_ED_gt.mhd",
            "testing/patient0001/patient0001_2CH_ED.mhd",
        ]);
        let found = older.read(&SOURCE).unwrap();
        assert_eq!((found.cases.len(), found.unlabelled), (2, 1));
        assert!(matches!(&found.cases[1].truth, Truth::Missing(what) if what.contains("_gt.mhd")));
    }
}
