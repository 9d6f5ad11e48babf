//! The changes that augmentation makes to an image: probabilities and ranges.

use crate::DatasetError;
use serde::{Deserialize, Serialize};

/// One part of the augmentation: how often, and how much.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Part {
    /// Probability, 0 to 1.
    pub p: f32,
    /// Lowest and highest amount, in the unit of the part.
    pub range: [f32; 2],
}

impl Part {
    const fn new(p: f32, low: f32, high: f32) -> Self {
        Self { p, range: [low, high] }
    }

    const fn never(self) -> Self {
        Self { p: 0.0, range: self.range }
    }
}

/// The augmentation, table `[augment]`. Absent fields have their default; `p = 0` turns a part off.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AugmentConfig {
    /// Probability of mirroring left and right.
    pub flip_horizontal: f32,
    /// Probability of mirroring top and bottom.
    pub flip_vertical: f32,
    /// Zoom about the centre, factor; below 1 there is black around the image.
    pub scale: Part,
    /// Factor on the image's ratio of width to height.
    pub aspect: Part,
    /// Shift along each axis, in parts of the side, in addition to what a zoom leaves free.
    pub shift: Part,
    /// Rotation about the centre in the image's own pixels, degrees.
    pub rotate_deg: Part,
    /// Vertical zoom with the top held, factor: another depth setting of the scanner.
    pub depth: Part,
    /// Gain, dB of a 60 dB gray scale.
    pub gain_db: Part,
    /// Factor on the contrast, about the mean gray of the scanned area.
    pub contrast: Part,
    /// Exponent of the gray values.
    pub gamma: Part,
    /// Largest error of the time-gain compensation, dB of a 60 dB gray scale.
    pub tgc_db: Part,
    /// Strength of multiplicative speckle, 1 being fully developed.
    pub speckle: Part,
    /// Standard deviation of additive noise, parts of the gray scale.
    pub noise: Part,
    /// Standard deviation of a blur, pixels at the network's size.
    pub blur_px: Part,
    /// Darkness of an acoustic shadow, 1 being black.
    pub shadow: Part,
}

impl Default for AugmentConfig {
    fn default() -> Self {
        Self {
            flip_horizontal: 0.5,
            flip_vertical: 0.0,
            scale: Part::new(0.8, 0.7, 1.4),
            aspect: Part::new(0.5, 0.8, 1.25),
            shift: Part::new(0.8, -0.1, 0.1),
            rotate_deg: Part::new(0.3, -10.0, 10.0),
            depth: Part::new(0.3, 0.8, 1.3),
            gain_db: Part::new(0.5, -6.0, 6.0),
            contrast: Part::new(0.5, 0.75, 1.35),
            gamma: Part::new(0.3, 0.8, 1.25),
            tgc_db: Part::new(0.3, 2.0, 8.0),
            speckle: Part::new(0.3, 0.1, 0.35),
            noise: Part::new(0.3, 0.005, 0.03),
            blur_px: Part::new(0.2, 0.4, 1.2),
            shadow: Part::new(0.15, 0.3, 0.9),
        }
    }
}

impl AugmentConfig {
    /// Nothing at all, as for validation.
    #[must_use]
    pub fn none() -> Self {
        let d = Self::default();
        Self {
            flip_horizontal: 0.0,
            flip_vertical: 0.0,
            scale: d.scale.never(),
            aspect: d.aspect.never(),
            shift: d.shift.never(),
            rotate_deg: d.rotate_deg.never(),
            depth: d.depth.never(),
            gain_db: d.gain_db.never(),
            contrast: d.contrast.never(),
            gamma: d.gamma.never(),
            tgc_db: d.tgc_db.never(),
            speckle: d.speckle.never(),
            noise: d.noise.never(),
            blur_px: d.blur_px.never(),
            shadow: d.shadow.never(),
        }
    }

    /// Checks probabilities and ranges.
    ///
    /// # Errors
    /// [`DatasetError::Config`], naming the part.
    pub fn validate(&self) -> Result<(), DatasetError> {
        let refuse = |part: &str, expected, found: String| {
            Err(DatasetError::Config { place: format!("augment.{part}"), expected, found })
        };
        let flips =
            [("flip_horizontal", self.flip_horizontal), ("flip_vertical", self.flip_vertical)];
        for (part, p) in flips {
            if !(0.0..=1.0).contains(&p) {
                return refuse(part, "a probability of 0 to 1", p.to_string());
            }
        }
        for (name, part, [least, most]) in self.parts() {
            if !(0.0..=1.0).contains(&part.p) {
                return refuse(name, "a probability p of 0 to 1", part.p.to_string());
            }
            let [low, high] = part.range;
            if !(least <= low && low <= high && high <= most) {
                let expected = "a rising range within what makes sense";
                return refuse(
                    name,
                    expected,
                    format!("{low} to {high} (possible: {least} to {most})"),
                );
            }
        }
        Ok(())
    }

    /// Name, part and widest range of each part.
    fn parts(&self) -> [(&'static str, Part, [f32; 2]); 13] {
        [
            ("scale", self.scale, [0.1, 10.0]),
            ("aspect", self.aspect, [0.25, 4.0]),
            ("shift", self.shift, [-1.0, 1.0]),
            ("rotate_deg", self.rotate_deg, [-180.0, 180.0]),
            ("depth", self.depth, [0.25, 4.0]),
            ("gain_db", self.gain_db, [-30.0, 30.0]),
            ("contrast", self.contrast, [0.1, 10.0]),
            ("gamma", self.gamma, [0.1, 10.0]),
            ("tgc_db", self.tgc_db, [0.0, 30.0]),
            ("speckle", self.speckle, [0.0, 1.0]),
            ("noise", self.noise, [0.0, 0.5]),
            ("blur_px", self.blur_px, [0.0, 4.0]),
            ("shadow", self.shadow, [0.0, 1.0]),
        ]
    }
}
