//! One reader for each data set: which files belong together, and what their names say.

pub(crate) mod bus_bra;
pub(crate) mod busi;
pub(crate) mod camus;
pub(crate) mod ddti;
pub(crate) mod fugc;
pub(crate) mod hc18;
pub(crate) mod jnu_ifm;
pub(crate) mod mmotu;
pub(crate) mod tn3k;
pub(crate) mod udiat;
pub(crate) mod uns;

#[cfg(test)]
pub(crate) mod layout;

use crate::case::Truth;
use std::path::PathBuf;

/// The mask of an image, or what was expected.
fn mask_or(mask: Option<PathBuf>, expected: impl FnOnce() -> String) -> Truth {
    match mask {
        Some(path) => Truth::Masks(vec![path]),
        None => Truth::Missing(format!("expected the mask {}, found none", expected())),
    }
}

/// A name of digits alone.
fn digits(text: &str) -> Option<String> {
    let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| text.to_string())
}
