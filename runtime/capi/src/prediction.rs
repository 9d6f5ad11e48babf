//! Predictions: masks, logits, measures and outlines, into buffers of the caller's.

use crate::failure::{CError, Failure, UNIULTRA_ERROR_BUFFER, guarded};
use crate::frame::Tag;
use crate::handle::Table;
use crate::segmenter::give;
use crate::sized::{CStruct, slice_mut, write};
use std::sync::{Arc, OnceLock};
use uniultra::{
    Diameters, MASK_COUNT, MaskChoice, MaskToken, PixelBox, Polygon, Prediction, diameters,
};

/// Handle of a prediction. All zero names none.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct CPrediction {
    /// Not an address; means nothing outside this process.
    pub id: u64,
}

/// A prediction.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct CPredictionInfo {
    /// sizeof(uniultra_prediction_info).
    pub struct_size: u32,
    /// Columns of the source frame and of every mask.
    pub width: u32,
    /// Rows of the source frame and of every mask.
    pub height: u32,
    /// Side of the square grid of logits.
    pub mask_side: u32,
    /// Token of the mask that is the answer where the prompt means one thing: the one to use by default.
    pub token: u32,
    /// Token of the best of the three alternatives, for a prompt that may mean a whole or a part.
    pub multimask_token: u32,
    /// The model's estimate of each mask's IoU with the object, 0 to 1, by token.
    pub predicted_iou: [f32; 4],
    /// The model's probability that the object is there; -1 for a model that does not say.
    pub object_score: f32,
    /// The source frame's; 0 if it is not known.
    pub um_per_pixel: f32,
    /// The source frame's.
    pub timestamp: i64,
    /// Time that resizing the frame took, in milliseconds.
    pub preprocess_ms: f32,
    /// Time that the image encoder took, in milliseconds.
    pub encode_ms: f32,
    /// Time that the mask decoder took, in milliseconds; of uniultra_predict_all, for all objects together.
    pub decode_ms: f32,
    /// 0.
    pub reserved: u32,
}

// SAFETY: numbers only.
unsafe impl CStruct for CPredictionInfo {
    const NAME: &'static str = "uniultra_prediction_info";
}

/// Measures of a mask. What is in millimetres is NaN where the frame had no um_per_pixel.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct CMeasures {
    /// sizeof(uniultra_measures).
    pub struct_size: u32,
    /// 1 if the mask has no pixel: then the rest is 0 or NaN.
    pub is_empty: u32,
    /// Pixels of the object.
    pub area_px: u64,
    /// Area in square millimetres.
    pub area_mm2: f32,
    /// Leftmost column, topmost row, rightmost column, bottommost row.
    pub bounds: [u32; 4],
    /// Centre of mass, x and y in pixels.
    pub centroid: [f32; 2],
    /// The longest diameter: x0, y0, x1, y1 in pixels.
    pub longest: [f32; 4],
    /// The longest extent across it: x0, y0, x1, y1 in pixels.
    pub perpendicular: [f32; 4],
    /// Length of the longest diameter in pixels.
    pub longest_px: f32,
    /// Length of the extent across it in pixels.
    pub perpendicular_px: f32,
    /// Length of the longest diameter in millimetres.
    pub longest_mm: f32,
    /// Length of the extent across it in millimetres.
    pub perpendicular_mm: f32,
    /// 0.
    pub reserved: u32,
}

// SAFETY: numbers only.
unsafe impl CStruct for CMeasures {
    const NAME: &'static str = "uniultra_measures";
}

/// What a handle of a prediction stands for.
pub(crate) struct Kept {
    pub(crate) prediction: Prediction,
    tag: Tag,
    /// By token, computed when asked for.
    outlines: [OnceLock<Vec<Polygon>>; MASK_COUNT],
}

impl Kept {
    fn outlines(&self, token: MaskToken) -> &[Polygon] {
        self.outlines[token.index()].get_or_init(|| self.prediction.contour(token))
    }
}

static PREDICTIONS: Table<Kept> = Table::new(3, "prediction");

/// Keeps a prediction; its handle.
pub(crate) fn keep(prediction: Prediction, tag: Tag) -> Result<CPrediction, Failure> {
    let outlines = [const { OnceLock::new() }; MASK_COUNT];
    Ok(CPrediction { id: PREDICTIONS.insert(Kept { prediction, tag, outlines })? })
}

