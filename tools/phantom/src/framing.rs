//! Chooses the probe's geometry and the frame's size.

use crate::anatomy::Anatomy;
use crate::config::{GeometryChoice, MAX_SIDE_PX, MIN_SIDE_PX};
use crate::geometry::{Geometry, GeometryKind};
use crate::stream::Stream;

/// The probe's kind.
pub(crate) fn geometry_kind(choice: GeometryChoice, stream: &mut Stream) -> GeometryKind {
    use GeometryKind::{Convex, Linear, Sector};
    let any = stream.weighted(&[(Linear, 0.5), (Convex, 0.32), (Sector, 0.18)], Linear);
    match choice {
        GeometryChoice::Any => any,
        GeometryChoice::Linear => Linear,
        GeometryChoice::Sector => Sector,
        GeometryChoice::Convex => Convex,
    }
}

/// The probe's kind for a scene with organs.
pub(crate) fn organ_probe(choice: GeometryChoice, stream: &mut Stream) -> GeometryKind {
    use GeometryKind::{Convex, Linear, Sector};
    let any = stream.weighted(&[(Linear, 0.34), (Convex, 0.4), (Sector, 0.26)], Linear);
    match choice {
        GeometryChoice::Any => any,
        GeometryChoice::Linear => Linear,
        GeometryChoice::Sector => Sector,
        GeometryChoice::Convex => Convex,
    }
}

/// A random probe and frame for a scene with organs.
pub(crate) fn organ_geometry(
    kind: GeometryKind,
    anatomy: Anatomy,
    fixed_size: Option<[u32; 2]>,
    depth_mm: f32,
    stream: &mut Stream,
) -> Geometry {
    let within = anatomy == Anatomy::Endocavitary;
    let (radius, angle) = match kind {
        GeometryKind::Linear => {
            return geometry(kind, anatomy, fixed_size, depth_mm, stream);
        }
        GeometryKind::Sector => (stream.uniform(1.0, 4.0), stream.uniform(0.55, 0.82)),
        GeometryKind::Convex if within => (stream.uniform(8.0, 14.0), stream.uniform(0.9, 1.25)),
        GeometryKind::Convex => (stream.uniform(38.0, 62.0), stream.uniform(0.42, 0.66)),
    };
    let aspect = Geometry::fan_aspect(radius, angle, depth_mm) * stream.uniform(0.85, 1.2);
    let size = frame_size(fixed_size, aspect, stream);
    // Cropped sides are common: many pictures are kept without the fan's corners.
    let zoom = if stream.chance(0.35) { stream.uniform(1.0, 1.45) } else { 1.0 };
    Geometry::fan(kind, size, radius, angle, depth_mm, zoom)
}

/// A frame size between 320 and 720 px a side that suits something `aspect` times as wide as high.
fn frame_size(fixed: Option<[u32; 2]>, aspect: f32, stream: &mut Stream) -> [u32; 2] {
    let height = stream.integer(320, 560);
    let width = ((height as f32 * aspect) as u32).clamp(320, 720);
    match fixed {
        Some(size) => size.map(|side| side.clamp(MIN_SIDE_PX, MAX_SIDE_PX)),
        None => [width, height],
    }
}

/// A random probe and frame for a body region.
pub(crate) fn geometry(
    kind: GeometryKind,
    anatomy: Anatomy,
    fixed_size: Option<[u32; 2]>,
    depth_mm: f32,
    stream: &mut Stream,
) -> Geometry {
    if kind == GeometryKind::Linear {
        let aspect = stream.uniform(0.95, 1.55);
        let margin = if stream.chance(0.15) { stream.uniform(0.03, 0.14) } else { 0.0 };
        let size = frame_size(fixed_size, aspect, stream);
        return Geometry::linear(size, depth_mm, margin * size[0] as f32);
    }
    let micro = anatomy == Anatomy::Parenchyma && stream.chance(0.2);
    let (radius, angle, depth) = match kind {
        GeometryKind::Sector => (stream.uniform(1.0, 4.0), stream.uniform(0.6, 0.78), depth_mm),
        // An endocavitary probe: small radius, wide view, shallow.
        _ if micro => (stream.uniform(9.0, 15.0), stream.uniform(0.8, 1.1), 0.6 * depth_mm),
        _ => (stream.uniform(40.0, 60.0), stream.uniform(0.48, 0.63), depth_mm),
    };
    let aspect = Geometry::fan_aspect(radius, angle, depth) * stream.uniform(0.85, 1.15);
    let size = frame_size(fixed_size, aspect, stream);
    let zoom = if stream.chance(0.5) { stream.uniform(1.0, 1.25) } else { 1.0 };
    Geometry::fan(kind, size, radius, angle, depth, zoom)
}
