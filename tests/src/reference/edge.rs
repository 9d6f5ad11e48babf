//! The edge stream: the first edge map, Sobel magnitudes, and the CH-Adapter.

use super::EdgeLayout;
use super::layers::{conv2d, gelu, linear, named_conv2d};
use super::maps::{Planes, TokenMap};
use super::weights::Weights;

/// The edge feature map of 4 channels: `GELU(conv3x3(embedding))`, of the embedding with its
/// position added. (4, H, W) in the spatial layout, (4, W, H) in the reference layout.
pub(super) fn first_edge_map(
    weights: &dyn Weights,
    trunk: &str,
    embedding: &TokenMap,
    layout: EdgeLayout,
) -> Planes {
    let planes = match layout {
        EdgeLayout::Spatial => embedding.to_planes(),
        EdgeLayout::Reference => swap_axes(&embedding.to_planes()),
    };
    let mut edge = named_conv2d(weights, &format!("{trunk}.edge_blocks.0"), &planes, 1, 1);
    gelu(&mut edge.data);
    edge
}

/// (C, H, W) to (C, W, H).
fn swap_axes(planes: &Planes) -> Planes {
    let mut swapped = Planes::zeros(planes.c, planes.w, planes.h);
    for c in 0..planes.c {
        for y in 0..planes.h {
            for x in 0..planes.w {
                *swapped.at_mut(c, x, y) = planes.at(c, y, x);
            }
        }
    }
    swapped
}

/// `sqrt(v^2 + h^2 + h2^2 + v2^2)` of the four stored 3x3 convolutions of an edge map, each 4 -> 4
/// channels.
fn sobel_magnitude(weights: &dyn Weights, adapter: &str, edge: &Planes) -> Planes {
    let shape = [edge.c, edge.c, 3, 3];
    let mut squares = vec![0.0_f64; edge.data.len()];
    for kernel in ["weight_v", "weight_h", "weight_h2", "weight_v2"] {
        let weight = weights.of_shape(&format!("{adapter}.{kernel}"), &shape);
        let gradient = conv2d(edge, &shape, weight, None, 1, 1);
        for (sum, &g) in squares.iter_mut().zip(&gradient.data) {
            *sum += f64::from(g).powi(2);
        }
    }
    let magnitude = squares.iter().map(|sum| sum.sqrt() as f32).collect();
    Planes::new(edge.c, edge.h, edge.w, magnitude)
}

/// The CH-Adapter of one block: context `D_fc2(GELU(D_fc1(xn)))` plus edge
/// `upscale(|Sobel(edge)|)`.
pub(super) fn ch_adapter(
    weights: &dyn Weights,
    adapter: &str,
    xn: &TokenMap,
    edge: &Planes,
    layout: EdgeLayout,
) -> TokenMap {
    let mut bottleneck = linear(weights, &format!("{adapter}.D_fc1"), &xn.data);
    gelu(&mut bottleneck);
    let context = linear(weights, &format!("{adapter}.D_fc2"), &bottleneck);
    let mut output = TokenMap::new(xn.h, xn.w, xn.c, context);

    let magnitude = sobel_magnitude(weights, adapter, edge);
    let lifted = named_conv2d(weights, &format!("{adapter}.upscale"), &magnitude, 1, 0);
    output.add_scaled(&as_tokens(lifted, layout), 1.0);
    output
}

/// The lifted edge map as tokens: channels moved last, or (reference layout) (D, W, H) read in
/// memory order as (H, W, D).
fn as_tokens(lifted: Planes, layout: EdgeLayout) -> TokenMap {
    match layout {
        EdgeLayout::Spatial => lifted.to_tokens(),
        EdgeLayout::Reference => {
            let (d, w, h) = (lifted.c, lifted.h, lifted.w);
            TokenMap::new(h, w, d, lifted.data)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::random::sobel_kernels;
    use super::super::weights::Tensors;
    use super::*;

    const SPATIAL: EdgeLayout = EdgeLayout::Spatial;

    #[test]
    fn magnitude_sums_over_the_four_input_channels() {
        let mut weights = Tensors::new();
        for (name, kernel) in sobel_kernels() {
            weights.insert(format!("a.{name}"), (vec![4, 4, 3, 3], kernel.repeat(16)));
        }
        // Channel 0 a step of height 1 between columns 1 and 2, channel 3 the same: together 2.
        let mut edge = Planes::zeros(4, 3, 4);
        for c in [0, 3] {
            for y in 0..3 {
                for x in 2..4 {
                    *edge.at_mut(c, y, x) = 1.0;
                }
            }
        }
        let magnitude = sobel_magnitude(&weights, "a", &edge);
        // At (1, 1) only the right column of each kernel meets ones: h 1+2+1 = 4, v 1+0-1 = 0, h2
        // 2+1+0 = 3, v2 0-1-2 = -3; twice that: sqrt(64 + 0 + 36 + 36).
        for c in 0..4 {
            assert!((magnitude.at(c, 1, 1) - 136.0_f32.sqrt()).abs() < 1e-5);
            assert_eq!(magnitude.at(c, 1, 0), 0.0);
        }
    }

    #[test]
    fn layouts_place_the_lifted_map_differently() {
        // D = 2; in the reference layout the planes are (W = 3, H = 2).
        let data: Vec<f32> = (0..12).map(|i| i as f32).collect();
        let reference = as_tokens(Planes::new(2, 3, 2, data.clone()), EdgeLayout::Reference);
        assert_eq!((reference.h, reference.w, reference.c), (2, 3, 2));
        assert_eq!(reference.token(0, 1), [2.0, 3.0]);
        assert_eq!(reference.token(1, 0), [6.0, 7.0]);
        let spatial = as_tokens(Planes::new(2, 2, 3, data), SPATIAL);
        assert_eq!(spatial.token(0, 1), [1.0, 7.0]);
        assert_eq!(spatial.token(1, 0), [3.0, 9.0]);
    }

    #[test]
    fn reference_edge_map_has_its_axes_swapped() {
        // A 3x3 kernel that picks the right-hand neighbour: in the swapped map that is the token
        // below.
        let mut kernel = vec![0.0; 4 * 9];
        kernel[5] = 1.0;
        let mut weights = Tensors::new();
        weights.insert("t.edge_blocks.0.weight".into(), (vec![4, 1, 3, 3], kernel));
        weights.insert("t.edge_blocks.0.bias".into(), (vec![4], vec![0.0; 4]));
        // 2 rows, 3 columns; values large enough for GELU to be the identity.
        let embedding = TokenMap::new(2, 3, 1, vec![10.0, 20.0, 30.0, 40.0, 50.0, 60.0]);
        let spatial = first_edge_map(&weights, "t", &embedding, SPATIAL);
        assert_eq!((spatial.h, spatial.w), (2, 3));
        assert_eq!(spatial.data[..6], [20.0, 30.0, 0.0, 50.0, 60.0, 0.0]);
        let reference = first_edge_map(&weights, "t", &embedding, EdgeLayout::Reference);
        assert_eq!((reference.h, reference.w), (3, 2));
        assert_eq!(reference.data[..6], [40.0, 0.0, 50.0, 0.0, 60.0, 0.0]);
    }
}
