//! Puts targets and distractors into a frame.

use crate::anatomy::Anatomy;
use crate::geometry::Geometry;
use crate::head;
use crate::noise::Field;
use crate::scene::{Scene, Structure, Target};
use crate::shape::{Band, Blob, Shape};
use crate::stream::Stream;
use crate::target::{TargetKind, fill, outline};
use crate::tissue::LayerStack;

/// Free pixels kept between targets, and between a target and the scan's border.
const GAP_PX: f32 = 8.0;

/// Points on an outline that are checked when it is placed.
const OUTLINE_POINTS: usize = 64;

/// Places tried before a target is made smaller.
const TRIES: u32 = 40;

struct Population<'a> {
    geometry: &'a Geometry,
    layers: &'a LayerStack,
    frequency_mhz: f32,
    targets: Vec<Target>,
}

/// A whole scene: layers, and 1 to 3 targets (none if not `with_targets`).
pub(crate) fn populate(
    anatomy: Anatomy,
    geometry: &Geometry,
    frequency_mhz: f32,
    with_targets: bool,
    stream: &mut Stream,
) -> Scene {
    let layers = anatomy.layers(geometry.depth_mm, stream);
    let distractors = distractors(anatomy, geometry, &layers, frequency_mhz, stream);
    let mut population =
        Population { geometry, layers: &layers, frequency_mhz, targets: Vec::new() };
    let mut details = Vec::new();
    if with_targets {
        match anatomy {
            Anatomy::Muscle => population.strips(stream),
            Anatomy::Fetal => {
                population.head(stream);
                if let Some(target) = population.targets.first()
                    && target.kind == TargetKind::FetalHead
                    && let Shape::Blob(skull) = &target.structure.shape
                {
                    details = head::brain(skull, stream);
                }
            }
            _ => population.lesions(anatomy, stream),
        }
    }
    let targets = population.targets;
    Scene { layers, distractors, targets, details, field: Field::new(stream.field_seed()) }
}

