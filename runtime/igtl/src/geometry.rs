//! Where the pixels of an image are in space.

use crate::Mismatch;
use crate::fields::check_finite;
use crate::limits::{MAX_SPACING_MM, MIN_SPACING_MM};

/// Which way the axes of space point, seen by the patient.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Coordinates {
    /// Right, anterior, superior; number 1.
    Ras,
    /// Left, posterior, superior; number 2. That of DICOM.
    Lps,
}

impl Coordinates {
    pub(crate) fn read(number: u8) -> Result<Self, Mismatch> {
        match number {
            1 => Ok(Self::Ras),
            2 => Ok(Self::Lps),
            other => Err(Mismatch::new("coordinates", "1 (RAS) or 2 (LPS)", other)),
        }
    }

    pub(crate) fn number(self) -> u8 {
        match self {
            Self::Ras => 1,
            Self::Lps => 2,
        }
    }
}

/// Where the pixels of an image are. An IMAGE message has the centre of the image; the centre of the first pixel
/// follows from that and from the image's size.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Geometry {
    /// The step to the next pixel in a row, to the next row, and through the slice, in millimetres. The first
    /// two are [`MIN_SPACING_MM`] to [`MAX_SPACING_MM`] long; the third may be zero.
    pub steps: [[f32; 3]; 3],
    /// The centre of the image, in millimetres: halfway between the centres of its first and last pixel.
    pub center: [f32; 3],
    /// The axes of these numbers.
    pub coordinates: Coordinates,
}

impl Geometry {
    /// An image in the plane of the first two axes, whose first pixel is at the origin.
    ///
    /// ```
    /// use uniultra_igtl::{Coordinates, Geometry};
    ///
    /// let flat = Geometry::flat([0.25, 0.5], [640, 480], Coordinates::Lps);
    /// assert_eq!(flat.spacing(), [0.25, 0.5, 1.0]);
    /// assert_eq!(flat.position([640, 480], [10.0, 100.0]), [2.5, 50.0, 0.0]);
    /// ```
    ///
    /// `spacing` is in millimetres, `size` in pixels; columns come first, then rows.
    #[must_use]
    pub fn flat(spacing: [f32; 2], size: [usize; 2], coordinates: Coordinates) -> Self {
        let steps = [[spacing[0], 0.0, 0.0], [0.0, spacing[1], 0.0], [0.0, 0.0, 1.0]];
        Self::from_origin(steps, [0.0; 3], size, coordinates)
    }

    /// From the place of the first pixel's centre, `origin`, in millimetres. `size` is in pixels, columns first.
    #[must_use]
    pub fn from_origin(
        steps: [[f32; 3]; 3],
        origin: [f32; 3],
        size: [usize; 2],
        coordinates: Coordinates,
    ) -> Self {
        let center = along(origin, &steps, size.map(to_center));
        Self { steps, center, coordinates }
    }

    /// The lengths of the steps, in millimetres.
    #[must_use]
    pub fn spacing(&self) -> [f32; 3] {
        self.steps.map(|step| length(step) as f32)
    }

    /// The steps with length 1; a step of length 0 stays so.
    #[must_use]
    pub fn directions(&self) -> [[f32; 3]; 3] {
        self.steps.map(|step| {
            let length = length(step);
            if length > 0.0 { step.map(|part| (f64::from(part) / length) as f32) } else { step }
        })
    }

    /// The centre of the first pixel of an image of `size` pixels (columns, rows), in millimetres.
    #[must_use]
    pub fn origin(&self, size: [usize; 2]) -> [f32; 3] {
        self.position(size, [0.0, 0.0])
    }

    /// Where `pixel` of an image of `size` is in space, in millimetres; columns first. Whole numbers are the
    /// centres of pixels.
    #[must_use]
    pub fn position(&self, size: [usize; 2], pixel: [f32; 2]) -> [f32; 3] {
        let offset = |axis: usize| f64::from(pixel[axis]) - to_center(size[axis]);
        along(self.center, &self.steps, [offset(0), offset(1)])
    }

    pub(crate) fn check(&self) -> Result<(), Mismatch> {
        check_finite("matrix", self.steps.as_flattened())?;
        check_finite("matrix", &self.center)?;
        let lengths = [length(self.steps[0]), length(self.steps[1])];
        let (least, most) = (f64::from(MIN_SPACING_MM), f64::from(MAX_SPACING_MM));
        match lengths.into_iter().find(|length| !(least..=most).contains(length)) {
            Some(length) => {
                let expected = format!("{MIN_SPACING_MM:e} to {MAX_SPACING_MM} mm");
                Err(Mismatch::new("spacing", expected, format!("{length:e} mm")))
            }
            None => Ok(()),
        }
    }
}

/// Pixels from the centre of the first one to the centre of the image.
fn to_center(size: usize) -> f64 {
    size.saturating_sub(1) as f64 / 2.0
}

fn along(start: [f32; 3], steps: &[[f32; 3]; 3], counts: [f64; 2]) -> [f32; 3] {
    let [i, j, _] = steps;
    let mut place = start;
    for ((place, i), j) in place.iter_mut().zip(i).zip(j) {
        *place = (f64::from(*place) + f64::from(*i) * counts[0] + f64::from(*j) * counts[1]) as f32;
    }
    place
}

/// In double precision, in which the squares of all single ones are finite.
fn length(step: [f32; 3]) -> f64 {
    step.map(|part| f64::from(part).powi(2)).iter().sum::<f64>().sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_turned_image_has_its_spacing_directions_and_origin() {
        let steps = [[0.0, 0.3, 0.4], [0.2, 0.0, 0.0], [0.0, 0.0, 2.0]];
        let geometry = Geometry::from_origin(steps, [1., 2., 3.], [5, 11], Coordinates::Ras);
        assert_eq!(geometry.center, [2.0, 2.6, 3.8]);
        assert_eq!(geometry.spacing(), [0.5, 0.2, 2.0]);
        assert_eq!(geometry.directions(), [[0.0, 0.6, 0.8], [1., 0., 0.], [0., 0., 1.]]);
        for (place, expected) in geometry.origin([5, 11]).into_iter().zip([1., 2., 3.]) {
            assert!((place - expected).abs() < 1e-6_f32);
        }
    }

    #[test]
    fn extreme_steps_are_refused_by_name() {
        let flat = |spacing| Geometry::flat([spacing, 1.0], [2, 2], Coordinates::Lps).check();
        assert!(flat(1e-6).is_ok() && flat(1e3).is_ok());
        let text = flat(1e-7).unwrap_err().to_string();
        assert_eq!(text, "spacing: expected 1e-6 to 1000 mm, found 1.0000000116860974e-7 mm");
        assert!(flat(f32::MAX).is_err() && flat(0.0).is_err() && flat(f32::NAN).is_err());
    }
}
