//! What a kernel refuses.

/// Sizes that do not belong together.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what}: expected {expected}, found {found}")]
pub struct SizeMismatch {
    /// The argument.
    pub what: &'static str,
    /// Its size, in values or as `what` says.
    pub expected: usize,
    /// What was given.
    pub found: usize,
}

/// Why a kernel did not run.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KernelError {
    /// Sizes that do not belong together.
    #[error(transparent)]
    Size(#[from] SizeMismatch),
    /// A map of blocks that is too large.
    #[error(
        "expected a map of at most 2^32 pixels, found {cells:?} cells of 2^{levels} pixels a side"
    )]
    Blocks {
        /// Cells down and across.
        cells: [usize; 2],
        /// Levels of blocks in a cell.
        levels: u32,
    },
    /// A map that cannot be cut into whole windows.
    #[error("{what}: expected whole windows of a map, found {found}")]
    Windows {
        /// The argument.
        what: &'static str,
        /// The sizes given.
        found: String,
    },
}

/// `found` must be `expected`.
pub(crate) fn same(what: &'static str, expected: usize, found: usize) -> Result<(), KernelError> {
    if expected == found { Ok(()) } else { Err(SizeMismatch { what, expected, found }.into()) }
}
