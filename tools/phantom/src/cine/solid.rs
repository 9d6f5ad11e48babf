//! A scene of layers and structures with an extent above and below the plane for each of them.

use super::section::{Extent, Slice, cut, raise_layers};
use crate::compose::Frame;
use crate::population::distractors;
use crate::scene::{Scene, Structure, Target};
use crate::shape::Shape;
use crate::stream::Stream;
use crate::target::TargetKind;

#[derive(Clone, Debug)]
pub(super) struct Solid {
    scene: Scene,
    /// Extents of the scene's targets.
    targets: Vec<Extent>,
    /// Extents of the scene's distractors, and the mean echo around them, dB.
    distractors: Vec<(Extent, f32)>,
}

impl Solid {
    /// Gives each target an extent.
    pub(super) fn new(scene: &Scene, stream: &mut Stream) -> Self {
        let targets = scene
            .targets
            .iter()
            .map(|target| extent(target.kind, &target.structure.shape, stream))
            .collect();
        Self { scene: scene.clone(), targets, distractors: Vec::new() }
    }

    /// The tracked target.
    pub(super) fn tracked(&self) -> Option<(&Target, Extent)> {
        Some((self.scene.targets.first()?, *self.targets.first()?))
    }

    /// Gives the distractors an extent, and adds more of them up to `range_mm` above and below.
    pub(super) fn surround(&mut self, frame: &Frame, range_mm: f32, stream: &mut Stream) {
        const MORE: usize = 2;
        let Frame { anatomy, geometry, probe, .. } = frame;
        let radius = |structure: &Structure| {
            let [long, short] = structure.shape.radii();
            (long * short).sqrt()
        };
        let mut all = Vec::new();
        for _ in 0..MORE {
            let layers = &self.scene.layers;
            for structure in distractors(*anatomy, geometry, layers, probe.frequency_mhz, stream) {
                let (middle_mm, half_mm) =
                    (stream.uniform(-range_mm, range_mm), radius(&structure));
                all.push((structure, Extent::Ball { middle_mm, half_mm, drawn: 1.0 }));
            }
        }
        // Those of the first frame lie over the others.
        for structure in std::mem::take(&mut self.scene.distractors) {
            let half_mm = radius(&structure);
            all.push((structure, Extent::ball(half_mm * stream.uniform(-0.6, 0.6), half_mm)));
        }
        for (structure, extent) in all {
            let [x, z] = structure.shape.centre();
            let (lateral, depth) = geometry.beam_position(x, z);
            let around_db = self.scene.layers.mean_echo_db(&geometry.place(lateral, depth));
            self.distractors.push((extent, around_db));
            self.scene.distractors.push(structure);
        }
    }

    /// What a plane shows of the scene; `slice` is the plane at a depth.
    pub(super) fn cut(&self, depth_mm: f32, slice: impl Fn(f32) -> Slice) -> Scene {
        let Self { scene, targets, distractors } = self;
        let mut layers = scene.layers.clone();
        raise_layers(&mut layers, depth_mm, |depth| slice(depth).height_mm);
        let through = |structure: &Structure, extent: Extent, around_db: f32| {
            let about = structure.shape.centre();
            cut(structure, extent, about, around_db, slice(about[1]))
        };
        let structures = scene.distractors.iter().zip(distractors);
        let tracked = self.tracked();
        let centre = tracked.map_or([0.0, 0.0], |(target, _)| target.structure.shape.centre());
        let whole = tracked.map_or(Extent::Sheet, |(_, extent)| extent);
        Scene {
            layers,
            distractors: structures
                .filter_map(|(structure, &(extent, around))| through(structure, extent, around))
                .collect(),
            targets: scene
                .targets
                .iter()
                .zip(targets)
                .filter_map(|(target, &extent)| {
                    let around = target.structure.material.echo_db - target.contrast_db;
                    let structure = through(&target.structure, extent, around)?;
                    Some(Target { structure, ..target.clone() })
                })
                .collect(),
            // The inside of a head shrinks with the head.
            details: scene
                .details
                .iter()
                .filter_map(|part| {
                    let slice = Slice { least_mm: 0.0, ..slice(centre[1]) };
                    cut(part, whole, centre, part.material.echo_db, slice)
                })
                .collect(),
            field: scene.field.at_height(slice(centre[1]).height_mm / WALL_MM),
        }
    }
}

/// Height over which the unevenness of walls changes, mm.
pub(super) const WALL_MM: f32 = 3.0;

/// How a target goes on above and below the plane.
fn extent(kind: TargetKind, shape: &Shape, stream: &mut Stream) -> Extent {
    let [long, short] = shape.radii();
    let share = stream.uniform(-0.3, 0.3);
    match (kind, shape) {
        (TargetKind::Vessel, Shape::Band(_)) => {
            let half_mm = short * stream.uniform(0.9, 1.2);
            Extent::ball(share * half_mm, half_mm)
        }
        (_, Shape::Band(_)) => Extent::Sheet,
        (TargetKind::Vessel, _) => Extent::Tube { lean: stream.uniform(-0.5, 0.5) },
        _ => {
            let half_mm = (long * short).sqrt() * stream.uniform(0.8, 1.3);
            Extent::ball(share * half_mm, half_mm)
        }
    }
}
