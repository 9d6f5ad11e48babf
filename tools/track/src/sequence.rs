//! Where the frames of a sequence lie, and where its objects are tapped.

use crate::TrackError;
use serde::Deserialize;
use std::path::{Path, PathBuf};
use uniultra_core::{Mask, PixelSpacing};
use uniultra_dataset::{Case, Components, deepest_pixel, read_pair};

/// The file beside the folders `image` and `mask` of a set of simulated sequences.
const CINE_FILE: &str = "cine.json";

/// Image and mask of a frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FrameFiles {
    /// The image.
    pub image: PathBuf,
    /// The mask, of the same size.
    pub mask: PathBuf,
}

/// Frames in order.
#[derive(Clone, Debug)]
pub struct Sequence {
    /// Its name.
    pub name: String,
    /// Frames a second; 20 if unknown.
    pub rate_hz: f32,
    /// Size of a pixel, if known.
    pub spacing: Option<PixelSpacing>,
    /// The frames.
    pub frames: Vec<FrameFiles>,
}

/// What is read of `cine.json`.
#[derive(Debug, Deserialize)]
struct CineFile {
    sequences: Vec<CineSequence>,
}

#[derive(Debug, Deserialize)]
struct CineSequence {
    id: String,
    frame_rate_hz: f32,
    pixel_spacing_mm: Option<f32>,
    frames: Vec<CineFrame>,
}

#[derive(Debug, Deserialize)]
struct CineFrame {
    stem: String,
}

/// The sequences of a folder with `cine.json`.
///
/// # Errors
/// [`TrackError::Sequences`], [`TrackError::TooShort`].
pub fn find_sequences(folder: &Path) -> Result<Vec<Sequence>, TrackError> {
    let path = folder.join(CINE_FILE);
    let refuse = |reason: String| TrackError::Sequences { path: path.clone(), reason };
    let text = std::fs::read_to_string(&path).map_err(|error| refuse(error.to_string()))?;
    let file: CineFile = serde_json::from_str(&text).map_err(|error| refuse(error.to_string()))?;
    file.sequences.into_iter().map(|sequence| resolve(folder, sequence)).collect()
}

fn resolve(folder: &Path, sequence: CineSequence) -> Result<Sequence, TrackError> {
    let file = |kind: &str, stem: &str| folder.join(kind).join(format!("{stem}.png"));
    let frames: Vec<FrameFiles> = sequence
        .frames
        .iter()
        .map(|CineFrame { stem }| FrameFiles {
            image: file("image", stem),
            mask: file("mask", stem),
        })
        .collect();
    if frames.len() < 2 {
        return Err(TrackError::TooShort { path: folder.join(CINE_FILE), found: frames.len() });
    }
    Ok(Sequence {
        name: sequence.id,
        rate_hz: sequence.frame_rate_hz,
        // One out of range says nothing; the frames can be followed all the same.
        spacing: sequence.pixel_spacing_mm.and_then(|mm| PixelSpacing::new(mm).ok()),
        frames,
    })
}

/// The frames of an ordinary set whose names end in numbers `first..=last`, in the order of these numbers. Numbers
/// without an image are left out.
///
/// # Errors
/// [`TrackError::TooShort`].
pub fn numbered_run(set: &Path, first: u32, last: u32) -> Result<Sequence, TrackError> {
    let mut found: Vec<(u32, FrameFiles)> = Vec::new();
    for entry in std::fs::read_dir(set.join("image")).into_iter().flatten().flatten() {
        let image = entry.path();
        let Some(stem) = image.file_stem().and_then(|stem| stem.to_str()) else { continue };
        let digits = stem.len() - stem.trim_end_matches(|c: char| c.is_ascii_digit()).len();
        let Ok(number) = stem[stem.len() - digits..].parse::<u32>() else { continue };
        if (first..=last).contains(&number) {
            let mask = set.join("mask").join(format!("{stem}.png"));
            found.push((number, FrameFiles { image, mask }));
        }
    }
    if found.len() < 2 {
        return Err(TrackError::TooShort { path: set.join("image"), found: found.len() });
    }
    found.sort_by_key(|(number, _)| *number);
    let set_name =
        set.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    Ok(Sequence {
        name: format!("{set_name} {first}-{last}"),
        rate_hz: 20.0,
        spacing: None,
        frames: found.into_iter().map(|(_, files)| files).collect(),
    })
}

impl FrameFiles {
    /// Reads image and mask.
    ///
    /// # Errors
    /// [`TrackError::Sample`].
    pub(crate) fn read(&self) -> Result<(uniultra_core::Frame, Mask), TrackError> {
        let case = Case {
            set: String::new(),
            stem: String::new(),
            image: self.image.clone(),
            mask: self.mask.clone(),
            pixel_spacing: None,
            head_circumference_mm: None,
        };
        read_pair(&case).map_err(|source| TrackError::Sample { path: self.image.clone(), source })
    }
}

/// The innermost pixel (column, row) of each object of a mask: where a sonographer would tap.
pub(crate) fn taps(mask: &Mask) -> Vec<[f32; 2]> {
    let components = Components::from_mask(mask);
    let mut taps = Vec::new();
    for index in components.objects() {
        let Ok(object) = components.mask(index) else { continue };
        if let Ok(Some([x, y])) = deepest_pixel(&object) {
            taps.push([x as f32, y as f32]);
        }
    }
    taps
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn sequences_are_read_in_their_order() {
        let folder = tempfile::tempdir().unwrap();
        let text = r#"{"format": 1, "sequences": [{"id": "a", "frame_rate_hz": 20.0, "pixel_spacing_mm": 0.2,
            "kind": "cyst", "frames": [{"stem": "b"}, {"stem": "a"}]}]}"#;
        fs::write(folder.path().join(CINE_FILE), text).unwrap();
        let [sequence] = &find_sequences(folder.path()).unwrap()[..] else { panic!("one") };
        assert_eq!(sequence.frames[0].image, folder.path().join("image/b.png"));
        assert_eq!(sequence.frames[1].mask, folder.path().join("mask/a.png"));
        fs::write(folder.path().join(CINE_FILE), text.replace(r#", {"stem": "a"}"#, "")).unwrap();
        assert!(matches!(
            find_sequences(folder.path()),
            Err(TrackError::TooShort { found: 1, .. })
        ));
        fs::write(folder.path().join(CINE_FILE), "{}").unwrap();
        let message = find_sequences(folder.path()).unwrap_err().to_string();
        assert!(message.contains("cine.json") && message.contains("sequences"), "{message}");
    }

    #[test]
    fn a_run_is_in_the_order_of_its_numbers() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("image")).unwrap();
        for name in ["m_00010.jpg", "m_00009.jpg", "m_00011.jpg", "m_00099.jpg", "readme.jpg"] {
            fs::write(folder.path().join("image").join(name), "x").unwrap();
        }
        let run = numbered_run(folder.path(), 9, 11).unwrap();
        let names: Vec<_> = run.frames.iter().map(|f| f.image.file_name().unwrap()).collect();
        assert_eq!(names, ["m_00009.jpg", "m_00010.jpg", "m_00011.jpg"]);
        assert!(numbered_run(folder.path(), 500, 600).is_err());
    }
}
