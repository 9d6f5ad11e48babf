//! HC18: fetal heads. The annotation is a thin ellipse, to be filled.

use crate::PrepareError;
use crate::case::{FoundCases, RawCase, Spacing, Truth};
use crate::catalogue::{SetSpec, Source};
use crate::raw::{RawFolder, text_of};
use std::collections::BTreeMap;
use std::path::Path;
use uniultra_core::PixelSpacing;

const TABLE: &str = "training_set_pixel_size_and_HC.csv";

pub(crate) const SOURCE: Source = Source {
    name: "hc18",
    title: "HC18 grand challenge: fetal head circumference",
    organ: "fetal head",
    images: "999 with an annotation (335 more for testing, without)",
    licence: "CC BY 4.0",
    citation: "van den Heuvel, de Bruijn, de Korte, van Ginneken: Automated measurement of fetal head circumference using 2D ultrasound images. PLoS ONE 13(8) (2018) e0200412",
    url: "https://zenodo.org/records/1327317",
    layout: "folder training_set with `000_HC.png` and `000_HC_Annotation.png`, and training_set_pixel_size_and_HC.csv",
    masks: "The annotated ellipse is filled, its outline included; where the image cuts it, the visible part is filled. The challenge's test set has no annotations and is left out.",
    grouped_by: "examination (the number that a name begins with)",
    sets: &[SetSpec::binary("hc18", "fetal head")],
    needs: &[&["training_set", TABLE]],
    find,
};

fn find(raw: &RawFolder) -> Result<FoundCases, PrepareError> {
    let Some(table) = raw.named(TABLE) else { return Ok(FoundCases::default()) };
    let sizes = sizes(&table.path)?;
    let annotation = |stem: &str| stem.strip_suffix("_Annotation").map(ToString::to_string);
    let outlines = raw.pictures_by("training_set", annotation);
    let mut cases = Vec::new();
    for file in raw.pictures_in("training_set") {
        let stem = file.stem();
        if stem.ends_with("_Annotation") || !stem.ends_with("HC") {
            continue;
        }
        let truth = match outlines.get(stem) {
            Some(path) => Truth::Outline(path.clone()),
            None => Truth::Missing(format!("expected {stem}_Annotation.png, found none")),
        };
        let number = stem.split('_').next().unwrap_or(stem);
        let group = format!("hc18_{number}");
        let mut case = RawCase::new(format!("hc18_{stem}"), group, file.path.clone(), truth);
        if let Some(&(spacing, circumference)) = sizes.get(&file.name) {
            case.spacing = Spacing::Known(spacing);
            case.head_circumference_mm = circumference;
        }
        cases.push(case);
    }
    let unlabelled = raw.pictures_in("test_set").count();
    Ok(FoundCases { cases, unlabelled })
}

/// Size of a pixel, and head circumference in millimetres, by the name of the image's file.
fn sizes(path: &Path) -> Result<BTreeMap<String, (PixelSpacing, Option<f32>)>, PrepareError> {
    let text = text_of(path)?;
    let refuse = |reason: String| PrepareError::Table { path: path.to_path_buf(), reason };
    let mut reader =
        csv::ReaderBuilder::new().flexible(true).trim(csv::Trim::All).from_reader(text.as_bytes());
    let heads = reader.headers().map_err(|error| refuse(error.to_string()))?.clone();
    let column =
        |word: &str| heads.iter().position(|head| head.to_ascii_lowercase().contains(word));
    let (Some(name), Some(size)) = (column("filename"), column("pixel size")) else {
        let found: Vec<_> = heads.iter().map(|head| format!("`{head}`")).collect();
        return Err(refuse(format!(
            "expected columns `filename` and `pixel size(mm)`, found {}",
            found.join(", ")
        )));
    };
    let circumference = column("head circumference");
    let mut sizes = BTreeMap::new();
    for record in reader.records() {
        let record = record.map_err(|error| refuse(error.to_string()))?;
        let number = |column: usize| record.get(column).and_then(|cell| cell.parse::<f32>().ok());
        let spacing = number(size).and_then(|mm| PixelSpacing::new(mm).ok());
        let Some(spacing) = spacing else {
            let line = record.position().map_or(0, csv::Position::line);
            let found = record.get(size).unwrap_or_default();
            return Err(refuse(format!(
                "line {line}: expected a pixel size of 0.001 to 10 mm, found {found:?}"
            )));
        };
        let circumference = circumference.and_then(number).filter(|mm| mm.is_finite() && *mm > 0.0);
        let name = record.get(name).unwrap_or_default().to_string();
        sizes.insert(name, (spacing, circumference));
    }
    Ok(sizes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sets::layout::Layout;

    fn layout(table: &str) -> Layout {
        let files = [
            "training_set/010_HC.png",
            "training_set/010_HC_Annotation.png",
            "training_set/010_2HC.png",
            "test_set/000_HC.png",
        ];
        Layout::of(&files).with(TABLE, table)
    }

    #[test]
    fn repeated_examinations_are_one_group_and_sizes_come_from_the_table() {
        let table = "filename,pixel size(mm),head circumference (mm)\n010_HC.png,0.0691,44.3\n";
        let found = layout(table).read(&SOURCE).unwrap();
        let [second, first] = &found.cases[..] else { panic!("{found:?}") };
        assert_eq!((first.stem.as_str(), second.stem.as_str()), ("hc18_010_HC", "hc18_010_2HC"));
        assert!(first.group == "hc18_010" && first.group == second.group);
        assert_eq!(first.spacing, Spacing::Known(PixelSpacing::new(0.0691).unwrap()));
        assert_eq!(first.head_circumference_mm, Some(44.3));
        assert!(
            matches!(&second.truth, Truth::Missing(what) if what.contains("010_2HC_Annotation"))
        );
        assert_eq!((second.spacing, found.unlabelled), (Spacing::Unknown, 1));
    }

    #[test]
    fn a_table_that_is_not_the_right_one_is_refused() {
        for (table, words) in [
            ("filename,size\n010_HC.png,0.1\n", "pixel size(mm)"),
            ("filename,pixel size(mm)\n010_HC.png,wide\n", "line 2"),
        ] {
            let message = layout(table).read(&SOURCE).unwrap_err().to_string();
            assert!(message.contains(words) && message.contains(TABLE), "{message}");
        }
    }
}
