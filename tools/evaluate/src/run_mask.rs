//! A mask in few bytes, to be kept until it is known which images are shown.

use uniultra_core::{Mask, MaskError};

/// A mask as run lengths, background first, row-major.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunMask {
    width: usize,
    height: usize,
    runs: Vec<u32>,
}

impl RunMask {
    /// Packs a mask.
    #[must_use]
    pub fn from_mask(mask: &Mask) -> Self {
        let mut runs = Vec::new();
        let mut rest = mask.data();
        let mut value = 0;
        while !rest.is_empty() {
            let run = rest.iter().position(|&v| v != value).unwrap_or(rest.len());
            runs.push(run as u32);
            rest = &rest[run..];
            value = 1 - value;
        }
        Self { width: mask.width(), height: mask.height(), runs }
    }

    /// The mask again.
    ///
    /// # Errors
    /// [`MaskError`] never, for a value that came from [`RunMask::from_mask`].
    pub fn unpack(&self) -> Result<Mask, MaskError> {
        let runs = self.runs.iter().zip([0, 1].into_iter().cycle());
        let data = runs.flat_map(|(&run, value)| std::iter::repeat_n(value, run as usize));
        Mask::from_binary(self.width, self.height, data.collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn unpacks_to_what_was_packed(
            (width, data) in (1_usize..9, 1_usize..9).prop_flat_map(|(w, h)| {
                (Just(w), prop::collection::vec(0_u8..2, w * h))
            }),
        ) {
            let mask = Mask::from_binary(width, data.len() / width, data).unwrap();
            prop_assert_eq!(RunMask::from_mask(&mask).unpack().unwrap(), mask);
        }
    }
}
