//! Body walls: the layers between the probe and the organs.

use super::material;
use crate::anatomy::{UNSEEN, fat, layer, skin, striated};
use crate::stream::Stream;
use crate::tissue::{Layer, Material};

/// Layers of a trunk: skin, fat, muscle; then the cavity (layer 3), filled with `background`; then
/// (layer 4) what lies behind it, often behind a bright line.
pub(crate) fn trunk(
    depth: f32,
    share: f32,
    background: Material,
    stream: &mut Stream,
) -> Vec<Layer> {
    let wall = depth * share;
    let skin_mm = stream.uniform(0.1, 0.2) * wall;
    let fat_mm = stream.uniform(0.35, 0.65) * wall;
    let grain = depth / 45.0;
    let behind = material::mixed(stream.uniform(-14.0, -2.0), grain, stream);
    let behind_mm = depth * stream.uniform(0.72, 1.15);
    let mut layers = vec![
        skin(stream),
        layer(skin_mm, stream.uniform(0.0, 8.0), [0.3, 16.0], fat(stream)),
        layer(fat_mm, stream.uniform(0.0, 8.0), [0.02 * depth, 0.4 * depth], {
            striated(stream.uniform(-9.0, -1.0), stream.uniform(-0.05, 0.05), stream)
        }),
        layer(wall, stream.uniform(-2.0, 10.0), [0.025 * depth, 0.5 * depth], background),
        layer(behind_mm, stream.uniform(-6.0, 13.0), [0.06 * depth, 0.9 * depth], behind),
    ];
    for layer in &mut layers[1..] {
        layer.boundary_mm *= grain.max(1.0).sqrt();
    }
    if let Some(behind) = layers.last_mut() {
        behind.slope = stream.uniform(-0.3, 0.3);
        behind.boundary_mm *= stream.uniform(1.0, 2.2);
    }
    layers
}

/// Layers of the neck or a limb: skin, fat, one or two muscles with fasciae between, then (the
/// last) loose tissue.
pub(crate) fn soft(
    depth: f32,
    shares: [f32; 3],
    loose: Material,
    stream: &mut Stream,
) -> Vec<Layer> {
    let skin_mm = stream.uniform(0.8, 1.8);
    let mut top = skin_mm + 0.6;
    let mut next = |share: f32| {
        top += share * depth;
        top
    };
    let [fat_mm, upper_mm, lower_mm] = [next(shares[0]), next(shares[1]), next(shares[2])];
    let echo = stream.uniform(-20.0, -6.0);
    let slope = stream.uniform(-0.3, 0.3);
    let waves = [stream.uniform(0.2, 1.4), stream.uniform(14.0, 30.0)];
    let line = [stream.uniform(2.0, 13.0), stream.uniform(2.0, 13.0)];
    let mut layers = vec![
        skin(stream),
        layer(skin_mm, stream.uniform(0.0, 8.0), [0.2, 18.0], fat(stream)),
        layer(fat_mm, line[0], waves, striated(echo, slope, stream)),
        layer(upper_mm, line[1], waves, striated(echo + stream.uniform(-3.0, 3.0), -slope, stream)),
        layer(lower_mm, line[1] - 3.0, [2.0 * waves[0], waves[1]], loose),
    ];
    for layer in &mut layers[2..] {
        layer.boundary_mm *= stream.uniform(0.8, 1.8);
        layer.slope = 0.4 * slope * stream.uniform(0.0, 1.0);
    }
    layers
}

/// A thin chest wall over a cavity (layer 2) of `background`.
pub(crate) fn chest(
    depth: f32,
    share: f32,
    background: Material,
    stream: &mut Stream,
) -> Vec<Layer> {
    let wall = depth * share;
    vec![
        layer(-50.0, UNSEEN, [0.0, 10.0], striated(stream.uniform(-2.0, 4.0), 0.0, stream)),
        layer(0.4 * wall, stream.uniform(0.0, 6.0), [0.5, 20.0], {
            material::fibrous(stream.uniform(-6.0, 3.0), depth / 60.0, 0.05, stream)
        }),
        layer(wall, stream.uniform(-10.0, 4.0), [0.02 * depth, 0.4 * depth], background),
    ]
}
