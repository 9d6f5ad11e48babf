//! The envelope of this program's JSON documents.

use uniultra_schema::{Document, ModelIdentity, Report, Tool};

/// A report in its envelope.
pub(crate) fn document<R: Report>(model: Option<ModelIdentity>, report: R) -> Document<R> {
    Document::new(Tool::new("uniultra", env!("CARGO_PKG_VERSION")), model, report)
}
