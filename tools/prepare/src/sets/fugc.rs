//! FUGC: the lips of the cervix, two labels.

use crate::PrepareError;
use crate::case::{FoundCases, Part, RawCase, Truth};
use crate::catalogue::{SetSpec, Source};
use crate::raw::RawFolder;

pub(crate) const SOURCE: Source = Source {
    name: "fugc",
    title: "Fetal Ultrasound Grand Challenge 2025, cervix (FUGC)",
    organ: "cervix, transvaginal",
    images: "890 (50 labelled and 450 unlabelled for training, 90 val, 300 test)",
    licence: "on request, after a data sharing agreement",
    citation: "Bai et al.: Fetal Ultrasound Grand Challenge: semi-supervised cervical segmentation. ISBI 2025, Zenodo 14305302",
    url: "https://zenodo.org/records/14305302",
    layout: "train/labeled_data/images and train/labeled_data/labels, val/images and val/labels, test/images and test/labels, each with `0001.png`",
    masks: "Labels 1 and 2 are the two lips of the cervix and become a set each. The files do not say which is the anterior one. Unlabelled images, and a part whose labels are not published, are left out. The split is the published one.",
    grouped_by: "image",
    sets: &[
        SetSpec::labelled("fugc_1", "lip of the cervix, label 1", &[1]),
        SetSpec::labelled("fugc_2", "lip of the cervix, label 2", &[2]),
    ],
    needs: &[&["labeled_data/images", "labeled_data/labels"]],
    find,
};

const PARTS: [(&str, Part); 3] =
    [("labeled_data", Part::Train), ("val", Part::Val), ("test", Part::Test)];

fn find(raw: &RawFolder) -> Result<FoundCases, PrepareError> {
    let mut found = FoundCases {
        unlabelled: raw.pictures_in("unlabeled_data/images").count(),
        ..FoundCases::default()
    };
    for (folder, part) in PARTS {
        let labels = raw.pictures_by(&format!("{folder}/labels"), |stem| Some(stem.to_string()));
        for file in raw.pictures_in(&format!("{folder}/images")) {
            if labels.is_empty() {
                found.unlabelled += 1;
                continue;
            }
            let truth = match labels.get(file.stem()) {
                Some(path) => Truth::Labels(path.clone()),
                None => {
                    let expected = format!("expected {folder}/labels/{}, found none", file.name);
                    Truth::Missing(expected)
                }
            };
            let part_name = if part == Part::Train { "train" } else { folder };
            let stem = format!("fugc_{part_name}_{}", file.stem());
            let mut case = RawCase::alone(stem, file.path.clone(), truth);
            case.part = Some(part);
            found.cases.push(case);
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sets::layout::Layout;

    #[test]
    fn parts_without_labels_are_left_out() {
        let found = Layout::of(&[
            "train/labeled_data/images/0001.png",
            "train/labeled_data/labels/0001.png",
            "train/unlabeled_data/images/0051.png",
            "val/images/0001.png",
            "val/labels/0001.png",
            "val/images/0002.png",
            "test/images/0001.png",
        ])
        .read(&SOURCE)
        .unwrap();
        let parts: Vec<_> = found.cases.iter().map(|c| (c.stem.as_str(), c.part)).collect();
        let expected = [
            ("fugc_train_0001", Some(Part::Train)),
            ("fugc_val_0001", Some(Part::Val)),
            ("fugc_val_0002", Some(Part::Val)),
        ];
        assert_eq!((parts.as_slice(), found.unlabelled), (expected.as_slice(), 2));
        assert!(matches!(&found.cases[2].truth, Truth::Missing(what) if what.contains("0002.png")));
    }
}
