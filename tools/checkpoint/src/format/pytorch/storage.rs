//! Tensors as strided views into raw storages.

use crate::CheckpointError;
use crate::format::Float;
use crate::tensor::element_count;

/// A flat run of elements, an entry `data/<key>` of the archive.
#[derive(Debug)]
pub(super) struct Storage {
    pub(super) key: String,
    pub(super) float: Float,
    /// Number of elements that the pickle declares.
    pub(super) elements: usize,
}

/// The pickle's description of a tensor; offset and strides count elements.
#[derive(Debug)]
pub(super) struct Stored {
    pub(super) name: String,
    pub(super) storage: Storage,
    pub(super) shape: Vec<usize>,
    offset: usize,
    strides: Vec<usize>,
    element_count: usize,
}

impl Stored {
    /// Checks that the view lies inside its storage.
    pub(super) fn new(
        name: String,
        storage: Storage,
        offset: usize,
        shape: Vec<usize>,
        strides: Vec<usize>,
    ) -> Result<Self, CheckpointError> {
        let bad = |what| Err(CheckpointError::BadTensor { name: name.clone(), what });
        if shape.len() != strides.len() {
            let (axes, given) = (shape.len(), strides.len());
            return bad(format!("expected a stride for each of {axes} axes, found {given}"));
        }
        // An expanded tensor (stride 0) could claim any size, so it must be materialised before it
        // is saved.
        let Some(element_count) = element_count(&shape).filter(|&n| n <= storage.elements) else {
            let elements = storage.elements;
            return bad(format!(
                "expected at most the {elements} elements of its storage, found shape {shape:?}"
            ));
        };
        let last = shape.iter().zip(&strides).try_fold(offset, |last, (&length, &stride)| {
            last.checked_add(length.saturating_sub(1).checked_mul(stride)?)
        });
        if element_count > 0 && last.is_none_or(|last| last >= storage.elements) {
            return bad(format!(
                "expected a view into {} elements, found offset {offset}, shape {shape:?}, \
                 strides {strides:?}",
                storage.elements
            ));
        }
        Ok(Self { name, storage, shape, offset, strides, element_count })
    }

    pub(super) fn element_count(&self) -> usize {
        self.element_count
    }

    /// Whether another tensor has the same elements of the same storage.
    pub(super) fn is_same_view(&self, other: &Self) -> bool {
        let view = |tensor: &Self| (tensor.offset, tensor.shape.clone(), tensor.strides.clone());
        self.storage.key == other.storage.key && view(self) == view(other)
    }

    /// The values in row-major order, from the storage's bytes.
    pub(super) fn values(&self, bytes: &[u8]) -> Result<Vec<f32>, CheckpointError> {
        let Storage { key, float, elements } = &self.storage;
        if elements.checked_mul(float.size_bytes()) != Some(bytes.len()) {
            return Err(CheckpointError::BadTensor {
                name: self.name.clone(),
                what: format!(
                    "expected {elements} elements of {} bytes in storage {key}, found {} bytes",
                    float.size_bytes(),
                    bytes.len()
                ),
            });
        }
        if self.element_count == 0 {
            return Ok(Vec::new());
        }
        if self.is_contiguous() {
            let start = self.offset * float.size_bytes();
            let end = start + self.element_count * float.size_bytes();
            return Ok(float.decode(bytes.get(start..end).unwrap_or_default()));
        }
        let storage = float.decode(bytes);
        let mut values = Vec::with_capacity(self.element_count);
        let mut index = vec![0; self.shape.len()];
        for _ in 0..self.element_count {
            let steps = index.iter().zip(&self.strides).map(|(i, stride)| i * stride);
            values.extend(storage.get(self.offset + steps.sum::<usize>()));
            advance(&mut index, &self.shape);
        }
        Ok(values)
    }

    /// Whether row-major order is the order of the storage.
    fn is_contiguous(&self) -> bool {
        let mut expected = 1;
        self.shape.iter().zip(&self.strides).rev().all(|(&length, &stride)| {
            let fits = length == 1 || stride == expected;
            expected *= length;
            fits
        })
    }
}

/// The next index in row-major order.
fn advance(index: &mut [usize], shape: &[usize]) {
    for (coordinate, &length) in index.iter_mut().zip(shape).rev() {
        *coordinate += 1;
        if *coordinate < length {
            return;
        }
        *coordinate = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stored(
        offset: usize,
        shape: &[usize],
        strides: &[usize],
    ) -> Result<Stored, CheckpointError> {
        let storage = Storage { key: "0".into(), float: Float::F32, elements: 24 };
        Stored::new("t".into(), storage, offset, shape.to_vec(), strides.to_vec())
    }

    fn values(offset: usize, shape: &[usize], strides: &[usize]) -> Vec<f32> {
        let bytes: Vec<_> = (0..24_u8).flat_map(|i| f32::from(i).to_le_bytes()).collect();
        stored(offset, shape, strides).unwrap().values(&bytes).unwrap()
    }

    #[test]
    fn gathers_views() {
        assert_eq!(values(4, &[2, 3], &[3, 1]), [4.0, 5.0, 6.0, 7.0, 8.0, 9.0]);
        assert_eq!(values(0, &[2, 3], &[1, 2]), [0.0, 2.0, 4.0, 1.0, 3.0, 5.0]);
        assert_eq!(
            values(1, &[2, 2, 2], &[12, 1, 6]),
            [1.0, 7.0, 2.0, 8.0, 13.0, 19.0, 14.0, 20.0]
        );
        // A single row may have any stride.
        assert_eq!(values(2, &[1, 2], &[99, 1]), [2.0, 3.0]);
        assert_eq!(values(23, &[], &[]), [23.0]);
        assert!(values(500, &[0, 7], &[7, 1]).is_empty());
    }

    #[test]
    fn refuses_views_that_leave_their_storage() {
        let huge = usize::MAX;
        let bad: [(usize, &[usize], &[usize]); 7] = [
            (1, &[24], &[1]),
            (24, &[1], &[1]),
            (0, &[2], &[24]),
            (0, &[25], &[0]),
            (0, &[huge, huge], &[1, 1]),
            (0, &[2, 2], &[huge, huge]),
            (0, &[2, 3], &[1]),
        ];
        for (offset, shape, strides) in bad {
            assert!(stored(offset, shape, strides).is_err(), "{offset} {shape:?} {strides:?}");
        }
    }

    #[test]
    fn refuses_a_storage_of_another_size() {
        let error = stored(0, &[24], &[1]).unwrap().values(&[0; 95]).unwrap_err();
        assert!(error.to_string().contains("found 95 bytes"), "{error}");
    }
}
