//! Errors of the kernels.

/// An argument whose size does not fit the others.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what}: expected {expected}, found {found}")]
pub struct SizeMismatch {
    /// The argument.
    pub what: &'static str,
    /// The size it must have, in values or in what `what` names.
    pub expected: usize,
    /// The size it has.
    pub found: usize,
}

/// Why a kernel did not run.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KernelError {
    /// An argument whose size does not fit the others.
    #[error(transparent)]
    Size(#[from] SizeMismatch),
    /// A map of blocks with too many pixels.
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

/// Checks that `found` is `expected`; `what` names the argument in the error.
pub(crate) fn expect_size(
    what: &'static str,
    expected: usize,
    found: usize,
) -> Result<(), KernelError> {
    if expected == found { Ok(()) } else { Err(SizeMismatch { what, expected, found }.into()) }
}