impl Population<'_> {
    fn lesions(&mut self, anatomy: Anatomy, stream: &mut Stream) {
        let count = stream.weighted(&[(1, 0.7), (2, 0.2), (3, 0.1)], 1);
        for place in 0..count {
            let kind = stream.weighted(anatomy.targets(), TargetKind::Cyst);
            if place == 0 && kind == TargetKind::Vessel && stream.chance(0.5) {
                self.tube(stream);
            } else {
                self.lesion(kind, count, stream);
            }
        }
        if self.targets.is_empty() {
            self.fallback(stream);
        }
    }

    /// A lesion at a free place; none if the other targets leave no room.
    fn lesion(&mut self, kind: TargetKind, count: u32, stream: &mut Stream) {
        let span = self.span_mm();
        let smallest = self.smallest_mm();
        let share = match kind {
            TargetKind::Calcification => stream.uniform(0.025, 0.06),
            TargetKind::Vessel => stream.uniform(0.04, 0.1),
            // Most lesions are small; a few fill half the frame.
            _ => 0.05 + 0.2 * stream.unit().powf(1.6),
        };
        let mut radius = (span * share / (count as f32).sqrt()).max(smallest);
        while radius >= smallest {
            for _ in 0..TRIES {
                let place = self.geometry.place(
                    stream.uniform(-0.9, 0.9),
                    self.geometry.depth_mm * stream.uniform(0.12, 0.72),
                );
                let shape = outline(kind, [place.x, place.z], radius, stream);
                if self.has_room(&shape) {
                    self.add(kind, shape, stream);
                    return;
                }
            }
            radius *= 0.8;
        }
    }

    /// Something in the middle of the scan, where there is always room.
    fn fallback(&mut self, stream: &mut Stream) {
        let place = self.geometry.place(0.0, 0.5 * self.geometry.depth_mm);
        let radius = self.smallest_mm();
        let shape = Shape::Blob(Blob::ellipse([place.x, place.z], [radius, radius], 0.0));
        self.add(TargetKind::Cyst, shape, stream);
    }

    /// A vessel along the scan.
    fn tube(&mut self, stream: &mut Stream) {
        let span = self.span_mm();
        let band = self.band(
            stream.uniform(0.3, 0.65),
            stream.uniform(-0.15, 0.15),
            span * stream.uniform(0.03, 0.075),
            [span * stream.uniform(0.0, 0.03), 0.8 * span],
            stream,
        );
        self.add(TargetKind::Vessel, Shape::Band(band), stream);
    }

    fn strips(&mut self, stream: &mut Stream) {
        let count = stream.weighted(&[(1, 0.2), (2, 0.6), (3, 0.2)], 2);
        let slope = stream.uniform(-0.12, 0.12);
        for place in 0..count {
            let share = 0.14 + 0.7 * (place as f32 + stream.uniform(0.1, 0.75)) / count as f32;
            let half = (stream.uniform(2.2, 4.6) * self.geometry.mm_per_px).max(0.25);
            let waves = [stream.uniform(0.1, 0.6), stream.uniform(20.0, 45.0)];
            let mut band =
                self.band(share, slope + stream.uniform(-0.05, 0.05), half, waves, stream);
            band.variation = 0.25;
            if stream.chance(0.2) {
                band.half_length *= stream.uniform(0.45, 0.7);
            }
            if self.is_apart(&Shape::Band(band.clone())) {
                self.add(TargetKind::FasciaStrip, Shape::Band(band), stream);
            }
        }
    }

    fn band(
        &self,
        depth_share: f32,
        slope: f32,
        half_thickness: f32,
        waves: [f32; 2],
        stream: &mut Stream,
    ) -> Band {
        let depth = self.geometry.depth_mm * depth_share;
        Band {
            centre: [0.0, depth],
            slope,
            waves,
            half_thickness,
            variation: 0.12,
            // Beyond the scan on both sides, so that its ends don't show.
            half_length: 1.15 * self.geometry.half_span_mm(self.geometry.depth_mm) + 2.0,
            field: Field::new(stream.field_seed()),
        }
    }

    fn head(&mut self, stream: &mut Stream) {
        let roundness = stream.uniform(0.72, 0.88);
        let mut half_length = stream.uniform(26.0, 54.0);
        let mut tilt = stream.uniform(-0.5, 0.5);
        if stream.chance(0.08) {
            tilt += std::f32::consts::FRAC_PI_2;
        }
        for _ in 0..12 * TRIES {
            let place = self.geometry.place(
                stream.uniform(-0.35, 0.35),
                self.geometry.depth_mm * stream.uniform(0.3, 0.65),
            );
            let radii = [half_length, half_length * roundness];
            let mut blob = Blob::ellipse([place.x, place.z], radii, tilt);
            blob.harmonics.push((2.0, stream.uniform(-0.012, 0.012), stream.uniform(0.0, 6.0)));
            blob.harmonics.push((3.0, stream.uniform(-0.01, 0.01), stream.uniform(0.0, 6.0)));
            let shape = Shape::Blob(blob);
            if self.has_room(&shape) {
                self.add(TargetKind::FetalHead, shape, stream);
                return;
            }
            half_length = (half_length * 0.985).max(self.smallest_mm() / roundness);
        }
        self.fallback(stream);
    }

    fn add(&mut self, kind: TargetKind, shape: Shape, stream: &mut Stream) {
        let [x, z] = shape.centre();
        let (lateral, depth) = self.geometry.beam_position(x, z);
        let around = self.layers.mean_echo_db(&self.geometry.place(lateral, depth));
        let (structure, contrast_db) = fill(kind, shape, around, self.frequency_mhz, stream);
        self.targets.push(Target { kind, contrast_db, structure });
    }

    /// The smaller side of the visible scan, mm.
    fn span_mm(&self) -> f32 {
        let frame_width = self.geometry.width_px as f32 * self.geometry.mm_per_px;
        let frame_height = self.geometry.height_px as f32 * self.geometry.mm_per_px;
        frame_width.min(frame_height).min(self.geometry.depth_mm)
    }

    /// Radius below which a target would be too small to count (`uniultra-dataset` drops objects
    /// below 0.1 % of the frame; this keeps well above), mm.
    fn smallest_mm(&self) -> f32 {
        let pixels = (self.geometry.width_px * self.geometry.height_px) as f32;
        (0.0025 * pixels / std::f32::consts::PI).sqrt() * self.geometry.mm_per_px
    }

    fn has_room(&self, shape: &Shape) -> bool {
        let gap = GAP_PX * self.geometry.mm_per_px;
        shape.outline(OUTLINE_POINTS).iter().all(|&[x, z]| self.geometry.shows(x, z, gap))
            && self.is_apart(shape)
    }

    /// Whether there is a gap between the shape and every target so far.
    fn is_apart(&self, shape: &Shape) -> bool {
        let gap = GAP_PX * self.geometry.mm_per_px;
        let outline = shape.outline(OUTLINE_POINTS);
        self.targets.iter().all(|target| {
            let other = &target.structure.shape;
            let free = |a: &Shape, points: &[[f32; 2]]| {
                points.iter().all(|&[x, z]| a.hit(x, z, gap).is_none())
            };
            free(other, &outline) && free(shape, &other.outline(OUTLINE_POINTS))
        })
    }
}

