//! One frame: from (seed, index) to picture, mask and description.

use crate::acquire::{self, Envelope};
use crate::anatomy::Anatomy;
use crate::compose::{Content, Frame, Organs, compose};
use crate::config::PhantomConfig;
use crate::geometry::{Geometry, Place};
use crate::organs::Chosen;
use crate::scene::{Scene, Target};
use crate::stream::{Purpose, Stream};
use crate::target::TargetKind;
use image::{GrayImage, Luma};
use serde::{Deserialize, Serialize};

/// A simulated B-mode frame with its exact mask.
#[derive(Clone, Debug)]
pub struct Phantom {
    /// The picture, `[height, width]`, 0 to 255; black where nothing is scanned.
    pub image: GrayImage,
    /// The union of the targets, of the same size, 0 or 255, clipped to the scanned area.
    pub mask: GrayImage,
    /// The structures in the frame.
    pub description: Description,
}

/// What a frame shows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Description {
    /// Seed of the run.
    pub seed: u64,
    /// Index of the frame.
    pub index: u32,
    /// Body region.
    pub anatomy: Anatomy,
    /// Probe and scan conversion.
    pub geometry: Geometry,
    /// Centre frequency, MHz.
    pub frequency_mhz: f32,
    /// Depth of the focus, mm.
    pub focus_mm: f32,
    /// Averaged transmissions.
    pub looks: u32,
    /// Echo range from black to white, dB.
    pub dynamic_range_db: f32,
    /// The targets in the mask.
    pub targets: Vec<TargetDescription>,
}

/// One target.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TargetDescription {
    /// What it is.
    pub kind: TargetKind,
    /// Centre (x, y), px; pixel centres are integers.
    pub centre_px: [f32; 2],
    /// Semi-axes, px (of the ellipse that the outline deforms; half length and half thickness of
    /// a strip, which may reach beyond the frame; in scenes with organs, of the ellipse with the
    /// mask's second moments).
    pub radii_px: [f32; 2],
    /// Rotation of the first axis from x towards y, degrees.
    pub tilt_deg: f32,
    /// Area of the outline, px^2, before clipping to the scan; in scenes with organs, pixels of the
    /// mask.
    pub area_px: f32,
    /// Echo relative to the tissue around, dB.
    pub contrast_db: f32,
}

impl Phantom {
    /// Simulates frame `index` of the run `seed`.
    ///
    /// The same arguments give the same bytes on the same machine. On another platform, the math
    /// library's `sin`, `exp` and `ln` may differ in the last bit. This rarely changes a pixel, and
    /// then by one gray level; it almost never changes a mask.
    ///
    /// `config` is taken as valid ([`PhantomConfig::validate`]); out-of-range values are clamped.
    #[must_use]
    pub fn generate(seed: u64, index: u32, config: &PhantomConfig) -> Self {
        let mut frame = compose(seed, index, config);
        let envelope = simulate(&frame, seed, index);
        if let Content::Organs(_) = frame.content {
            frame.display = frame.display.exposed(&envelope);
        }
        let image = frame.display.show(&envelope, &frame.geometry, &frame.geometry.scan());
        let (mask, targets) = frame.mask_and_targets(&image);
        let Frame { anatomy, geometry, probe, display, .. } = frame;
        Self {
            image,
            mask,
            description: Description {
                seed,
                index,
                anatomy,
                geometry,
                frequency_mhz: probe.frequency_mhz,
                focus_mm: probe.focus_mm,
                looks: probe.looks as u32,
                dynamic_range_db: display.dynamic_range_db,
                targets,
            },
        }
    }
}

impl Frame {
    /// The mask and its targets. In scenes with organs, only objects that are visible in the
    /// picture can be targets, if there are any.
    fn mask_and_targets(&self, picture: &GrayImage) -> (GrayImage, Vec<TargetDescription>) {
        match &self.content {
            Content::Classic(scene) => (
                draw_mask(scene, &self.geometry),
                scene.targets.iter().map(|target| describe(target, &self.geometry)).collect(),
            ),
            Content::Organs(organs) => {
                let Organs { map, labels, choice, first } = &**organs;
                let seen = labels.choose(map, &self.geometry, Some(picture), &mut choice.clone());
                let Chosen { mask, targets, .. } = seen.unwrap_or_else(|| first.clone());
                (mask, targets)
            }
        }
    }
}

