//! The source of the reference's weights.

use std::collections::BTreeMap;

/// Tensors by name: shape and values in row-major order.
pub type Tensors = BTreeMap<String, (Vec<usize>, Vec<f32>)>;

/// A source of named tensors, under the published names without the `model.` prefix.
pub trait Weights {
    /// Shape and row-major values of a tensor, or `None` if the source has no tensor of that name.
    fn find(&self, name: &str) -> Option<(&[usize], &[f32])>;

    /// A tensor that has to be there.
    ///
    /// # Panics
    /// If it is absent.
    fn get(&self, name: &str) -> (&[usize], &[f32]) {
        self.find(name).unwrap_or_else(|| panic!("weight `{name}` is absent"))
    }

    /// The values of a tensor whose shape is known.
    ///
    /// # Panics
    /// If it is absent or has another shape.
    fn of_shape(&self, name: &str, expected: &[usize]) -> &[f32] {
        let (shape, values) = self.get(name);
        assert_eq!(shape, expected, "shape of weight `{name}`");
        values
    }
}

impl Weights for Tensors {
    fn find(&self, name: &str) -> Option<(&[usize], &[f32])> {
        BTreeMap::get(self, name).map(|(shape, values)| (shape.as_slice(), values.as_slice()))
    }
}
