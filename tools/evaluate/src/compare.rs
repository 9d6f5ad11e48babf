//! The metrics of one prediction.

use crate::edges::Edges;
use crate::ellipse::circumference_mm;
use crate::report::Row;
use crate::{Case, ImageError};
use uniultra_core::{Mask, dice, hd95_mm, hd95_px, iou};
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
        truth_mm2: case.pixel_spacing.map(|spacing| spacing.area_mm2(truth.area_px() as f32)),
        prediction_mm2: case
            .pixel_spacing
            .map(|spacing| spacing.area_mm2(prediction.area_px() as f32)),
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
    let Some(spacing) = case.pixel_spacing else { return Ok(row) };
    row.hd95_mm = Some(if spacing.is_square() {
        hd95 * spacing.x_mm()
    } else {
        hd95_mm(prediction, truth, spacing)?
    });
    if let Some(published) = case.head_circumference_mm {
        let found = circumference_mm(prediction, spacing)?;
        row.head_circumference_mm = Some(found);
        row.head_circumference_error_mm = Some(found - published);
    }
    Ok(row)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fakes::mask_of;
    use uniultra_core::{Frame, PixelSpacing, Pixels};
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
            pixel_spacing: mm.map(|mm| PixelSpacing::new(mm).unwrap()),
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

    /// Pixels of 0.1 x 0.2 mm. The truth is a disc of 16 mm radius, the prediction one of 18 mm: every
    /// point of either outline is 2 mm from the other, but 20 pixels across and 10 down.
    #[test]
    fn pixels_that_are_not_square() {
        let spacing = PixelSpacing::with_sides(0.1, 0.2).unwrap();
        let disc = |radius_mm: f64| {
            let (width, height) = (400, 200);
            let inside = |i: usize| {
                let x_mm = 0.1 * ((i % width) as f64 - 199.5);
                let y_mm = 0.2 * ((i / width) as f64 - 99.5);
                u8::from(f64::hypot(x_mm, y_mm) <= radius_mm)
            };
            Mask::from_binary(width, height, (0..width * height).map(inside).collect()).unwrap()
        };
        let sample = sample(disc(16.0));
        let circumference = 2.0 * std::f32::consts::PI * 18.0;
        let case = Case { pixel_spacing: Some(spacing), ..case(None, Some(circumference)) };
        let row = row(&case, &sample, &disc(18.0), "box".into(), "m".into()).unwrap();
        let near = |found: Option<f32>, expected: f32, tolerance: f32| {
            let found = found.unwrap();
            assert!((found - expected).abs() < tolerance, "{found} for {expected}");
        };
        near(row.truth_mm2, std::f32::consts::PI * 16.0 * 16.0, 2.0);
        near(row.prediction_mm2, std::f32::consts::PI * 18.0 * 18.0, 2.0);
        // An outline runs through pixels, whose diagonal is 0.22 mm.
        near(row.hd95_mm, 2.0, 0.2);
        near(row.head_circumference_error_mm, 0.0, 0.1);
        assert!(row.hd95_px.is_some_and(|px| px > 15.0), "{row:?}");
    }

    #[test]
    fn millimetres_need_a_pixel_size() {
        let sample = sample(square(30, 10..20));
        let row = row(&case(None, Some(3.0)), &sample, &sample.truth, "box".into(), "m".into());
        let row = row.unwrap();
        assert_eq!((row.dice, row.hd95_px), (Some(1.0), Some(0.0)));
        assert_eq!((row.hd95_mm, row.head_circumference_error_mm), (None, None));
        assert_eq!((row.truth_mm2, row.prediction_mm2), (None, None));
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
