//! The random map of an example: one affine map for image and masks.

use crate::affine::Affine;
use crate::augment::AugmentConfig;
use crate::stream::Stream;

/// The sides to swap.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Flips {
    pub(crate) horizontal: bool,
    pub(crate) vertical: bool,
}

impl Flips {
    pub(crate) fn draw(config: &AugmentConfig, allowed: bool, stream: &mut Stream) -> Self {
        let [horizontal, vertical] =
            [config.flip_horizontal, config.flip_vertical].map(|p| stream.chance(p));
        Self { horizontal: horizontal && allowed, vertical: vertical && allowed }
    }

    /// The map from source to example, both the unit square.
    pub(crate) fn map(self) -> Affine {
        let sign = |flipped| if flipped { -1.0 } else { 1.0 };
        Affine::scale([sign(self.horizontal), sign(self.vertical)], [0.5, 0.5])
    }
}

/// Draws the map from source to example, both the unit square, without flips.
///
/// `ratio` is the source's width over its height: rotations are rotations of the picture as it was
/// scanned, not of its stretched form. `anchor`, a box (x0, y0, x1, y1) of the source, stays in
/// view as far as its size allows.
pub(crate) fn draw(
    config: &AugmentConfig,
    ratio: f64,
    anchor: Option<[f64; 4]>,
    stream: &mut Stream,
) -> Affine {
    let [zoom, aspect, depth] =
        [config.scale, config.aspect, config.depth].map(|part| f64::from(stream.factor(part)));
    let angle = f64::from(stream.part(config.rotate_deg, 0.0)).to_radians();
    let zooms = [zoom * aspect.sqrt(), zoom / aspect.sqrt()];
    let map = Affine::scale([1.0, depth], [0.5, 0.0])
        .then(turn(angle, ratio))
        .then(Affine::scale(zooms, [0.5, 0.5]));
    let view = anchor.map(|anchor| map.apply_to_box(anchor));
    let [low, high] = config.shift.range.map(f64::from);
    let chosen = stream.chance(config.shift.p);
    let mut shift = [0.0; 2];
    for axis in 0..2 {
        // The shift may use what a zoom in leaves outside, or a zoom out leaves black.
        let free = (zooms[axis] - 1.0).abs() / 2.0;
        let range = if chosen { [low - free, high + free] } else { [0.0; 2] };
        let [low, high] = view.map_or(range, |view| keep(range, [view[axis], view[axis + 2]]));
        shift[axis] = low + (high - low) * f64::from(stream.unit());
    }
    map.then(Affine::shift(shift))
}

/// A rotation about the centre of a picture `ratio` times as wide as high.
fn turn(angle: f64, ratio: f64) -> Affine {
    if angle == 0.0 {
        return Affine::IDENTITY;
    }
    Affine::shift([-0.5, -0.5])
        .then(Affine::scale([ratio, 1.0], [0.0; 2]))
        .then(Affine::turn(angle))
        .then(Affine::scale([1.0 / ratio, 1.0], [0.0; 2]))
        .then(Affine::shift([0.5, 0.5]))
}

/// The part of a range of shifts after which a side, from `low` to `high`, lies within 0..=1, or
/// covers it if it is longer; the nearest such shift if the range has none.
fn keep(range: [f64; 2], [low, high]: [f64; 2]) -> [f64; 2] {
    let ends = [-low, 1.0 - high];
    let [least, most] = [ends[0].min(ends[1]), ends[0].max(ends[1])];
    range.map(|end| end.clamp(least, most))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Part;
    use proptest::prelude::*;

    fn always(range: [f32; 2]) -> Part {
        Part { p: 1.0, range }
    }

    #[test]
    fn nothing_to_do_is_exactly_the_identity() {
        let none = AugmentConfig::none();
        let anchor = Some([0.1, 0.2, 0.3, 0.4]);
        let map = draw(&none, 1.5, anchor, &mut Stream::new(&[1]));
        assert_eq!(map, Affine::IDENTITY);
        assert_eq!(Flips::default().map(), Affine::IDENTITY);
    }

    #[test]
    fn pictures_turn_without_shear() {
        // In a picture twice as wide as high, 0.1 to the right is as long as 0.2 down.
        let map = turn(std::f64::consts::FRAC_PI_2, 2.0);
        let [x, y] = map.apply([0.6, 0.5]);
        assert!((x - 0.5).abs() < 1e-12 && (y - 0.7).abs() < 1e-12, "{x} {y}");
    }

    #[test]
    fn depth_is_zoomed_from_the_top() {
        let depth = always([1.5, 1.5]);
        let config = AugmentConfig { depth, ..AugmentConfig::none() };
        let map = draw(&config, 1.0, None, &mut Stream::new(&[1]));
        let [x, y] = map.apply([0.25, 0.0]);
        assert!((x - 0.25).abs() < 1e-6 && y.abs() < 1e-6);
        assert!((map.apply([0.0, 0.4])[1] - 0.6).abs() < 1e-6);
    }

    #[test]
    fn flips_swap_sides() {
        let flips = Flips { horizontal: true, vertical: false };
        let [x, y] = flips.map().apply([0.1, 0.2]);
        assert!((x - 0.9).abs() < 1e-12 && (y - 0.2).abs() < 1e-12);
        let always = AugmentConfig { flip_horizontal: 1.0, ..AugmentConfig::none() };
        let drawn = |allowed| Flips::draw(&always, allowed, &mut Stream::new(&[1]));
        assert_eq!((drawn(true), drawn(false)), (flips, Flips::default()));
    }

    proptest! {
        #[test]
        fn the_anchor_stays_in_view(seed: u64, x in 0.0..0.8, y in 0.0..0.8, ratio in 0.5..2.0) {
            let config = AugmentConfig {
                scale: always([0.5, 3.0]),
                shift: always([-0.3, 0.3]),
                rotate_deg: always([-20.0, 20.0]),
                ..AugmentConfig::none()
            };
            let anchor = [x, y, x + 0.2, y + 0.2];
            let map = draw(&config, ratio, Some(anchor), &mut Stream::new(&[seed]));
            let [x0, y0, x1, y1] = map.apply_to_box(anchor);
            for [low, high] in [[x0, x1], [y0, y1]] {
                let within = low > -1e-9 && high < 1.0 + 1e-9;
                let covers = low < 1e-9 && high > 1.0 - 1e-9;
                prop_assert!(within || covers, "{low} to {high}");
            }
        }
    }
}