/// Keeps all of them, or none.
pub(crate) fn keep_all(all: Vec<Prediction>, tag: Tag) -> Result<Vec<CPrediction>, Failure> {
    let mut handles = Vec::with_capacity(all.len());
    for prediction in all {
        match keep(prediction, tag) {
            Ok(handle) => handles.push(handle),
            Err(failure) => {
                for handle in handles {
                    PREDICTIONS.remove(handle.id)?;
                }
                return Err(failure);
            }
        }
    }
    Ok(handles)
}

/// The prediction of a handle.
pub(crate) fn prediction(handle: CPrediction) -> Result<Arc<Kept>, Failure> {
    PREDICTIONS.get(handle.id)
}

/// The token with that number.
pub(crate) fn token(number: u32) -> Result<MaskToken, Failure> {
    MaskToken::new(number as usize).ok_or_else(|| {
        Failure::argument(format!("token: expected 0 to {}, found {number}", MASK_COUNT - 1))
    })
}

/// What is known of a prediction, and which of its masks is the answer.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn uniultra_prediction_describe(
    prediction: CPrediction,
    out: *mut CPredictionInfo,
    error: *mut CError,
) -> i32 {
    let body = || {
        let kept = self::prediction(prediction)?;
        let Kept { prediction, tag, .. } = &*kept;
        let timings = prediction.timings();
        let info = CPredictionInfo {
            struct_size: size_of::<CPredictionInfo>() as u32,
            width: prediction.width() as u32,
            height: prediction.height() as u32,
            mask_side: prediction.side() as u32,
            token: prediction.choose(MaskChoice::Single).index() as u32,
            multimask_token: prediction.choose(MaskChoice::Multimask).index() as u32,
            predicted_iou: prediction.predicted_iou(),
            object_score: prediction.object_score().unwrap_or(-1.0),
            um_per_pixel: tag.um_per_pixel,
            timestamp: tag.timestamp,
            preprocess_ms: timings.preprocess_ms,
            encode_ms: timings.encode_ms,
            decode_ms: timings.decode_ms,
            reserved: 0,
        };
        // SAFETY: the header's rules.
        unsafe { write(out, info) }
    };
    // SAFETY: the header's rules.
    unsafe { guarded(error, body) }
}

/// Writes a mask of the source frame's size: a byte a pixel, 1 object, 0 background. `stride_bytes` go from
/// a row to the next, at least the frame's width; what lies between rows is left alone. `out_bytes` is the
/// size of the buffer, at least (height - 1) * stride_bytes + width.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn uniultra_prediction_mask(
    prediction: CPrediction,
    token: u32,
    out: *mut u8,
    stride_bytes: usize,
    out_bytes: usize,
    error: *mut CError,
) -> i32 {
    let body = || {
        let kept = self::prediction(prediction)?;
        let token = self::token(token)?;
        let (width, height) = (kept.prediction.width(), kept.prediction.height());
        if stride_bytes < width {
            return Err(Failure::argument(format!(
                "stride_bytes: expected at least {width}, found {stride_bytes}"
            )));
        }
        let needed = stride_bytes.checked_mul(height - 1).and_then(|most| most.checked_add(width));
        let needed = needed.unwrap_or(usize::MAX);
        room("out_bytes", needed, out_bytes)?;
        // SAFETY: the header asks for as many bytes as are said, and checked to be enough.
        let out = unsafe { slice_mut(out, needed, "out")? };
        let mask = kept.prediction.mask(token);
        for (to, from) in out.chunks_mut(stride_bytes).zip(mask.data().chunks_exact(width)) {
            to[..width].copy_from_slice(from);
        }
        Ok(())
    };
    // SAFETY: the header's rules.
    unsafe { guarded(error, body) }
}

/// Copies the logits of a mask, mask_side rows of mask_side, as the network gave them: above 0 is object.
/// `out_count` is the number of floats that the buffer has room for.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn uniultra_prediction_logits(
    prediction: CPrediction,
    token: u32,
    out: *mut f32,
    out_count: usize,
    error: *mut CError,
) -> i32 {
    let body = || {
        let kept = self::prediction(prediction)?;
        let logits = kept.prediction.logits_of(self::token(token)?);
        room("out_count", logits.len(), out_count)?;
        // SAFETY: the header asks for as much room as is said, and checked to be enough.
        unsafe { slice_mut(out, logits.len(), "out")? }.copy_from_slice(logits);
        Ok(())
    };
    // SAFETY: the header's rules.
    unsafe { guarded(error, body) }
}

/// Measures a mask; diameters are those of its largest part.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn uniultra_prediction_measures(
    prediction: CPrediction,
    token: u32,
    out: *mut CMeasures,
    error: *mut CError,
) -> i32 {
    let body = || {
        let kept = self::prediction(prediction)?;
        let measures = measures(&kept, self::token(token)?);
        // SAFETY: the header's rules.
        unsafe { write(out, measures) }
    };
    // SAFETY: the header's rules.
    unsafe { guarded(error, body) }
}

