//! BUS-BRA: breast lesions, one or two views a case.

use crate::PrepareError;
use crate::case::{FoundCases, RawCase, Truth};
use crate::catalogue::{SetSpec, Source};
use crate::raw::{RawFolder, text_of};
use crate::sets::mask_or;
use std::collections::BTreeMap;
use std::path::Path;

const TABLE: &str = "bus_data.csv";

pub(crate) const SOURCE: Source = Source {
    name: "bus-bra",
    title: "BUS-BRA: breast ultrasound with BI-RADS categories",
    organ: "breast lesion",
    images: "1875 of 1064 patients",
    licence: "CC BY 4.0, as the publisher states",
    citation: "Gomez-Flores, Gregorio-Calas, Pereira: BUS-BRA: a breast ultrasound dataset for assessing computer-aided diagnosis systems. Medical Physics 51(4) (2024) 3110-3123",
    url: "https://zenodo.org/records/8231412",
    layout: "folders Images with `bus_0001-l.png` and Masks with `mask_0001-l.png`, and bus_data.csv",
    masks: "Masks are as published. Cases are those of bus_data.csv. The published folds are for cross-validation and are not used.",
    grouped_by: "case",
    sets: &[SetSpec::binary("bus_bra", "breast lesion")],
    needs: &[&["Images", "Masks", TABLE]],
    find,
};

fn find(raw: &RawFolder) -> Result<FoundCases, PrepareError> {
    let Some(table) = raw.named(TABLE) else { return Ok(FoundCases::default()) };
    let case_of = cases_of(&table.path)?;
    let masks =
        raw.pictures_by("Masks", |stem| stem.strip_prefix("mask_").map(ToString::to_string));
    let mut cases = Vec::new();
    for file in raw.pictures_in("Images") {
        let stem = file.stem();
        let Some(id) = stem.strip_prefix("bus_") else { continue };
        let mut truth = mask_or(masks.get(id).cloned(), || format!("Masks/mask_{id}.png"));
        let group = match case_of.get(stem) {
            Some(case) => format!("case {case}"),
            None => {
                truth = Truth::Missing(format!("expected a row of {stem} in {TABLE}, found none"));
                stem.to_string()
            }
        };
        cases.push(RawCase::new(stem.to_string(), group, file.path.clone(), truth));
    }
    Ok(FoundCases { cases, unlabelled: 0 })
}

/// The case of each image.
fn cases_of(path: &Path) -> Result<BTreeMap<String, String>, PrepareError> {
    let text = text_of(path)?;
    let refuse = |reason: String| PrepareError::Table { path: path.to_path_buf(), reason };
    let mut reader =
        csv::ReaderBuilder::new().flexible(true).trim(csv::Trim::All).from_reader(text.as_bytes());
    let heads = reader.headers().map_err(|error| refuse(error.to_string()))?.clone();
    let column = |name: &str| heads.iter().position(|head| head.eq_ignore_ascii_case(name));
    let (Some(id), Some(case)) = (column("ID"), column("Case")) else {
        let found: Vec<_> = heads.iter().map(|head| format!("`{head}`")).collect();
        return Err(refuse(format!(
            "expected columns `ID` and `Case`, found {}",
            found.join(", ")
        )));
    };
    let mut cases = BTreeMap::new();
    for record in reader.records() {
        let record = record.map_err(|error| refuse(error.to_string()))?;
        if let (Some(id), Some(case)) = (record.get(id), record.get(case)) {
            cases.insert(id.to_string(), case.to_string());
        }
    }
    Ok(cases)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sets::layout::Layout;

    const FILES: [&str; 5] = [
        "BUSBRA/Images/bus_0001-l.png",
        "BUSBRA/Images/bus_0001-r.png",
        "BUSBRA/Images/bus_0002-s.png",
        "BUSBRA/Masks/mask_0001-l.png",
        "BUSBRA/Masks/mask_0002-s.png",
    ];

    #[test]
    fn views_of_a_case_stay_together() {
        let table = "ID,Case,Pathology\nbus_0001-l,1,benign\nbus_0001-r,1,benign\n";
        let found = Layout::of(&FILES).with("BUSBRA/bus_data.csv", table).read(&SOURCE).unwrap();
        let [left, right, other] = &found.cases[..] else { panic!("{found:?}") };
        assert!(left.group == "case 1" && right.group == "case 1");
        assert!(matches!(&left.truth, Truth::Masks(_)));
        assert!(matches!(&right.truth, Truth::Missing(what) if what.contains("mask_0001-r.png")));
        assert!(matches!(&other.truth, Truth::Missing(what) if what.contains("bus_data.csv")));
    }

    #[test]
    fn the_table_must_have_cases() {
        let layout = Layout::of(&FILES).with("BUSBRA/bus_data.csv", "ID,BIRADS\n");
        let message = layout.read(&SOURCE).unwrap_err().to_string();
        assert!(message.contains("`Case`") && message.contains("`BIRADS`"), "{message}");
    }
}
