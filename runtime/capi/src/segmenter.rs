//! Opened models.

use crate::failure::{CError, Failure, guarded, put_text};
use crate::handle::Table;
use crate::sized::{CStruct, read, slice, write};
use std::ffi::{CStr, c_char};
use std::path::Path;
use uniultra::{EngineOptions, Pack, Segmenter};

/// Bytes of a text in a structure, its terminating zero included.
pub const UNIULTRA_TEXT_BYTES: usize = 64;

/// Handle of an opened model. All zero names none.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct CSegmenter {
    /// Not an address; means nothing outside this process.
    pub id: u64,
}

/// How a model runs. Set the structure to zero, then struct_size, then what you choose.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct COptions {
    /// sizeof(uniultra_options).
    pub struct_size: u32,
    /// Threads, 1 to 16; 0 means 1. The results' bits do not depend on it.
    pub threads: u32,
    /// Number of CPUs in pins; 0 binds no thread.
    pub pin_count: u32,
    /// Not used; 0.
    pub reserved: u32,
    /// CPUs that threads are bound to, as Linux numbers them. The thread that opens the model is bound
    /// to them, too, and stays so.
    pub pins: *const u32,
}

// SAFETY: numbers and a pointer.
unsafe impl CStruct for COptions {
    const NAME: &'static str = "uniultra_options";
}

/// What a model's pack says of itself.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct CModelInfo {
    /// sizeof(uniultra_model_info).
    pub struct_size: u32,
    /// Side of the square input, in pixels. Frames of any size are resized to it.
    pub image_size: u32,
    /// Side of the square grid of logits.
    pub mask_side: u32,
    /// 1 if the model says how sure it is that the object is there, else 0.
    pub has_object_score: u32,
    /// Short name, ended by a zero.
    pub id: [c_char; UNIULTRA_TEXT_BYTES],
    /// Version of the weights, ended by a zero.
    pub version: [c_char; UNIULTRA_TEXT_BYTES],
}

// SAFETY: numbers only.
unsafe impl CStruct for CModelInfo {
    const NAME: &'static str = "uniultra_model_info";
}

static SEGMENTERS: Table<Segmenter> = Table::new(1, "segmenter");

/// The segmenter of a handle.
pub(crate) fn segmenter(handle: CSegmenter) -> Result<Segmenter, Failure> {
    SEGMENTERS.get(handle.id).map(|segmenter| Segmenter::clone(&segmenter))
}

/// Opens the model inside the library. `options` may be null.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn uniultra_open_embedded(
    options: *const COptions,
    out: *mut CSegmenter,
    error: *mut CError,
) -> i32 {
    // SAFETY: the header's rules.
    unsafe { open(options, out, error, embedded) }
}

/// Opens the pack in a folder, whose path is UTF-8 ended by a zero. `options` may be null.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn uniultra_open_folder(
    folder: *const c_char,
    options: *const COptions,
    out: *mut CSegmenter,
    error: *mut CError,
) -> i32 {
    let pack = || {
        if folder.is_null() {
            return Err(Failure::null("folder"));
        }
        // SAFETY: not null, and the header asks for a terminating zero.
        let folder = unsafe { CStr::from_ptr(folder) };
        let folder = folder.to_str().map_err(|_| {
            Failure::argument("folder: expected a path in UTF-8, found other bytes")
        })?;
        Ok(Pack::open(Path::new(folder))?)
    };
    // SAFETY: the header's rules.
    unsafe { open(options, out, error, pack) }
}

