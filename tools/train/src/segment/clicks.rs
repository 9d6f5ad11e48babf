//! Corrective clicks: where the largest error is.

use uniultra_core::Mask;
use uniultra_dataset::{Components, deepest_pixel};

/// The pixel farthest from a mask's border; the first of equals, (0, 0) of an empty mask.
pub(crate) fn deepest(mask: &[u8], size: usize) -> [usize; 2] {
    let mask = Mask::from_binary(size, size, mask.to_vec()).ok();
    mask.and_then(|mask| deepest_pixel(&mask).ok().flatten()).unwrap_or_default()
}

/// The centre of the largest component that is missed (true) or spilled (false), as the evaluation
/// clicks; `None` where prediction and object are the same.
pub(crate) fn correction(
    prediction: &[u8],
    object: &[u8],
    size: usize,
) -> Option<([usize; 2], bool)> {
    let largest = |from: &[u8], but: &[u8]| {
        let data = from.iter().zip(but).map(|(&a, &b)| u8::from(a > b)).collect();
        let components = Components::from_mask(&Mask::from_binary(size, size, data).ok()?);
        let (index, area_px) = components.largest()?;
        let mask = components.mask(index).ok()?;
        Some((area_px, deepest_pixel(&mask).ok()??))
    };
    let missed = largest(object, prediction);
    let spilled = largest(prediction, object);
    match (missed, spilled) {
        (Some(missed), Some(spilled)) if spilled.0 > missed.0 => Some((spilled.1, false)),
        (Some(missed), _) => Some((missed.1, true)),
        (None, spilled) => spilled.map(|(_, place)| (place, false)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clicks_go_to_the_larger_error() {
        let size = 8;
        let object: Vec<u8> = (0..64).map(|i| u8::from(i % 8 < 4)).collect();
        let mut prediction = object.clone();
        assert_eq!(correction(&prediction, &object, size), None);
        // Rows 0 to 2 of the object are missed.
        prediction[..24].fill(0);
        let ([x, y], positive) = correction(&prediction, &object, size).unwrap();
        assert!(positive && x < 4 && y < 3, "{x} {y}");
        // All of the right half is spilled: 32 pixels against 12.
        for (at, value) in prediction.iter_mut().enumerate() {
            *value |= u8::from(at % 8 >= 4);
        }
        let ([x, _], positive) = correction(&prediction, &object, size).unwrap();
        assert!(!positive && x >= 4);
    }
}
