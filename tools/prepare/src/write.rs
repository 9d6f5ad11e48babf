//! Writes the files of the sets.

use crate::case::Part;
use crate::{PrepareError, Source};
use image::codecs::png::PngEncoder;
use image::{ExtendedColorType, ImageEncoder};
use serde::Serialize;
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use uniultra_core::{Frame, Mask, PixelSpacing, Pixels};
use uniultra_sink::encode_mask_png;

/// The folder of sets in the making.
#[derive(Debug)]
pub(crate) struct SetFolders<'a>(pub(crate) &'a Path);

/// An image of a set, without its pixels.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Entry {
    pub(crate) stem: String,
    pub(crate) group: String,
    pub(crate) part: Part,
    pub(crate) spacing: Option<PixelSpacing>,
    pub(crate) head_circumference_mm: Option<f32>,
}

/// `data_split.json`.
#[derive(Debug, Default, Serialize)]
struct Split<'a> {
    train: Vec<&'a str>,
    val: Vec<&'a str>,
    test: Vec<&'a str>,
}

impl SetFolders<'_> {
    /// Makes the folders of every set of a data set.
    pub(crate) fn create(&self, source: &Source) -> Result<(), PrepareError> {
        for set in source.sets {
            for name in [Some(set.name), set.empty].into_iter().flatten() {
                for kind in ["image", "mask"] {
                    let path = self.0.join(name).join(kind);
                    fs::create_dir_all(&path).map_err(|error| PrepareError::write(&path, error))?;
                }
            }
        }
        Ok(())
    }

    /// Writes an image and its mask.
    pub(crate) fn pair(
        &self,
        set: &str,
        stem: &str,
        image: &[u8],
        mask: &Mask,
    ) -> Result<(), PrepareError> {
        let name = format!("{stem}.png");
        let path = self.0.join(set).join("image").join(&name);
        fs::write(&path, image).map_err(|error| PrepareError::write(&path, error))?;
        let path = self.0.join(set).join("mask").join(&name);
        let write = || {
            let mut file = BufWriter::new(File::create(&path)?);
            encode_mask_png(&mut file, mask)?;
            file.flush()
        };
        write().map_err(|error| PrepareError::write(&path, error))
    }

    /// Writes `data_split.json`, and `pixel_size.csv` if a size is known.
    pub(crate) fn tables(&self, set: &str, entries: &[Entry]) -> Result<(), PrepareError> {
        let of = |part: Part| {
            entries.iter().filter(|e| e.part == part).map(|e| e.stem.as_str()).collect::<Vec<_>>()
        };
        let split = Split { train: of(Part::Train), val: of(Part::Val), test: of(Part::Test) };
        let mut text = serde_json::to_string_pretty(&split).map_err(io::Error::from);
        if let Ok(text) = &mut text {
            text.push('\n');
        }
        self.text(set, "data_split.json", text)?;
        match sizes(entries) {
            Some(table) => self.text(set, "pixel_size.csv", table),
            None => Ok(()),
        }
    }

    /// Removes the folder of a set without images.
    pub(crate) fn remove(&self, set: &str) -> Result<(), PrepareError> {
        let path = self.0.join(set);
        fs::remove_dir_all(&path).map_err(|error| PrepareError::write(&path, error))
    }

    /// Writes a file of text into a set's folder.
    pub(crate) fn text(
        &self,
        set: &str,
        name: &str,
        text: io::Result<String>,
    ) -> Result<(), PrepareError> {
        let path: PathBuf = self.0.join(set).join(name);
        text.and_then(|text| fs::write(&path, text))
            .map_err(|error| PrepareError::write(&path, error))
    }
}

