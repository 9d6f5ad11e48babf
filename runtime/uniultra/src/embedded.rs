//! The model compiled into the program.

use crate::{ManifestError, Pack};

/// The default model, `models/uniultra-mini-int8`, compiled into the program. Its bytes are not
/// copied.
///
/// ```
/// let pack = uniultra::embedded_pack()?;
/// assert_eq!(pack.manifest().model.id, "uniultra-mini-int8");
/// assert_eq!(pack.folder(), None);
/// # Ok::<(), uniultra::Error>(())
/// ```
///
/// # Errors
/// [`ManifestError`] if the pack was damaged when the program was built.
pub fn embedded_pack() -> Result<Pack, ManifestError> {
    uniultra_default_model::pack()
}
