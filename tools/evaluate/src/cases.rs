//! Which images are evaluated.

use crate::EvaluateError;
use uniultra_dataset::{Found, Query};

/// Lists the images that a query asks for.
///
/// # Errors
/// [`EvaluateError::Data`] if the folder cannot be read, holds no set, lacks one that was asked for,
/// or a list of splits is damaged.
pub fn find_cases(query: &Query<'_>) -> Result<Found, EvaluateError> {
    Ok(uniultra_dataset::find_cases(query)?)
}