/// Envelope of a frame's scene.
fn simulate(frame: &Frame, seed: u64, index: u32) -> Envelope {
    let Frame { geometry, probe, receiver, content, .. } = frame;
    let mut scatterers = Stream::new(seed, index, Purpose::Scatterers);
    let mut noise = Stream::new(seed, index, Purpose::Noise);
    let bounds = match content {
        Content::Classic(scene) => scene.bounds(),
        Content::Organs(_) => Vec::new(),
    };
    let tissue = |_: &Place, seated: &Place| match content {
        Content::Classic(scene) => scene.at(seated, &bounds),
        Content::Organs(organs) => organs.map.at(seated),
    };
    let field = acquire::illuminate(tissue, |place| *place, geometry, probe, receiver);
    let mut look = || {
        let drawn = acquire::drawn_anew(geometry, probe, &mut scatterers);
        acquire::receive(&field, geometry, probe, receiver, drawn, &mut noise)
    };
    let first = look();
    acquire::compound(first, (1..probe.looks).map(|_| look()))
}

fn draw_mask(scene: &Scene, geometry: &Geometry) -> GrayImage {
    GrayImage::from_fn(geometry.width_px, geometry.height_px, |column, row| {
        let [x, z] = geometry.pixel_to_mm(column, row);
        Luma([if geometry.scans(x, z) && scene.in_target(x, z) { 255 } else { 0 }])
    })
}