/// How many closed outlines a mask has, those of holes included.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn uniultra_prediction_outline_count(
    prediction: CPrediction,
    token: u32,
    out: *mut usize,
    error: *mut CError,
) -> i32 {
    let body = || {
        let kept = self::prediction(prediction)?;
        let count = kept.outlines(self::token(token)?).len();
        // SAFETY: the header's rules.
        unsafe { give(out, "out", count) }
    };
    // SAFETY: the header's rules.
    unsafe { guarded(error, body) }
}

/// Copies an outline, the largest first: x, y, x, y and so on, in pixels of the source frame; the
/// last point joins the first. `out_points` is the number of points that the buffer has room for.
/// `point_count` is set also where the buffer is too small (UNIULTRA_ERROR_BUFFER), so that a first call with
/// a null buffer and 0 asks for the size. `is_hole`, which may be null, is set to 1 for the border of a hole.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn uniultra_prediction_outline(
    prediction: CPrediction,
    token: u32,
    index: usize,
    out_xy: *mut f32,
    out_points: usize,
    point_count: *mut usize,
    is_hole: *mut u32,
    error: *mut CError,
) -> i32 {
    let body = || {
        let kept = self::prediction(prediction)?;
        let outlines = kept.outlines(self::token(token)?);
        let outline = outlines.get(index).ok_or_else(|| {
            let count = outlines.len();
            Failure::argument(format!("index: expected one of {count} outlines, found {index}"))
        })?;
        let points = outline.points.as_flattened();
        // SAFETY: the header's rules.
        unsafe {
            give(point_count, "point_count", outline.points.len())?;
            if !is_hole.is_null() {
                give(is_hole, "is_hole", u32::from(outline.hole))?;
            }
        }
        room("out_points", outline.points.len(), out_points)?;
        // SAFETY: the header asks for as much room as is said, and checked to be enough.
        unsafe { slice_mut(out_xy, points.len(), "out_xy")? }.copy_from_slice(points);
        Ok(())
    };
    // SAFETY: the header's rules.
    unsafe { guarded(error, body) }
}

/// Frees a prediction.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn uniultra_prediction_free(
    prediction: CPrediction,
    error: *mut CError,
) -> i32 {
    // SAFETY: the header's rules.
    unsafe { guarded(error, || PREDICTIONS.remove(prediction.id)) }
}

fn room(what: &str, needed: usize, found: usize) -> Result<(), Failure> {
    if needed <= found {
        return Ok(());
    }
    let message = format!("{what}: expected room for {needed}, found {found}");
    Err(Failure::new(UNIULTRA_ERROR_BUFFER, message))
}

fn measures(kept: &Kept, token: MaskToken) -> CMeasures {
    let mask = kept.prediction.mask(token);
    let area_px = mask.area_px();
    let mut measures = CMeasures {
        struct_size: size_of::<CMeasures>() as u32,
        is_empty: u32::from(area_px == 0),
        area_px: area_px as u64,
        area_mm2: f32::NAN,
        bounds: [0; 4],
        centroid: [0.0; 2],
        longest: [0.0; 4],
        perpendicular: [0.0; 4],
        longest_px: 0.0,
        perpendicular_px: 0.0,
        longest_mm: f32::NAN,
        perpendicular_mm: f32::NAN,
        reserved: 0,
    };
    if let Some(PixelBox { x0, y0, x1, y1 }) = mask.bounding_box() {
        measures.bounds = [x0, y0, x1, y1].map(|v| v as u32);
    }
    measures.centroid = mask.centroid().unwrap_or_default();
    if let Some(Diameters { longest, perpendicular }) = diameters(kept.outlines(token)) {
        let ends = |[x0, y0]: [f32; 2], [x1, y1]: [f32; 2]| [x0, y0, x1, y1];
        measures.longest = ends(longest.from, longest.to);
        measures.perpendicular = ends(perpendicular.from, perpendicular.to);
        measures.longest_px = longest.length_px;
        measures.perpendicular_px = perpendicular.length_px;
    }
    if let Some(spacing) = kept.tag.spacing {
        // The pixels of this interface are square.
        measures.area_mm2 = spacing.area_mm2(area_px as f32);
        measures.longest_mm = measures.longest_px * spacing.x_mm();
        measures.perpendicular_mm = measures.perpendicular_px * spacing.x_mm();
    }
    measures
}
