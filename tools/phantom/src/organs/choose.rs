//! Chooses the targets of a frame among its visible structures and draws their mask.

use super::map::OrganMap;
use crate::geometry::{Geometry, Place};
use crate::phantom::TargetDescription;
use crate::stream::Stream;
use image::{GrayImage, Luma};
use std::ops::RangeInclusive;

/// Smallest and largest share of the frame that a target covers.
const AREA_SHARE: [f32; 2] = [0.002, 0.8];

/// Pixels that stay free between two targets.
const GAP_PX: usize = 3;

/// Least share of a structure's visible area that hangs together; the rest stays out of the mask.
const LEAST_WHOLE: f32 = 0.8;

/// The mask of a frame, and the targets in it.
#[derive(Clone, Debug)]
pub(crate) struct Chosen {
    pub(crate) mask: GrayImage,
    pub(crate) targets: Vec<TargetDescription>,
    /// The map's object that each target is.
    pub(crate) objects: Vec<usize>,
}

/// Mean gray levels about an outline between which it can be seen, and the least share of the
/// outline that must be.
const SEEN_GRAY: RangeInclusive<u32> = 11..=244;
const LEAST_SEEN: f32 = 0.75;

/// The number of the object that each pixel shows, plus one; 0 for none.
#[derive(Clone, Debug)]
pub(crate) struct Labels {
    width: usize,
    values: Vec<usize>,
    counts: Vec<usize>,
}

impl Labels {
    /// Reads from the map which object each pixel shows.
    pub(crate) fn read(map: &OrganMap, geometry: &Geometry) -> Self {
        let (width, height) = (geometry.width_px, geometry.height_px);
        let mut values = Vec::with_capacity((width * height) as usize);
        let mut counts = vec![0; map.objects.len() + 1];
        for row in 0..height {
            for column in 0..width {
                let [x, z] = geometry.pixel_to_mm(column, row);
                let (lateral, depth) = geometry.beam_position(x, z);
                let scanned = lateral.abs() <= 1.0 && (0.0..=geometry.depth_mm).contains(&depth);
                let place = Place { x, z, depth, beam: [0.0, 1.0] };
                let owner = if scanned { map.owner(&place) } else { None };
                let value = owner.map_or(0, |object| object + 1);
                values.push(value);
                counts[value] += 1;
            }
        }
        Self { width: width as usize, values, counts }
    }

    /// 1 to 3 targets that do not touch; none if no object is suitable. With a `picture`, only
    /// objects that are visible in it are suitable.
    pub(crate) fn choose(
        &self,
        map: &OrganMap,
        geometry: &Geometry,
        picture: Option<&GrayImage>,
        stream: &mut Stream,
    ) -> Option<Chosen> {
        let limits = AREA_SHARE.map(|share| (share * self.values.len() as f32) as usize);
        let mut candidates: Vec<(usize, f32)> = (0..map.objects.len())
            .filter(|&object| {
                let visible = |part: usize| self.counts[part + 1];
                let parts = (0..map.objects.len()).filter(|&part| map.belongs(part, object));
                (limits[0]..=limits[1]).contains(&parts.map(visible).sum())
            })
            .map(|object| (object, map.objects[object].weight))
            .collect();
        let wanted = stream.weighted(&[(1, 0.3), (2, 0.3), (3, 0.4)], 1);
        let mut taken = vec![false; self.values.len()];
        let mut near = taken.clone();
        let (mut targets, mut objects) = (Vec::new(), Vec::new());
        while targets.len() < wanted && !candidates.is_empty() {
            let chosen = stream.weighted(&candidates, candidates[0].0);
            candidates.retain(|&(object, _)| object != chosen);
            let Some(pixels) = self.largest_piece(map, chosen, limits[0]) else { continue };
            let unseen = picture.is_some_and(|picture| !self.is_seen(&pixels, picture));
            if unseen || pixels.iter().any(|&at| near[at]) {
                continue;
            }
            pixels.iter().for_each(|&at| taken[at] = true);
            near = grown(&taken, self.width);
            targets.push(describe(map, geometry, chosen, &pixels));
            objects.push(chosen);
        }
        let mask = GrayImage::from_fn(geometry.width_px, geometry.height_px, |column, row| {
            Luma([if taken[row as usize * self.width + column as usize] { 255 } else { 0 }])
        });
        (!targets.is_empty()).then_some(Chosen { mask, targets, objects })
    }

