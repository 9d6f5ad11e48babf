//! From prompts in the caller's memory to predictions.

use crate::failure::{CError, Failure, guarded};
use crate::frame::{CEncoded, encoded};
use crate::prediction::{CPrediction, keep, keep_all, prediction, token};
use crate::segmenter::give;
use crate::sized::{CStruct, read, slice, slice_mut};
use uniultra::{MAX_OBJECTS, MAX_POINTS, PointLabel, PromptError, Prompts};

/// The pixel under a point is not of the object.
pub const UNIULTRA_NEGATIVE: u32 = 0;
/// The pixel under a point is of the object.
pub const UNIULTRA_POSITIVE: u32 = 1;

/// Most points of an object.
pub const UNIULTRA_MAX_POINTS: usize = 32;
/// Most objects of uniultra_predict_all.
pub const UNIULTRA_MAX_OBJECTS: usize = 16;

// The header has numbers; the library's own may not drift away from them.
const _: () = assert!(UNIULTRA_MAX_POINTS == MAX_POINTS && UNIULTRA_MAX_OBJECTS == MAX_OBJECTS);

/// Which object is meant: points, a box, an earlier mask, in any combination. Set the structure to zero,
/// then struct_size, then what you have. Coordinates are pixels of the source frame, x to the right, y
/// down; the centre of the top left pixel is (0, 0).
#[repr(C)]
#[derive(Clone, Copy)]
pub struct CPrompts {
    /// sizeof(uniultra_prompts).
    pub struct_size: u32,
    /// Number of points, at most UNIULTRA_MAX_POINTS.
    pub point_count: u32,
    /// x, y, x, y and so on.
    pub points_xy: *const f32,
    /// UNIULTRA_POSITIVE or UNIULTRA_NEGATIVE for each point.
    pub point_labels: *const u32,
    /// Not 0 if there is a box.
    pub has_box: u32,
    /// x0, y0, x1, y1: its top left and its bottom right corner.
    pub corners: [f32; 4],
    /// Which of mask_from's masks is the prompt, 0 to 3.
    pub mask_token: u32,
    /// An earlier prediction of the same model; all zero if there is none.
    pub mask_from: CPrediction,
}

// SAFETY: numbers and pointers.
unsafe impl CStruct for CPrompts {
    const NAME: &'static str = "uniultra_prompts";
}

/// Runs the mask decoder: once a click.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn uniultra_predict(
    encoded: CEncoded,
    prompts: *const CPrompts,
    out: *mut CPrediction,
    error: *mut CError,
) -> i32 {
    let body = || {
        // SAFETY: the header's rules.
        unsafe {
            give(out, "out", CPrediction { id: 0 })?;
            let encoded = self::encoded(encoded)?;
            let prompts = prompts_of(&read(prompts)?)?;
            let prediction = encoded.frame.predict(&prompts)?;
            give(out, "out", keep(prediction, encoded.tag)?)
        }
    };
    // SAFETY: the header's rules.
    unsafe { guarded(error, body) }
}

/// Predicts several objects of a frame at once, at most UNIULTRA_MAX_OBJECTS, from an array of pointers to
/// their prompts. The segmenter's threads share them out; each answer has the bits that uniultra_predict
/// gives. `out` has room for `count` handles; if the call fails, all are zero.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn uniultra_predict_all(
    encoded: CEncoded,
    prompts: *const *const CPrompts,
    count: usize,
    out: *mut CPrediction,
    error: *mut CError,
) -> i32 {
    let body = || {
        // SAFETY: the header's rules; there is nothing else that writes there.
        let (prompts, out) =
            unsafe { (slice(prompts, count, "prompts")?, slice_mut(out, count, "out")?) };
        out.fill(CPrediction { id: 0 });
        if count > MAX_OBJECTS {
            return Err(PromptError::TooManyObjects { max: MAX_OBJECTS, found: count }.into());
        }
        let encoded = self::encoded(encoded)?;
        // SAFETY: the header's rules, for each.
        let objects = prompts.iter().map(|&prompts| prompts_of(&unsafe { read(prompts)? }));
        let objects = objects.collect::<Result<Vec<_>, Failure>>()?;
        out.copy_from_slice(&keep_all(encoded.frame.predict_all(&objects)?, encoded.tag)?);
        Ok(())
    };
    // SAFETY: the header's rules.
    unsafe { guarded(error, body) }
}

fn prompts_of(given: &CPrompts) -> Result<Prompts, Failure> {
    let count = given.point_count as usize;
    if count > MAX_POINTS {
        return Err(PromptError::TooManyPoints.into());
    }
    // SAFETY: the header asks for two numbers and a label a point.
    let (points, labels) = unsafe {
        (
            slice(given.points_xy, 2 * count, "points_xy")?,
            slice(given.point_labels, count, "point_labels")?,
        )
    };
    let mut prompts = Prompts::new();
    for (&[x, y], &label) in points.as_chunks::<2>().0.iter().zip(labels) {
        let label = match label {
            UNIULTRA_NEGATIVE => PointLabel::Negative,
            UNIULTRA_POSITIVE => PointLabel::Positive,
            other => {
                return Err(Failure::argument(format!(
                    "point_labels: expected UNIULTRA_POSITIVE or UNIULTRA_NEGATIVE, found {other}"
                )));
            }
        };
        prompts = prompts.with_point(x, y, label)?;
    }
    if given.has_box != 0 {
        let [x0, y0, x1, y1] = given.corners;
        prompts = prompts.with_box(x0, y0, x1, y1)?;
    }
    if given.mask_from.id != 0 {
        let earlier = prediction(given.mask_from)?;
        let mask = earlier.prediction.as_mask_prompt(token(given.mask_token)?);
        prompts = prompts.with_mask(mask)?;
    }
    Ok(prompts)
}
