//! UDIAT (Dataset B): breast lesions.

use crate::PrepareError;
use crate::case::{FoundCases, RawCase};
use crate::catalogue::{SetSpec, Source};
use crate::raw::RawFolder;
use crate::sets::{digits, mask_or};

pub(crate) const SOURCE: Source = Source {
    name: "udiat",
    title: "UDIAT breast ultrasound (Dataset B)",
    organ: "breast lesion",
    images: "163 (110 benign, 53 malignant)",
    licence: "on request, for research only",
    citation: "Yap, Pons, Marti, Ganau, Sentis, Zwiggelaar, Davison, Marti: Automated breast ultrasound lesions detection using convolutional neural networks. IEEE JBHI 22(4) (2018) 1218-1226",
    url: "http://www2.docm.mmu.ac.uk/STAFF/m.yap/dataset.php",
    layout: "folders original and GT with `000001.png`",
    masks: "Masks are as published.",
    grouped_by: "image",
    sets: &[SetSpec::binary("udiat", "breast lesion")],
    needs: &[&["original", "GT"]],
    find,
};

fn find(raw: &RawFolder) -> Result<FoundCases, PrepareError> {
    let masks = raw.pictures_by("GT", digits);
    let cases = raw.pictures_in("original").filter(|file| digits(file.stem()).is_some());
    let case = |file: &crate::raw::RawFile| {
        let mask = masks.get(file.stem()).cloned();
        let truth = mask_or(mask, || format!("GT/{}", file.name));
        RawCase::alone(format!("udiat_{}", file.stem()), file.path.clone(), truth)
    };
    Ok(FoundCases { cases: cases.map(case).collect(), unlabelled: 0 })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::case::Truth;
    use crate::sets::layout::Layout;

    #[test]
    fn images_and_masks_have_one_name() {
        let files = ["B/original/000001.png", "B/GT/000001.png", "B/original/000002.png"];
        let found = Layout::of(&files).read(&SOURCE).unwrap();
        assert_eq!(found.cases[0].stem, "udiat_000001");
        assert!(matches!(&found.cases[0].truth, Truth::Masks(_)));
        let Truth::Missing(what) = &found.cases[1].truth else { panic!("{found:?}") };
        assert!(what.contains("GT/000002.png"), "{what}");
    }
}
