//! The metrics of one prediction.

use crate::edges::Edges;
use crate::ellipse::circumference_px;
use crate::report::Row;
use crate::{Case, ImageError};
use uniultra_core::{Mask, dice, hd95_px, iou};
use uniultra_dataset::Sample;

/// The row of a prediction of an image with objects; the fields that only a model can fill are left
/// empty.
pub(crate) fn row(
    case: &Case,
    sample: &Sample,
    prediction: &Mask,
    prompt: String,
    model: String,
) -> Result<Row, ImageError> {
    let truth = &sample.truth;
    let mut row = Row {
        objects: sample.objects.len(),
        truth_px: truth.area_px(),
        prediction_px: prediction.area_px(),
        ..Row::new(case, prompt, model)
    };
    if sample.objects.is_empty() {
        return Ok(row);
    }
    let hd95 = hd95_px(prediction, truth)?;
    row.dice = Some(dice(prediction, truth)?);
    row.iou = Some(iou(prediction, truth)?);
    row.hd95_px = Some(hd95);
    row.edges = Some(Edges::measure(prediction, truth));
    row.hd95_mm = case.pixel_size_mm.map(|mm| hd95 * mm);
    if let (Some(mm), Some(published)) = (case.pixel_size_mm, case.head_circumference_mm) {
        let found = circumference_px(prediction)? * mm;
        row.head_circumference_mm = Some(found);
        row.head_circumference_error_mm = Some(found - published);
    }
    Ok(row)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fakes::mask_of;
    use uniultra_core::{Frame, Pixels};
    use uniultra_dataset::Object;

    fn sample(truth: Mask) -> Sample {
        let frame =
            Frame::new(truth.width(), truth.height(), Pixels::Gray8(vec![0; truth.data().len()]));
        let objects = Object::from_mask(truth.clone()).unwrap().into_iter().collect();
        Sample { frame: frame.unwrap(), objects, truth }
    }

    fn case(mm: Option<f32>, circumference: Option<f32>) -> Case {
        Case {
            set: "hc18".into(),
            stem: "a".into(),
            image: "a.png".into(),
            mask: "a.png".into(),
            pixel_size_mm: mm,
            head_circumference_mm: circumference,
        }
    }

    fn square(size: usize, on: std::ops::Range<usize>) -> Mask {
        let inside = |i: usize| u8::from(on.contains(&(i % size)) && on.contains(&(i / size)));
        Mask::from_binary(size, size, (0..size * size).map(inside).collect()).unwrap()
    }

    #[test]
    fn an_empty_prediction_counts_the_diagonal() {
        let sample = sample(square(30, 10..20));
        let empty = square(30, 0..0);
        let case = case(Some(0.5), Some(100.0));
        let row = row(&case, &sample, &empty, "point".into(), "m".into()).unwrap();
        let diagonal = f64::hypot(30.0, 30.0) as f32;
        assert_eq!((row.dice, row.iou), (Some(0.0), Some(0.0)));
        assert_eq!((row.hd95_px, row.hd95_mm), (Some(diagonal), Some(diagonal * 0.5)));
        assert_eq!(row.head_circumference_mm, Some(0.0));
        assert_eq!(row.head_circumference_error_mm, Some(-100.0));
    }

    #[test]
    fn millimetres_need_a_pixel_size() {
        let sample = sample(square(30, 10..20));
        let row = row(&case(None, Some(3.0)), &sample, &sample.truth, "box".into(), "m".into());
        let row = row.unwrap();
        assert_eq!((row.dice, row.hd95_px), (Some(1.0), Some(0.0)));
        assert_eq!((row.hd95_mm, row.head_circumference_error_mm), (None, None));
        assert_eq!(row.edges.unwrap().perimeter_ratio, Some(1.0));
    }

    #[test]
    fn an_image_without_an_object_has_no_overlap() {
        let mut sample = sample(square(30, 10..20));
        sample.objects.clear();
        sample.truth = square(30, 0..0);
        let prediction = mask_of(&["#".repeat(30).as_str(); 30]);
        let row = row(&case(None, None), &sample, &prediction, "box".into(), "m".into()).unwrap();
        assert_eq!((row.dice, row.hd95_px, row.prediction_px), (None, None, 900));
    }
}
