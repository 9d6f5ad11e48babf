//! Where frames are in space, and what their device is called.

use std::sync::{Mutex, MutexGuard, PoisonError};
use uniultra_igtl::{Coordinates, Geometry, Timestamp};

/// Frames that are remembered: the one on the screen is one of the last, because newer frames replace older ones.
const KEPT: usize = 16;

/// The name of answers if the frame has no device.
const DEVICE: &str = "UniUltra";

/// Longest part of a device's name in those of answers, which add up to 8 bytes; 20 are allowed.
const MAX_NAME_BYTES: usize = 12;

/// A frame as its device sent it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Place {
    pub(crate) number: u64,
    pub(crate) device: String,
    pub(crate) time: Timestamp,
    pub(crate) geometry: Geometry,
}

impl Place {
    /// The place of a frame that came without one: in the plane, its first pixel at the origin.
    pub(crate) fn flat(number: u64, spacing_mm: Option<[f32; 2]>, size: [usize; 2]) -> Self {
        // Without a known size of a pixel, a millimetre is a pixel.
        let spacing = spacing_mm.unwrap_or([1.0; 2]);
        let geometry = Geometry::flat(spacing, size, Coordinates::Lps);
        Self { number, device: DEVICE.to_string(), time: Timestamp::UNUSED, geometry }
    }

    /// The name of an answer of one kind: viewers keep one message of each name.
    pub(crate) fn answer_name(&self, kind: &str) -> String {
        let cut = self.device.char_indices().map(|(i, c)| i + c.len_utf8());
        let end = cut.take_while(|end| *end <= MAX_NAME_BYTES).last().unwrap_or_default();
        format!("{}.{kind}", self.device.get(..end).unwrap_or_default())
    }
}

/// The places of the last frames.
#[derive(Debug, Default)]
pub(crate) struct Places(Mutex<heapless::HistoryBuf<Place, KEPT>>);

impl Places {
    pub(crate) fn note(&self, place: Place) {
        self.lock().write(place);
    }

    pub(crate) fn find(&self, number: u64) -> Option<Place> {
        self.lock().oldest_ordered().find(|place| place.number == number).cloned()
    }

    fn lock(&self) -> MutexGuard<'_, heapless::HistoryBuf<Place, KEPT>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_frames_are_remembered() {
        let places = Places::default();
        for number in 0..40 {
            places.note(Place::flat(number, None, [64, 48]));
        }
        assert_eq!(places.find(39).map(|place| place.number), Some(39));
        assert!(places.find(23).is_none() && places.find(24).is_some());
    }

    #[test]
    fn names_of_answers_fit_the_header() {
        let mut place = Place::flat(0, None, [64, 48]);
        assert_eq!(place.answer_name("mask"), "UniUltra.mask");
        place.device = "a-very-long-device-name".to_string();
        assert_eq!(place.answer_name("outline").len(), 20);
    }
}