/// Opens a pack whose three files are in memory; they are copied. `options` may be null.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn uniultra_open_memory(
    model_toml: *const u8,
    model_toml_bytes: usize,
    image_encoder: *const u8,
    image_encoder_bytes: usize,
    mask_decoder: *const u8,
    mask_decoder_bytes: usize,
    options: *const COptions,
    out: *mut CSegmenter,
    error: *mut CError,
) -> i32 {
    let pack = || {
        // SAFETY: the header asks for as many bytes as are said.
        let (toml, encoder, decoder) = unsafe {
            (
                slice(model_toml, model_toml_bytes, "model_toml")?,
                slice(image_encoder, image_encoder_bytes, "image_encoder")?,
                slice(mask_decoder, mask_decoder_bytes, "mask_decoder")?,
            )
        };
        Ok(Pack::from_bytes(toml, encoder.to_vec(), decoder.to_vec())?)
    };
    // SAFETY: the header's rules.
    unsafe { open(options, out, error, pack) }
}

/// What the model's pack says of itself.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn uniultra_segmenter_describe(
    segmenter: CSegmenter,
    out: *mut CModelInfo,
    error: *mut CError,
) -> i32 {
    let body = || {
        let segmenter = self::segmenter(segmenter)?;
        let model = &segmenter.manifest().model;
        let mut info = CModelInfo {
            struct_size: size_of::<CModelInfo>() as u32,
            image_size: model.image_size as u32,
            mask_side: segmenter.mask_side() as u32,
            has_object_score: u32::from(model.object_score),
            id: [0; UNIULTRA_TEXT_BYTES],
            version: [0; UNIULTRA_TEXT_BYTES],
        };
        put_text(&mut info.id, &model.id);
        put_text(&mut info.version, &model.version);
        // SAFETY: the header's rules.
        unsafe { write(out, info) }
    };
    // SAFETY: the header's rules.
    unsafe { guarded(error, body) }
}

/// Frees a segmenter. Frames that it encoded stay valid: the model's memory is freed with the last of
/// them.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn uniultra_segmenter_free(segmenter: CSegmenter, error: *mut CError) -> i32 {
    // SAFETY: the header's rules.
    unsafe { guarded(error, || SEGMENTERS.remove(segmenter.id)) }
}

fn embedded() -> Result<Pack, Failure> {
    #[cfg(feature = "embedded-model")]
    return Ok(uniultra::embedded_pack()?);
    #[cfg(not(feature = "embedded-model"))]
    Err(Failure::new(
        crate::failure::UNIULTRA_ERROR_MODEL,
        "expected a model inside the library, found one that was built without: open a folder",
    ))
}

/// # Safety
/// The header's rules.
unsafe fn open(
    options: *const COptions,
    out: *mut CSegmenter,
    error: *mut CError,
    pack: impl FnOnce() -> Result<Pack, Failure>,
) -> i32 {
    let body = || {
        // SAFETY: the header's rules.
        unsafe {
            give(out, "out", CSegmenter { id: 0 })?;
            let options = engine_options(options)?;
            let segmenter = Segmenter::from_pack(&pack()?, &options)?;
            give(out, "out", CSegmenter { id: SEGMENTERS.insert(segmenter)? })
        }
    };
    // SAFETY: the header's rules.
    unsafe { guarded(error, body) }
}

/// Gives the caller a value, e.g. a handle.
///
/// # Safety
/// `place` is null or has room for a `T`.
pub(crate) unsafe fn give<T>(place: *mut T, what: &str, value: T) -> Result<(), Failure> {
    if place.is_null() {
        return Err(Failure::null(what));
    }
    // SAFETY: not null, and the caller's promise.
    unsafe { place.write_unaligned(value) };
    Ok(())
}

/// # Safety
/// The header's rules.
unsafe fn engine_options(options: *const COptions) -> Result<EngineOptions, Failure> {
    if options.is_null() {
        return Ok(EngineOptions::new());
    }
    // SAFETY: the header's rules.
    let (options, pins) = unsafe {
        let options = read(options)?;
        (options, slice(options.pins, options.pin_count as usize, "pins")?)
    };
    Ok(EngineOptions::new()
        .with_threads(options.threads.max(1) as usize)
        .with_pins(pins.iter().map(|&cpu| cpu as usize).collect::<Vec<_>>()))
}
