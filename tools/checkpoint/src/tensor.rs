//! A dense tensor in host memory.

use crate::CheckpointError;

/// Values in row-major order (the last axis varies fastest), as 32-bit floats.
#[derive(Clone, Debug, PartialEq)]
pub struct Tensor {
    shape: Vec<usize>,
    data: Vec<f32>,
}

impl Tensor {
    /// A tensor of the given shape; an empty shape is a scalar.
    ///
    /// # Errors
    /// [`CheckpointError::ElementCount`] unless `data` has the product of `shape` elements.
    pub fn new(shape: Vec<usize>, data: Vec<f32>) -> Result<Self, CheckpointError> {
        if element_count(&shape) == Some(data.len()) {
            Ok(Self { shape, data })
        } else {
            Err(CheckpointError::ElementCount { shape, found: data.len() })
        }
    }

    /// Length of each axis.
    #[must_use]
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// The values, row-major.
    #[must_use]
    pub fn data(&self) -> &[f32] {
        &self.data
    }

    /// The first NaN or infinity: its index on each axis, and the value.
    pub(crate) fn first_non_finite(&self) -> Option<(Vec<usize>, f32)> {
        let (place, &value) = self.data.iter().enumerate().find(|(_, v)| !v.is_finite())?;
        let mut rest = place;
        let mut index = vec![0; self.shape.len()];
        for (coordinate, &length) in index.iter_mut().zip(&self.shape).rev() {
            *coordinate = rest % length;
            rest /= length;
        }
        Some((index, value))
    }
}

/// Number of elements of a shape; `None` if the product overflows.
pub(crate) fn element_count(shape: &[usize]) -> Option<usize> {
    shape.iter().try_fold(1_usize, |product, &length| product.checked_mul(length))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refuses_data_that_does_not_fill_the_shape() {
        assert!(Tensor::new(vec![2, 3], vec![0.0; 6]).is_ok());
        assert!(Tensor::new(vec![], vec![1.0]).is_ok());
        for shape in [vec![2, 3], vec![usize::MAX, 2], vec![]] {
            assert!(Tensor::new(shape.clone(), vec![0.0; 5]).is_err(), "{shape:?}");
        }
    }

    #[test]
    fn finds_the_first_value_that_is_not_finite() {
        let mut data = vec![0.0; 24];
        data[17] = f32::NEG_INFINITY;
        data[23] = f32::NAN;
        let tensor = Tensor::new(vec![2, 3, 4], data).unwrap();
        assert_eq!(tensor.first_non_finite(), Some((vec![1, 1, 1], f32::NEG_INFINITY)));
    }
}