    /// Whether most of an outline lies neither in the black of a shadow nor in white.
    fn is_seen(&self, pixels: &[usize], picture: &GrayImage) -> bool {
        let mut inside = vec![false; self.values.len()];
        pixels.iter().for_each(|&at| inside[at] = true);
        let (mut rim, mut seen) = (0, 0);
        for &at in pixels {
            if around(at, self.width, inside.len(), 1).all(|next| inside[next]) {
                continue;
            }
            let (mut sum, mut count) = (0, 0);
            for next in around(at, self.width, inside.len(), 3) {
                sum += u32::from(picture.as_raw()[next]);
                count += 1;
            }
            rim += 1;
            seen += usize::from(SEEN_GRAY.contains(&(sum / count)));
        }
        seen as f32 >= LEAST_SEEN * rim as f32
    }

    /// The largest 8-connected visible piece of an object; none if it is too small, too thin, or
    /// too small a part of the object.
    fn largest_piece(&self, map: &OrganMap, object: usize, least: usize) -> Option<Vec<usize>> {
        let inside: Vec<bool> = std::iter::once(false)
            .chain((0..map.objects.len()).map(|part| map.belongs(part, object)))
            .collect();
        let mut left: Vec<bool> = self.values.iter().map(|&value| inside[value]).collect();
        let (mut largest, mut total) = (Vec::new(), 0);
        for start in 0..left.len() {
            if !left[start] {
                continue;
            }
            left[start] = false;
            let mut piece = vec![start];
            let mut next = 0;
            while let Some(&at) = piece.get(next) {
                next += 1;
                for neighbour in around(at, self.width, left.len(), 1) {
                    if std::mem::replace(&mut left[neighbour], false) {
                        piece.push(neighbour);
                    }
                }
            }
            total += piece.len();
            if piece.len() > largest.len() {
                largest = piece;
            }
        }
        let whole = largest.len() as f32 >= LEAST_WHOLE * total as f32;
        (whole && largest.len() >= least.max(1)).then_some(largest)
    }
}

/// Places in the square of `reach` pixels around a place, without those off the picture.
fn around(at: usize, width: usize, count: usize, reach: usize) -> impl Iterator<Item = usize> {
    let (x, y, height) = (at % width, at / width, count / width);
    let columns = x.saturating_sub(reach)..=(x + reach).min(width - 1);
    let rows = y.saturating_sub(reach)..=(y + reach).min(height - 1);
    rows.flat_map(move |row| columns.clone().map(move |column| row * width + column))
}

/// The places within the gap around those taken.
fn grown(taken: &[bool], width: usize) -> Vec<bool> {
    let mut near = taken.to_vec();
    for at in 0..taken.len() {
        let rim = taken[at] && around(at, width, taken.len(), 1).any(|next| !taken[next]);
        if rim {
            around(at, width, taken.len(), GAP_PX).for_each(|next| near[next] = true);
        }
    }
    near
}

/// Describes a target by the moments of its pixels.
fn describe(
    map: &OrganMap,
    geometry: &Geometry,
    object: usize,
    pixels: &[usize],
) -> TargetDescription {
    let width = geometry.width_px as usize;
    let count = pixels.len().max(1) as f64;
    let at = |&at: &usize| [(at % width) as f64, (at / width) as f64];
    let mut centre = [0.0; 2];
    for [x, y] in pixels.iter().map(at) {
        centre = [centre[0] + x / count, centre[1] + y / count];
    }
    let (mut xx, mut yy, mut xy) = (0.0, 0.0, 0.0);
    for [x, y] in pixels.iter().map(at) {
        let (dx, dy) = (x - centre[0], y - centre[1]);
        xx += dx * dx / count;
        yy += dy * dy / count;
        xy += dx * dy / count;
    }
    // Axes of the ellipse with the same second moments.
    let (mean, half) = (0.5 * (xx + yy), (0.25 * (xx - yy).powi(2) + xy * xy).sqrt());
    let axis = |moment: f64| (2.0 * moment.max(0.0).sqrt()) as f32;
    let object = map.objects[object];
    TargetDescription {
        kind: object.kind,
        centre_px: centre.map(|value| value as f32),
        radii_px: [axis(mean + half), axis(mean - half)],
        tilt_deg: (0.5 * (2.0 * xy).atan2(xx - yy)).to_degrees() as f32,
        area_px: pixels.len() as f32,
        contrast_db: object.contrast_db,
    }
}
