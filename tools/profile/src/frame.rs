//! The frame that a profile is made on.

use crate::ProfileError;
use std::path::Path;
use uniultra_core::{Frame, Pixels};
use uniultra_phantom::{Phantom, PhantomConfig};

/// Seed of the sample frame: the same every time.
const SEED: u64 = 20_250_301;

/// Size of the sample frame, in pixels.
const SIZE_PX: [u32; 2] = [640, 480];

/// A frame from a file.
///
/// # Errors
/// [`ProfileError::Read`] or [`ProfileError::Frame`].
pub fn frame_of(path: &Path) -> Result<Frame, ProfileError> {
    let path_buf = || path.to_path_buf();
    let bytes =
        std::fs::read(path).map_err(|source| ProfileError::Read { path: path_buf(), source })?;
    Frame::decode(&bytes).map_err(|source| ProfileError::Frame { path: path_buf(), source })
}

/// A simulated frame, 640 x 480 px.
///
/// # Errors
/// [`ProfileError::Sample`] never, for the simulator keeps to the size that it is asked for.
pub fn sample_frame() -> Result<Frame, ProfileError> {
    let config = PhantomConfig { size_px: Some(SIZE_PX), ..PhantomConfig::default() };
    let image = Phantom::generate(SEED, 0, &config).image;
    let (width, height) = (image.width() as usize, image.height() as usize);
    Frame::new(width, height, Pixels::Gray8(image.into_raw())).map_err(ProfileError::Sample)
}
