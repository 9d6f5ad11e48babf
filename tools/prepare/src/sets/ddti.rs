//! DDTI: thyroid nodules. An XML file for each case has the polygons of its images.

use crate::PrepareError;
use crate::case::{FoundCases, RawCase, Truth};
use crate::catalogue::{SetSpec, Source};
use crate::raw::{RawFolder, text_of};
use crate::sets::digits;
use quick_xml::Reader;
use quick_xml::events::Event;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

pub(crate) const SOURCE: Source = Source {
    name: "ddti",
    title: "Digital Database Thyroid Image (DDTI)",
    organ: "thyroid nodule",
    images: "480 of 390 cases",
    licence: "none stated",
    citation: "Pedraza, Vargas, Narvaez, Duran, Munoz, Romero: An open access thyroid ultrasound image database. SIPAIM 2014, Proc. SPIE 9287 (2015) 92870W",
    url: "http://cimalab.unal.edu.co/applications/thyroid/",
    layout: "one folder with `1.xml`, `1_1.jpg`, `1_2.jpg`",
    masks: "The polygons of an image's marks are filled and united. A frame with two views beside each other stays one image; polygons are cut at its edges.",
    grouped_by: "case",
    sets: &[SetSpec::binary("ddti", "thyroid nodule")],
    needs: &[&[]],
    find,
};

/// Most points of the polygons of one image.
const MAX_POINTS: usize = 1 << 16;

fn find(raw: &RawFolder) -> Result<FoundCases, PrepareError> {
    let is_xml = |stem: &str, extension: &str| extension == "xml" && digits(stem).is_some();
    let xmls: BTreeMap<(&str, &str), &PathBuf> = raw
        .files()
        .filter(|file| is_xml(file.stem(), &file.extension()))
        .map(|file| ((file.folder.as_str(), file.stem()), &file.path))
        .collect();
    let mut cases = Vec::new();
    for file in raw.files().filter(|file| file.is_picture()) {
        let Some((case, image)) = file.stem().split_once('_') else { continue };
        let (Some(_), Ok(image)) = (digits(case), image.parse::<u32>()) else { continue };
        let truth = match xmls.get(&(file.folder.as_str(), case)) {
            Some(xml) => Truth::Marks { xml: (*xml).clone(), image },
            None => Truth::Missing(format!("expected the annotation {case}.xml, found none")),
        };
        let (stem, group) = (format!("ddti_{case}_{image}"), format!("ddti_{case}"));
        cases.push(RawCase::new(stem, group, file.path.clone(), truth));
    }
    // Without any annotation it is another data set with such names.
    if xmls.is_empty() {
        cases.clear();
    }
    Ok(FoundCases { cases, unlabelled: 0 })
}

/// Polygons of one image in the annotation of a case, points (x, y) in pixels.
///
/// # Errors
/// What was expected and found.
pub(crate) fn polygons(xml: &Path, image: u32) -> Result<Vec<Vec<[f64; 2]>>, String> {
    let text = text_of(xml).map_err(|error| error.to_string())?;
    let name = xml.file_name().unwrap_or_default().to_string_lossy();
    polygons_in(&text, image).map_err(|reason| format!("{name}: {reason}"))
}

fn polygons_in(text: &str, image: u32) -> Result<Vec<Vec<[f64; 2]>>, String> {
    let mut polygons = Vec::new();
    let mut points = 0;
    for mark in marks(text)?.iter().filter(|mark| mark.image.trim().parse() == Ok(image)) {
        if mark.svg.trim().is_empty() {
            continue;
        }
        let regions: Vec<Region> = serde_json::from_str(mark.svg.trim())
            .map_err(|error| format!("expected a list of regions in <svg>: {error}"))?;
        for region in regions {
            let polygon: Vec<[f64; 2]> =
                region.points.iter().map(|point| [point.x, point.y]).collect();
            points += polygon.len();
            if points > MAX_POINTS {
                return Err(format!(
                    "expected at most {MAX_POINTS} points of an image, found more"
                ));
            }
            polygons.push(polygon);
        }
    }
    polygons.retain(|polygon| polygon.len() >= 3);
    match polygons.len() {
        0 => Err(format!("expected a polygon of image {image}, found none")),
        _ => Ok(polygons),
    }
}