/// Small vessels, fat lobules and specks: part of the picture, never of the mask, though some look
/// much like targets. They lie anywhere, also under a target.
pub(crate) fn distractors(
    anatomy: Anatomy,
    geometry: &Geometry,
    layers: &LayerStack,
    frequency_mhz: f32,
    stream: &mut Stream,
) -> Vec<Structure> {
    let mut out = Vec::new();
    let mut scatter = |count: u32, kind: TargetKind, size: [f32; 2], stream: &mut Stream| {
        for _ in 0..count {
            let place = geometry
                .place(stream.uniform(-1.0, 1.0), geometry.depth_mm * stream.uniform(0.1, 0.95));
            let radius = 0.01 * geometry.depth_mm * stream.uniform(size[0], size[1]);
            let mut shape = outline(kind, [place.x, place.z], radius, stream);
            if let Shape::Blob(blob) = &mut shape
                && kind == TargetKind::Vessel
                && stream.chance(0.45)
            {
                // Cut along rather than across: long and bent.
                blob.radii = [radius * stream.uniform(2.0, 6.0), 0.6 * radius];
                blob.tilt *= 2.0;
                blob.bow = radius * stream.uniform(-1.0, 1.0);
            }
            let around = layers.mean_echo_db(&place);
            let (mut structure, _) = fill(kind, shape, around, frequency_mhz, stream);
            if kind == TargetKind::Calcification {
                // A speck: bright, but too small to stop the beam.
                structure.material.attenuation = stream.uniform(0.5, 4.0);
            }
            if kind == TargetKind::HypoechoicLesion {
                // A fat lobule: softer and paler than a lesion.
                structure.material.echo_db = around - stream.uniform(3.0, 6.0);
                structure.material.attenuation = 0.5;
                structure.edge_mm = 0.25 * radius;
            }
            out.push(structure);
        }
    };
    match anatomy {
        Anatomy::Superficial => {
            scatter(stream.integer(0, 4), TargetKind::HypoechoicLesion, [4.0, 9.0], stream);
            scatter(stream.integer(0, 6), TargetKind::Calcification, [0.3, 0.7], stream);
        }
        Anatomy::Parenchyma => {
            scatter(stream.integer(2, 9), TargetKind::Vessel, [0.8, 2.2], stream);
            scatter(stream.integer(0, 5), TargetKind::Calcification, [0.3, 0.6], stream);
        }
        Anatomy::Fetal => {
            scatter(stream.integer(0, 3), TargetKind::HyperechoicLesion, [3.0, 8.0], stream);
            scatter(stream.integer(0, 3), TargetKind::Cyst, [3.0, 8.0], stream);
        }
        Anatomy::Muscle => {
            scatter(stream.integer(0, 2), TargetKind::Vessel, [0.8, 2.0], stream);
        }
        // Scenes with organs are not populated here.
        _ => {}
    }
    out
}