fn describe(target: &Target, geometry: &Geometry) -> TargetDescription {
    let shape = &target.structure.shape;
    let [x, z] = shape.centre();
    let scale = 1.0 / geometry.mm_per_px;
    TargetDescription {
        kind: target.kind,
        centre_px: geometry.mm_to_pixel(x, z),
        radii_px: shape.radii().map(|radius| radius * scale),
        tilt_deg: shape.tilt().to_degrees(),
        area_px: shape.area() * scale * scale,
        contrast_db: target.contrast_db,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{GeometryChoice, Scenes};
    use std::collections::BTreeMap;

    fn sized(geometry: GeometryChoice) -> PhantomConfig {
        PhantomConfig { geometry, size_px: Some([240, 200]), ..PhantomConfig::default() }
    }

    fn scene_of(frame: &Frame) -> &Scene {
        match &frame.content {
            Content::Classic(scene) => scene,
            Content::Organs(..) => panic!("a scene with organs"),
        }
    }

    /// Number of 8-connected components.
    fn components(mask: &GrayImage) -> usize {
        let (width, height) = mask.dimensions();
        let mut left = mask.clone();
        let mut count = 0;
        for start in 0..width * height {
            let (x, y) = (start % width, start / width);
            if left.get_pixel(x, y).0[0] == 0 {
                continue;
            }
            count += 1;
            let mut open = vec![(x, y)];
            while let Some((x, y)) = open.pop() {
                for ny in y.saturating_sub(1)..=(y + 1).min(height - 1) {
                    for nx in x.saturating_sub(1)..=(x + 1).min(width - 1) {
                        if left.get_pixel(nx, ny).0[0] != 0 {
                            left.put_pixel(nx, ny, Luma([0]));
                            open.push((nx, ny));
                        }
                    }
                }
            }
        }
        count
    }

    #[test]
    fn a_frame_is_fixed_by_seed_and_index() {
        let config = sized(GeometryChoice::Any);
        let first = Phantom::generate(9, 4, &config);
        let again = Phantom::generate(9, 4, &config);
        assert!(first.image == again.image && first.mask == again.mask);
        assert_eq!(first.description, again.description);
        assert!(first.image != Phantom::generate(9, 5, &config).image);
        assert!(first.image != Phantom::generate(10, 4, &config).image);
    }

    #[test]
    fn nothing_is_shown_outside_the_scan_and_something_inside() {
        for choice in [GeometryChoice::Linear, GeometryChoice::Sector, GeometryChoice::Convex] {
            let Phantom { image, mask, description } = Phantom::generate(1, 0, &sized(choice));
            assert_eq!(image.dimensions(), (240, 200));
            let (mut sum, mut count) = (0.0, 0.0);
            for (column, row, pixel) in image.enumerate_pixels() {
                let [x, z] = description.geometry.pixel_to_mm(column, row);
                if description.geometry.scans(x, z) {
                    sum += f32::from(pixel.0[0]);
                    count += 1.0;
                } else {
                    assert_eq!((pixel.0[0], mask.get_pixel(column, row).0[0]), (0, 0));
                }
            }
            assert!((25.0..190.0).contains(&(sum / count)), "{choice:?}: {}", sum / count);
        }
    }

    #[test]
    fn masks_have_the_analytic_area_and_one_component_for_each_target() {
        let mut checked = 0;
        for index in 0..150 {
            let frame = compose(2, index, &PhantomConfig::default());
            let mask = draw_mask(scene_of(&frame), &frame.geometry);
            let targets: Vec<TargetDescription> =
                scene_of(&frame).targets.iter().map(|t| describe(t, &frame.geometry)).collect();
            assert!((1..=3).contains(&targets.len()), "frame {index}: {}", targets.len());
            assert_eq!(components(&mask), targets.len(), "frame {index}: {targets:?}");
            // Strips and tubes are clipped by the scan's border; the rest lies wholly inside.
            let clipped = scene_of(&frame).targets.iter().any(|t| {
                let shape = &t.structure.shape;
                shape.outline(64).iter().any(|&[x, z]| !frame.geometry.shows(x, z, 0.0))
            });
            if !clipped {
                let drawn = mask.pixels().filter(|p| p.0[0] == 255).count() as f32;
                let area: f32 = targets.iter().map(|t| t.area_px).sum();
                // Counting pixel centres errs by about the fourth root of the area's square: 2 %
                // of the smallest targets here (some 400 px).
                assert!((drawn / area - 1.0).abs() < 0.02, "frame {index}: {drawn} of {area}");
                checked += 1;
            }
        }
        assert!(checked > 80, "only {checked} frames have no clipped target");
    }

    #[test]
    fn odd_frame_shapes_still_hold_a_target() {
        for size_px in [[128, 128], [128, 2048], [2048, 128]] {
            let config = PhantomConfig { size_px: Some(size_px), ..Default::default() };
            for index in 0..12 {
                let frame = compose(6, index, &config);
                let mask = draw_mask(scene_of(&frame), &frame.geometry);
                let drawn = mask.pixels().filter(|p| p.0[0] == 255).count();
                // `uniultra-dataset` drops objects below 0.1 % of the frame.
                let least = (size_px[0] * size_px[1]) as usize / 1000;
                assert!(drawn >= least, "{size_px:?} frame {index}: {drawn} px");
            }
        }
    }

    #[test]
    fn every_kind_of_target_and_probe_occurs() {
        let (mut kinds, mut probes) = (BTreeMap::new(), [0; 3]);
        for index in 0..300 {
            let frame = compose(3, index, &PhantomConfig::default());
            probes[frame.geometry.kind as usize] += 1;
            for target in &scene_of(&frame).targets {
                *kinds.entry(target.kind).or_insert(0) += 1;
            }
        }
        assert_eq!(kinds.len(), 8, "{kinds:?}");
        // Two in five of the fans: 60 expected, four standard deviations are 28.
        assert!((32..=88).contains(&kinds[&TargetKind::FetalHead]), "{kinds:?}");
        // Expected 150, 54 and 96; four standard deviations are 35, 27 and 32.
        for (found, expected, margin) in [(0, 150, 35), (1, 54, 27), (2, 96, 32)]
            .map(|(probe, expected, margin): (usize, i32, i32)| (probes[probe], expected, margin))
        {
            let found: i32 = found;
            assert!((found - expected).abs() <= margin, "{probes:?}");
        }
    }

    #[test]
    fn organs_are_fixed_by_seed_and_index_and_empty_on_request() {
        let config = PhantomConfig { scenes: Scenes::Organs, ..sized(GeometryChoice::Any) };
        let first = Phantom::generate(9, 4, &config);
        let again = Phantom::generate(9, 4, &config);
        assert!(first.image == again.image && first.mask == again.mask);
        assert_eq!(first.description, again.description);
        assert!(first.image != Phantom::generate(9, 4, &sized(GeometryChoice::Any)).image);
        let config = PhantomConfig { empty_share: 1.0, ..config };
        let Phantom { mask, description, .. } = Phantom::generate(9, 4, &config);
        let targets = description.targets;
        assert!(targets.is_empty() && mask.pixels().all(|p| p.0[0] == 0));
    }

    #[test]
    fn empty_frames_occur_only_on_request() {
        let config = PhantomConfig { empty_share: 1.0, ..Default::default() };
        for index in 0..20 {
            let frame = compose(4, index, &config);
            assert!(scene_of(&frame).targets.is_empty() && scene_of(&frame).details.is_empty());
        }
        let some = PhantomConfig { empty_share: 0.3, ..Default::default() };
        let empty =
            (0..200).filter(|&i| scene_of(&compose(4, i, &some)).targets.is_empty()).count();
        // 60 expected, deviation 6.5.
        assert!((34..=86).contains(&empty), "{empty}");
    }
}
