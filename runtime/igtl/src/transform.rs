//! Content of `TRANSFORM`: where something is and how it is turned.

use crate::Mismatch;
use crate::fields::{Fields, put_finite};

/// Bytes of the content.
pub(crate) const BYTES: usize = 48;

/// A linear map of space: `position = columns[0] x + columns[1] y + columns[2] z + translation`. The last row
/// of the 4 x 4 matrix, `0 0 0 1`, is not sent.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Transform {
    /// The images of the three axes.
    pub columns: [[f32; 3]; 3],
    /// The image of the origin, in millimetres.
    pub translation: [f32; 3],
}

impl Transform {
    /// The map that leaves everything where it is.
    pub const IDENTITY: Self =
        Self { columns: [[1., 0., 0.], [0., 1., 0.], [0., 0., 1.]], translation: [0.; 3] };

    pub(crate) fn read(content: &[u8]) -> Result<Self, Mismatch> {
        let mut fields = Fields::new(content);
        let mut column = || fields.finite("matrix");
        let columns = [column()?, column()?, column()?];
        let translation = column()?;
        fields.end("matrix")?;
        Ok(Self { columns, translation })
    }

    pub(crate) fn write(&self, out: &mut Vec<u8>) -> Result<(), Mismatch> {
        put_finite(out, "matrix", self.columns.as_flattened())?;
        put_finite(out, "matrix", &self.translation)
    }
}
