//! JNU-IFM and PSFHS: pubic symphysis and fetal head, two labels, in two layouts.

use crate::PrepareError;
use crate::case::{FoundCases, RawCase, Truth};
use crate::catalogue::{SetSpec, Source};
use crate::raw::{RawFile, RawFolder};
use std::collections::BTreeMap;

const LAYOUT: &str = "folders image_mha and label_mha with `00001.mha`; or folders image and mask with `VIDEO_12.png` and `VIDEO_12_mask.png`";
const MASKS: &str = "Labels 1 (in the folders of videos 7) and 2 (8) become a set each. An image without one of the two is not in its set. The spacing in the headers is not that of the images and is left out.";
const NEEDS: &[&[&str]] = &[&["image_mha", "label_mha"], &["image", "mask"]];

pub(crate) const JNU_IFM: Source = Source {
    name: "jnu-ifm",
    title: "JNU-IFM: intrapartum transperineal ultrasound",
    organ: "pubic symphysis and fetal head",
    images: "6224 of 78 videos; 4000 in the FH-PS-AOP challenge",
    licence: "CC BY 4.0, as the publisher states",
    citation: "Lu, Zhou, Zhi, Zhou, Jiang, Qiu, Ou, Wang, Qiu, Zhong, Lu, Bai: The JNU-IFM dataset for segmenting pubic symphysis-fetal head. Data in Brief 41 (2022) 107904",
    url: "https://figshare.com/articles/dataset/JNU-IFM/14371652 and https://zenodo.org/records/7851339",
    layout: LAYOUT,
    masks: MASKS,
    grouped_by: "video where names have one, else image",
    sets: &[
        SetSpec::labelled("jnu_ifm_symphysis", "pubic symphysis", &[1, 7]),
        SetSpec::labelled("jnu_ifm_head", "fetal head", &[2, 8]),
    ],
    needs: NEEDS,
    find,
};

pub(crate) const PSFHS: Source = Source {
    name: "psfhs",
    title: "PSFHS: pubic symphysis and fetal head segmentation",
    organ: "pubic symphysis and fetal head",
    images: "1358 of 1124 women",
    licence: "CC BY 4.0, as the publisher states",
    citation: "Chen, Bai, Lu et al.: PSFHS: intrapartum ultrasound image dataset for AI-based segmentation of pubic symphysis and fetal head. Scientific Data 11 (2024) 436",
    url: "https://zenodo.org/records/10969427",
    layout: LAYOUT,
    masks: MASKS,
    grouped_by: "image",
    sets: &[
        SetSpec::labelled("psfhs_symphysis", "pubic symphysis", &[1, 7]),
        SetSpec::labelled("psfhs_head", "fetal head", &[2, 8]),
    ],
    needs: NEEDS,
    find,
};

fn find(raw: &RawFolder) -> Result<FoundCases, PrepareError> {
    let is_mha = |file: &&RawFile| file.extension() == "mha";
    let mut cases: Vec<RawCase> = {
        let labels = raw.in_folder("label_mha").filter(is_mha);
        let labels: BTreeMap<&str, &RawFile> = labels.map(|file| (file.stem(), file)).collect();
        let case = |file: &RawFile| {
            let label = labels.get(file.stem()).copied();
            let truth = labels_or(label, || format!("label_mha/{}", file.name));
            RawCase::alone(file.stem().to_string(), file.path.clone(), truth)
        };
        raw.in_folder("image_mha").filter(is_mha).map(case).collect()
    };
    // A video's folder has its image and its mask folder, or one pair of folders has all of them.
    let masks: BTreeMap<(&str, &str), &RawFile> = raw
        .pictures_in("mask")
        .map(|file| {
            let stem = file.stem().strip_suffix("_mask").unwrap_or(file.stem());
            ((above(&file.folder), stem), file)
        })
        .collect();
    if masks.is_empty() {
        return Ok(FoundCases { cases, unlabelled: 0 });
    }
    for file in raw.pictures_in("image") {
        let stem = file.stem();
        let mask = masks.get(&(above(&file.folder), stem)).copied();
        let truth = labels_or(mask, || format!("mask/{stem}_mask.png"));
        let video = stem.rsplit_once('_').map_or(stem, |(video, _)| video);
        let (stem, video) = (stem.to_string(), video.to_string());
        cases.push(RawCase::new(stem, video, file.path.clone(), truth));
    }
    Ok(FoundCases { cases, unlabelled: 0 })
}

fn above(folder: &str) -> &str {
    folder.rsplit_once('/').map_or("", |(above, _)| above)
}

fn labels_or(file: Option<&RawFile>, expected: impl FnOnce() -> String) -> Truth {
    match file {
        Some(file) => Truth::Labels(file.path.clone()),
        None => Truth::Missing(format!("expected the labels {}, found none", expected())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sets::layout::Layout;

    #[test]
    fn both_layouts_are_read() {
        let mha = ["P/image_mha/00001.mha", "P/label_mha/00001.mha", "P/image_mha/00002.mha"];
        let found = Layout::of(&mha).read(&PSFHS).unwrap();
        assert_eq!((found.cases[0].stem.as_str(), found.cases.len()), ("00001", 2));
        assert!(matches!(&found.cases[1].truth, Truth::Missing(what) if what.contains("00002")));

        let videos = [
            "J/20190909T155747/image/20190909T155747_3.png",
            "J/20190909T155747/mask/20190909T155747_3_mask.png",
            "J/20190909T155747/mask_enhance/20190909T155747_3_mask.png",
            "J/20190910T100000/image/20190910T100000_9.png",
            "J/20190910T100000/mask/20190910T100000_9_mask.png",
        ];
        let found = Layout::of(&videos).read(&JNU_IFM).unwrap();
        let groups: Vec<_> = found.cases.iter().map(|case| case.group.as_str()).collect();
        assert_eq!(groups, ["20190909T155747", "20190910T100000"]);
        assert!(found.cases.iter().all(|case| matches!(case.truth, Truth::Labels(_))));
    }
}