/// The table of pixel sizes; `None` if none is known.
fn sizes(entries: &[Entry]) -> Option<io::Result<String>> {
    let known = || entries.iter().filter_map(|entry| Some((entry, entry.spacing?)));
    known().next()?;
    let is_square = known().all(|(_, spacing)| spacing.is_square());
    let with_heads = known().any(|(entry, _)| entry.head_circumference_mm.is_some());
    let mut heads = vec!["stem"];
    heads.extend(if is_square {
        &["pixel_size_mm"][..]
    } else {
        &["pixel_size_x_mm", "pixel_size_y_mm"]
    });
    heads.extend(with_heads.then_some("head_circumference_mm"));
    let rows = known().map(|(entry, spacing)| {
        let mut row = vec![entry.stem.clone(), spacing.x_mm().to_string()];
        row.extend((!is_square).then(|| spacing.y_mm().to_string()));
        let head = entry.head_circumference_mm;
        row.extend(with_heads.then(|| head.map(|mm| mm.to_string()).unwrap_or_default()));
        row
    });
    let write = || {
        let mut table = csv::Writer::from_writer(Vec::new());
        table.write_record(&heads)?;
        for row in rows {
            table.write_record(&row)?;
        }
        let bytes = table.into_inner().map_err(|error| io::Error::other(error.to_string()))?;
        String::from_utf8(bytes).map_err(io::Error::other)
    };
    Some(write())
}

/// A frame as PNG, with its depth and channels and without metadata.
///
/// # Errors
/// The encoder's.
pub(crate) fn png(frame: &Frame) -> io::Result<Vec<u8>> {
    let side = |size: usize| u32::try_from(size).map_err(io::Error::other);
    let (width, height) = (side(frame.width())?, side(frame.height())?);
    // The encoder takes samples of 16 bit in the machine's byte order.
    let wide = |values: &[u16]| values.iter().flat_map(|value| value.to_ne_bytes()).collect();
    let (samples, color): (Vec<u8>, _) = match frame.pixels() {
        Pixels::Gray8(values) => (values.clone(), ExtendedColorType::L8),
        Pixels::Rgb8(values) => (values.clone(), ExtendedColorType::Rgb8),
        Pixels::Gray16(values) => (wide(values), ExtendedColorType::L16),
        Pixels::Rgb16(values) => (wide(values), ExtendedColorType::Rgb16),
    };
    let mut bytes = Vec::new();
    PngEncoder::new(&mut bytes)
        .write_image(&samples, width, height, color)
        .map_err(io::Error::other)?;
    Ok(bytes)
}

/// Stems by set, each with its entry; sets without images are not there.
pub(crate) type Entries = BTreeMap<&'static str, Vec<Entry>>;

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(stem: &str, spacing: Option<[f32; 2]>, head: Option<f32>) -> Entry {
        Entry {
            stem: stem.to_string(),
            group: stem.to_string(),
            part: Part::Val,
            spacing: spacing.map(|[x, y]| PixelSpacing::with_sides(x, y).unwrap()),
            head_circumference_mm: head,
        }
    }

    #[test]
    fn the_table_has_what_is_known() {
        assert!(sizes(&[entry("a", None, None)]).is_none());
        let square = [entry("a", Some([0.2, 0.2]), Some(44.3)), entry("b", Some([0.3, 0.3]), None)];
        assert_eq!(
            sizes(&square).unwrap().unwrap(),
            "stem,pixel_size_mm,head_circumference_mm\na,0.2,44.3\nb,0.3,\n"
        );
        let sides = [entry("a", Some([0.3, 0.15]), None), entry("b", Some([0.2, 0.2]), None)];
        assert_eq!(
            sizes(&sides).unwrap().unwrap(),
            "stem,pixel_size_x_mm,pixel_size_y_mm\na,0.3,0.15\nb,0.2,0.2\n"
        );
    }

    #[test]
    fn every_depth_comes_back() {
        let gray: Vec<u16> = (0..16 * 20).map(|v| v * 200).collect();
        let colour: Vec<u16> = (0..16 * 20 * 3).map(|v| v * 60).collect();
        for pixels in [
            Pixels::Gray8(gray.iter().map(|&v| (v % 251) as u8).collect()),
            Pixels::Rgb8(colour.iter().map(|&v| (v % 251) as u8).collect()),
            Pixels::Gray16(gray),
            Pixels::Rgb16(colour),
        ] {
            let frame = Frame::new(16, 20, pixels).unwrap();
            assert_eq!(Frame::decode(&png(&frame).unwrap()).unwrap(), frame);
        }
    }
}