/// A `<mark>`: the number of an image, and a text with its regions.
#[derive(Clone, Debug, Default)]
struct Mark {
    image: String,
    svg: String,
}

#[derive(Debug, Deserialize)]
struct Region {
    #[serde(default)]
    points: Vec<Point>,
}

#[derive(Debug, Deserialize)]
struct Point {
    x: f64,
    y: f64,
}

fn marks(text: &str) -> Result<Vec<Mark>, String> {
    let mut reader = Reader::from_str(text);
    let mut marks = Vec::new();
    let mut open: Option<Mark> = None;
    let mut field = Vec::new();
    loop {
        let event = reader.read_event().map_err(|error| format!("expected XML: {error}"))?;
        let more = match &event {
            Event::Start(tag) => {
                field = tag.name().as_ref().to_vec();
                if field == b"mark" {
                    open = Some(Mark::default());
                }
                continue;
            }
            Event::End(tag) => {
                if tag.name().as_ref() == b"mark" {
                    marks.extend(open.take());
                }
                field.clear();
                continue;
            }
            Event::Text(text) => text.decode().map(std::borrow::Cow::into_owned),
            Event::CData(text) => text.decode().map(std::borrow::Cow::into_owned),
            Event::GeneralRef(name) => name.decode().map(|name| entity(&name)),
            Event::Eof => return Ok(marks),
            _ => continue,
        };
        let more = more.map_err(|error| format!("expected UTF-8: {error}"))?;
        match (&mut open, field.as_slice()) {
            (Some(mark), b"image") => mark.image.push_str(&more),
            (Some(mark), b"svg") => mark.svg.push_str(&more),
            _ => {}
        }
    }
}

/// The character of `&quot;` and the like. Others have no place in numbers and lists of points.
fn entity(name: &str) -> String {
    match name {
        "quot" | "#34" => "\"",
        "apos" | "#39" => "'",
        "amp" | "#38" => "&",
        "lt" => "<",
        "gt" => ">",
        _ => "?",
    }
    .to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sets::layout::Layout;

    const XML: &str = r#"<?xml version="1.0"?><case><number>7</number><age>40</age>
        <mark><image>1</image><svg>[{"points": [{"x": 1, "y": 2}, {"x": 9, "y": 2}, {"x": 5, "y": 8}],
        "annotation": {}, "regionType": "freehand"}, {"points": [{"x": 20, "y": 20}]}]</svg></mark>
        <mark><image>1</image><svg>[{&quot;points&quot;: [{"x":3,"y":3},{"x":4,"y":3},{"x":4,"y":4}]}]</svg></mark>
        <mark><image>2</image><svg> </svg></mark>
        <mark><image>3</image><svg>[{"points": [{"x": 1, "y"</svg></mark></case>"#;

    #[test]
    fn all_marks_of_an_image_count() {
        let polygons = polygons_in(XML, 1).unwrap();
        let expected = [[[1.0, 2.0], [9.0, 2.0], [5.0, 8.0]], [[3.0, 3.0], [4.0, 3.0], [4.0, 4.0]]];
        assert_eq!(polygons, expected);
    }

    #[test]
    fn what_cannot_be_used_is_said() {
        for (image, words) in [(2, "image 2"), (3, "regions in <svg>"), (4, "image 4")] {
            let message = polygons_in(XML, image).unwrap_err();
            assert!(message.contains(words), "{message}");
        }
        assert!(polygons_in("<case><mark></case>", 1).unwrap_err().contains("XML"));
    }

    #[test]
    fn images_belong_to_their_case() {
        let layout = Layout::of(&["7.xml", "7_1.jpg", "7_2.jpg", "8_1.jpg", "readme.jpg"]);
        let found = layout.read(&SOURCE).unwrap();
        let names: Vec<_> =
            found.cases.iter().map(|c| (c.stem.as_str(), c.group.as_str())).collect();
        assert_eq!(names, [("ddti_7_1", "ddti_7"), ("ddti_7_2", "ddti_7"), ("ddti_8_1", "ddti_8")]);
        assert!(matches!(&found.cases[2].truth, Truth::Missing(what) if what.contains("8.xml")));
        assert!(Layout::of(&["7_1.jpg"]).read(&SOURCE).is_err());
    }
}
