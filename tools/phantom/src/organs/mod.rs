//! Scenes with whole organs: large parenchyma, hollow organs, chambers, vessels, and small lesions
//! among them. Every visible structure can be the target of some frame.
//!
//! A scene is a tissue map (`map`) that a region's composer fills (`abdomen`, `kidney`, `fluid`,
//! `pelvis`, `heart`, `neck`, `obstetric`, `assorted`); `choose` reads off the map which structure
//! each pixel shows, picks targets that don't touch, and draws the mask.

mod abdomen;
mod assorted;
mod choose;
mod composer;
mod fluid;
mod heart;
mod kidney;
mod map;
mod material;
mod neck;
mod obstetric;
mod pelvis;
#[cfg(test)]
mod tests;
mod wall;

pub(crate) use choose::{Chosen, Labels};
pub(crate) use map::OrganMap;

use crate::anatomy::Anatomy;
use crate::config::PhantomConfig;
use crate::framing;
use crate::geometry::{Geometry, GeometryKind};
use crate::stream::Stream;
use crate::target::TargetKind;
use composer::Composer;

/// A region with its geometry and frequency.
pub(crate) fn setting(config: &PhantomConfig, stream: &mut Stream) -> (Anatomy, Geometry, f32) {
    use Anatomy as A;
    let kind = framing::organ_probe(config.geometry, stream);
    let regions: &[(Anatomy, f32)] = match kind {
        GeometryKind::Linear => &[(A::Neck, 0.32), (A::Limb, 0.33), (A::Assorted, 0.35)],
        GeometryKind::Convex => &[
            (A::Abdomen, 0.3),
            (A::Flank, 0.14),
            (A::Pelvis, 0.14),
            (A::Endocavitary, 0.1),
            (A::Pregnancy, 0.14),
            (A::Assorted, 0.2),
        ],
        GeometryKind::Sector => &[
            (A::Heart, 0.58),
            (A::Abdomen, 0.14),
            (A::Flank, 0.06),
            (A::Pelvis, 0.06),
            (A::Assorted, 0.16),
        ],
    };
    let anatomy = stream.weighted(regions, A::Assorted);
    let (depths, frequencies) = anatomy.settings(kind);
    let depth_mm = stream.uniform(depths[0], depths[1]);
    let geometry = framing::organ_geometry(kind, anatomy, config.size_px, depth_mm, stream);
    (anatomy, geometry, stream.uniform(frequencies[0], frequencies[1]))
}

/// A scene of a region.
pub(crate) fn populate(
    anatomy: Anatomy,
    geometry: &Geometry,
    frequency_mhz: f32,
    stream: &mut Stream,
) -> OrganMap {
    let depth = geometry.depth_mm;
    let grain = depth / 45.0;
    let around = stream.uniform(-10.0, 1.0);
    let background = if stream.chance(0.35) {
        material::solid(around, grain, stream)
    } else {
        material::mixed(around, grain, stream)
    };
    let fans = geometry.kind != GeometryKind::Linear;
    let (layers, cavity) = match anatomy {
        Anatomy::Heart => {
            let share = stream.uniform(0.03, 0.1);
            (wall::chest(depth, share, background, stream), 2..3)
        }
        Anatomy::Endocavitary => {
            let share = stream.uniform(0.03, 0.08);
            (wall::chest(depth, share, background, stream), 2..3)
        }
        Anatomy::Neck => {
            let shares =
                [stream.uniform(0.02, 0.1), stream.uniform(0.06, 0.14), stream.uniform(0.03, 0.1)];
            (wall::soft(depth, shares, background, stream), 4..5)
        }
        Anatomy::Limb => {
            let shares =
                [stream.uniform(0.02, 0.2), stream.uniform(0.15, 0.4), stream.uniform(0.1, 0.3)];
            (wall::soft(depth, shares, background, stream), 2..5)
        }
        Anatomy::Assorted if !fans && stream.chance(0.5) => {
            let shares =
                [stream.uniform(0.02, 0.15), stream.uniform(0.03, 0.2), stream.uniform(0.0, 0.1)];
            (wall::soft(depth, shares, background, stream), 3..5)
        }
        _ => {
            let share = stream.uniform(0.05, 0.2);
            (wall::trunk(depth, share, background, stream), 3..4)
        }
    };
    let mut composer = Composer::new(geometry, frequency_mhz, layers, cavity, stream);
    if anatomy != Anatomy::Heart && anatomy != Anatomy::Endocavitary {
        // Fat and muscle of the wall, and what lies behind, are structures, too.
        let last = composer.map.layer_objects.len() - 1;
        for layer in [1, 2, last] {
            if stream.chance(0.1) && !composer.map.cavity.contains(&layer) {
                composer.layer_object(layer, TargetKind::TissueLayer, 2.0);
            }
        }
    }
    match anatomy {
        Anatomy::Heart => composer.heart(around, stream),
        Anatomy::Abdomen => composer.upper_abdomen(around, stream),
        Anatomy::Flank => composer.flank(around, stream),
        Anatomy::Pelvis => composer.pelvis(around, stream),
        Anatomy::Endocavitary => composer.endocavitary(around, stream),
        Anatomy::Neck => composer.neck(around, stream),
        Anatomy::Limb => composer.limb(around, stream),
        Anatomy::Pregnancy => composer.pregnancy(around, stream),
        _ => composer.assorted(around, stream),
    }
    composer.map
}
