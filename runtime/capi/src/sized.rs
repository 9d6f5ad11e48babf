//! Structures that say their own size: copied in and out byte by byte, so that neither an old caller
//! nor an unaligned one makes the library read or write what is not there.

use crate::failure::Failure;
use std::mem::MaybeUninit;

/// A structure of the interface, with `struct_size: u32` as its first field.
///
/// # Safety
/// `#[repr(C)]`, the first field is that `u32`, and any bytes are a value: numbers, pointers and
/// arrays of these only.
pub(crate) unsafe trait CStruct: Copy {
    /// Its name in C.
    const NAME: &'static str;
}

/// What a structure says of its size.
///
/// # Safety
/// Four bytes can be read at `place`.
pub(crate) unsafe fn declared_size<T: CStruct>(place: *const T) -> usize {
    // SAFETY: the caller's promise; the size is the first field.
    unsafe { place.cast::<u32>().read_unaligned() as usize }
}

/// The caller's structure.
///
/// # Safety
/// `place` is null or points to as many bytes as the `u32` there says.
pub(crate) unsafe fn read<T: CStruct>(place: *const T) -> Result<T, Failure> {
    // SAFETY: the caller's promise.
    unsafe { check(place)? };
    let mut value = MaybeUninit::<T>::zeroed();
    // SAFETY: source and target have the structure's size, and a new local is not where the source is.
    unsafe {
        std::ptr::copy_nonoverlapping(
            place.cast::<u8>(),
            value.as_mut_ptr().cast::<u8>(),
            size_of::<T>(),
        );
        // SAFETY: any bytes are a value of `T`.
        Ok(value.assume_init())
    }
}

/// Checks that the caller's structure can take a `T`.
///
/// # Safety
/// As [`read`].
pub(crate) unsafe fn check<T: CStruct>(place: *const T) -> Result<(), Failure> {
    if place.is_null() {
        return Err(Failure::null(T::NAME));
    }
    // SAFETY: the caller's promise: there is at least the size itself.
    let found = unsafe { declared_size(place) };
    let expected = size_of::<T>();
    // There is one version so far. A later one also takes the sizes of those before it.
    if found != expected {
        return Err(Failure::argument(format!(
            "{}: expected struct_size {expected}, found {found}; set it to sizeof, and build with \
             the header of this library",
            T::NAME
        )));
    }
    Ok(())
}

/// Gives the caller a structure.
///
/// # Safety
/// As [`read`], and it may be written there.
pub(crate) unsafe fn write<T: CStruct>(place: *mut T, value: T) -> Result<(), Failure> {
    // SAFETY: the caller's promise.
    unsafe {
        check(place.cast_const())?;
        place.write_unaligned(value);
    }
    Ok(())
}

/// `count` values in the caller's memory; an empty list if `count` is 0, whatever the pointer.
///
/// # Safety
/// `place` is null or points to `count` values that nobody changes meanwhile.
pub(crate) unsafe fn slice<'a, T>(
    place: *const T,
    count: usize,
    what: &str,
) -> Result<&'a [T], Failure> {
    if count == 0 {
        return Ok(&[]);
    }
    placed(place, count, what)?;
    // SAFETY: not null, aligned, no larger than an object can be, and the caller's promise.
    Ok(unsafe { std::slice::from_raw_parts(place, count) })
}

/// The same to be written to.
///
/// # Safety
/// As [`slice`], and nobody else reads or writes there meanwhile.
pub(crate) unsafe fn slice_mut<'a, T>(
    place: *mut T,
    count: usize,
    what: &str,
) -> Result<&'a mut [T], Failure> {
    if count == 0 {
        return Ok(&mut []);
    }
    placed(place.cast_const(), count, what)?;
    // SAFETY: as in `slice`.
    Ok(unsafe { std::slice::from_raw_parts_mut(place, count) })
}

fn placed<T>(place: *const T, count: usize, what: &str) -> Result<(), Failure> {
    if place.is_null() {
        return Err(Failure::null(what));
    }
    if !place.is_aligned() {
        let bytes = align_of::<T>();
        return Err(Failure::argument(format!("{what}: expected an address by {bytes} bytes")));
    }
    let largest = isize::MAX as usize / size_of::<T>().max(1);
    if count > largest {
        return Err(Failure::argument(format!(
            "{what}: expected at most {largest}, found {count}"
        )));
    }
    Ok(())
}
