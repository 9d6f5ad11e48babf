//! Tensors that nothing reads any more, as room for the next ones.
//!
//! A new tensor has to be filled with zeros before an operation may write to it, which costs as
//! much as writing it. Our operations write every value of their outputs, so an old tensor of the
//! same size serves as well. Each thread keeps a few.

use std::cell::RefCell;
use std::sync::Arc;
use tract_core::internal::{DatumType, IntoArcTensor, TValue, TVec, Tensor, TractResult};

/// Most tensors that a thread keeps, and most bytes of them together.
const MAX_TENSORS: usize = 16;
const MAX_BYTES: usize = 4 << 20;
/// Smaller tensors would only push out large ones.
const MIN_BYTES: usize = 32 << 10;

thread_local! {
    static KEPT: RefCell<Vec<Tensor>> = const { RefCell::new(Vec::new()) };
}

/// A tensor of any values. In debug builds floats are NaN, so that a test sees a value that an
/// operation leaves as it was.
pub(super) fn tensor(datum_type: DatumType, shape: &[usize]) -> TractResult<Tensor> {
    let len: usize = shape.iter().product();
    let found = KEPT.with_borrow_mut(|kept| {
        let fits = |kept: &Tensor| kept.datum_type() == datum_type && kept.len() == len;
        kept.iter().rposition(fits).map(|index| kept.remove(index))
    });
    let mut tensor = match found {
        Some(mut tensor) => {
            tensor.set_shape(shape)?;
            tensor
        }
        None => Tensor::zero_dt(datum_type, shape)?,
    };
    if cfg!(debug_assertions)
        && let Ok(values) = tensor.try_as_plain_ram_mut()?.as_slice_mut::<f32>()
    {
        values.fill(f32::NAN);
    }
    Ok(tensor)
}

/// Keeps what an operation has read, if nothing else will.
pub(super) fn recycle(read: TVec<TValue>) {
    let bytes = |tensor: &Tensor| tensor.len() * tensor.datum_type().size_of();
    KEPT.with_borrow_mut(|kept| {
        for value in read {
            if let Ok(tensor) = Arc::try_unwrap(value.into_arc_tensor())
                && tensor.is_plain_ram()
                && bytes(&tensor) >= MIN_BYTES
            {
                kept.push(tensor);
            }
        }
        let mut total: usize = kept.iter().map(bytes).sum();
        while kept.len() > MAX_TENSORS || total > MAX_BYTES {
            total -= bytes(&kept.remove(0));
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use tract_core::internal::{Datum, IntoTValue};

    fn address(tensor: &Tensor) -> *const f32 {
        tensor.as_ptr::<f32>().unwrap()
    }

    #[test]
    fn what_nothing_else_reads_comes_back() {
        let old = tensor(f32::datum_type(), &[60, 700]).unwrap();
        let place = address(&old);
        recycle([old.into_tvalue()].into_iter().collect());
        // Another type or number of values is another tensor.
        assert_eq!(tensor(i8::datum_type(), &[60, 700]).unwrap().datum_type(), i8::datum_type());
        assert_ne!(address(&tensor(f32::datum_type(), &[60, 800]).unwrap()), place);
        let new = tensor(f32::datum_type(), &[42_000]).unwrap();
        assert_eq!((address(&new), new.shape()), (place, &[42_000][..]));
    }

    #[test]
    fn what_is_read_elsewhere_stays() {
        let value = tensor(f32::datum_type(), &[50_000]).unwrap().into_tvalue();
        let place = address(&value);
        recycle([value.clone()].into_iter().collect());
        assert_ne!(address(&tensor(f32::datum_type(), &[50_000]).unwrap()), place);
        drop(value);
    }

    #[test]
    fn little_is_kept_and_nothing_small() {
        recycle([tensor(f32::datum_type(), &[100]).unwrap().into_tvalue()].into_iter().collect());
        KEPT.with_borrow(|kept| assert!(kept.is_empty()));
        for size in 1..100 {
            let large = tensor(f32::datum_type(), &[size << 10]).unwrap();
            recycle([large.into_tvalue()].into_iter().collect());
        }
        KEPT.with_borrow(|kept| {
            assert!(!kept.is_empty() && kept.len() <= MAX_TENSORS);
            assert!(kept.iter().map(|tensor| 4 * tensor.len()).sum::<usize>() <= MAX_BYTES);
        });
    }
}
