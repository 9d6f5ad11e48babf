//! The prompt encoder: points and boxes, mask prompt, dense position (MODEL.md section 3).

use crate::Design;
use crate::linear::Linear;
use crate::onnx::{Attribute, FLOAT, Graph, Value};
use crate::weights::Weights;
use uniultra_checkpoint::{CheckpointError, NECK_DIM};

/// Frequencies of the Fourier encoding.
const FREQUENCIES: usize = NECK_DIM / 2;
/// ONNX's number for int64.
const INT64: i64 = 7;
/// LayerNorm2d's epsilon.
pub(super) const EPSILON_2D: f32 = 1e-6;

/// Sparse tokens `[N + 1, 256]`: the caller's points, then the padding point.
pub(super) fn points(
    g: &mut Graph,
    weights: &Weights<'_>,
    design: &Design,
) -> Result<Value, CheckpointError> {
    let gaussian = gaussian(weights)?;
    let not_a_point = weights.tensor("not_a_point_embed.weight", &[1, NECK_DIM])?;
    // Row label + 1: not a point, negative, positive, box corners.
    let mut table = not_a_point.to_vec();
    for label in 0..4 {
        let name = format!("point_embeddings.{label}.weight");
        table.extend_from_slice(weights.tensor(&name, &[1, NECK_DIM])?);
    }
    Ok(g.scoped("points", |g| {
        let coords = g.reshape(&Value::named("point_coords"), &[-1, 2]);
        let [half, size, two, one] = [
            ("half_pixel", 0.5),
            ("image_size", design.image_size as f32),
            ("two", 2.0),
            ("one", 1.0),
        ]
        .map(|(name, value)| g.scalar(name, value));
        let centred = g.add(&coords, &half);
        let unit = g.node("Div", &[&centred, &size], &[]);
        let doubled = g.mul(&unit, &two);
        let signed = g.node("Sub", &[&doubled, &one], &[]);
        let encoded = fourier(g, gaussian, &signed);

        let labels = g.reshape(&Value::named("point_labels"), &[-1]);
        let zero = g.scalar("zero", 0.0);
        let is_point = g.node("GreaterOrEqual", &[&labels, &zero], &[]);
        let is_point = g.cast(&is_point, FLOAT);
        let is_point = g.reshape(&is_point, &[-1, 1]);
        let row = g.add(&labels, &one);
        let row = g.cast(&row, INT64);
        let embeddings = g.weight("embeddings", &[5, NECK_DIM], &table);
        let by_label = g.node("Gather", &[&embeddings, &row], &[Attribute::Int("axis", 0)]);
        let kept = g.mul(&encoded, &is_point);
        let tokens = g.add(&kept, &by_label);
        let padding = g.weight("padding_point", &[1, NECK_DIM], not_a_point);
        g.concat(&[&tokens, &padding], 0)
    }))
}

fn gaussian<'a>(weights: &Weights<'a>) -> Result<&'a [f32], CheckpointError> {
    weights.tensor("pe_layer.positional_encoding_gaussian_matrix", &[2, FREQUENCIES])
}

/// `[sin, cos]` of 2 pi times `coords [K, 2]` (in -1..=1) times the Gaussian matrix: `[K, 256]`.
fn fourier(g: &mut Graph, gaussian: &[f32], coords: &Value) -> Value {
    let matrix = g.weight("gaussian", &[2, FREQUENCIES], gaussian);
    let turns = g.matmul(coords, &matrix);
    let turn = g.scalar("two_pi", std::f32::consts::TAU);
    let angle = g.mul(&turns, &turn);
    let (sine, cosine) = (g.node("Sin", &[&angle], &[]), g.node("Cos", &[&angle], &[]));
    g.concat(&[&sine, &cosine], 1)
}

/// The encoding of the grid's cell centres, `[side * side, 256]`, a constant (MODEL.md 7.4).
///
/// The simplified export stores the centres and leaves the encoding to the engine's constant
/// folding: at 1024 input 32 KiB in place of 4 MiB.
pub(super) fn dense_position(
    g: &mut Graph,
    weights: &Weights<'_>,
    side: usize,
    simplify: bool,
) -> Result<Value, CheckpointError> {
    let gaussian = gaussian(weights)?;
    let centre = |i: usize| 2.0 * (i as f64 + 0.5) / side as f64 - 1.0;
    let centres = (0..side * side).map(|i| [centre(i % side), centre(i / side)]);
    Ok(g.scoped("dense_position", |g| {
        if simplify {
            let flat: Vec<f32> = centres.flatten().map(|v| v as f32).collect();
            let centres = g.constant("cell_centres", &[side * side, 2], &flat);
            return fourier(g, gaussian, &centres);
        }
        let (along_x, along_y) = gaussian.split_at(FREQUENCIES);
        let mut map = Vec::with_capacity(side * side * NECK_DIM);
        for [x, y] in centres {
            let angles = along_x
                .iter()
                .zip(along_y)
                .map(|(&gx, &gy)| std::f64::consts::TAU * (x * f64::from(gx) + y * f64::from(gy)));
            map.extend(angles.clone().map(|a| a.sin() as f32));
            map.extend(angles.map(|a| a.cos() as f32));
        }
        g.weight("map", &[side * side, NECK_DIM], &map)
    }))
}

/// The dense prompt, `[side * side, 256]` or a row to broadcast: the encoded mask if
/// `has_mask_input` is 1, otherwise `no_mask_embed`.
pub(super) fn mask(
    g: &mut Graph,
    weights: &Weights<'_>,
    side: usize,
    simplify: bool,
) -> Result<Value, CheckpointError> {
    let no_mask = weights.tensor("no_mask_embed.weight", &[1, NECK_DIM])?;
    let layers = MaskDownscaling::read(&weights.module("mask_downscaling"))?;
    Ok(g.scoped("mask_downscaling", |g| {
        let encoded = if simplify { layers.by_blocks(g, side) } else { layers.literal(g) };
        let no_mask = g.weight("no_mask_embed", &[1, NECK_DIM], no_mask);
        let half = g.scalar("threshold", 0.5);
        let has_mask = Value::named("has_mask_input");
        let condition = g.node("Greater", &[&has_mask, &half], &[]);
        g.node("Where", &[&condition, &encoded, &no_mask], &[])
    }))
}

/// Two 2x2 stride-2 convolutions with LayerNorm and GELU, then a 1x1.
struct MaskDownscaling<'a> {
    first: (&'a [f32], &'a [f32]),
    first_norm: (&'a [f32], &'a [f32]),
    second: (&'a [f32], &'a [f32]),
    second_norm: (&'a [f32], &'a [f32]),
    last: Linear,
}

/// Channels after the first and second convolution.
const DOWNSCALED: [usize; 2] = [4, 16];

impl<'a> MaskDownscaling<'a> {
    fn read(weights: &Weights<'a>) -> Result<Self, CheckpointError> {
        let [a, b] = DOWNSCALED;
        let conv = |name: &str, outputs: usize, inputs: usize| {
            let module = weights.module(name);
            let weight = module.tensor("weight", &[outputs, inputs, 2, 2])?;
            Ok::<_, CheckpointError>((weight, module.tensor("bias", &[outputs])?))
        };
        Ok(Self {
            first: conv("0", a, 1)?,
            first_norm: weights.norm("1", a)?,
            second: conv("3", b, a)?,
            second_norm: weights.norm("4", b)?,
            last: weights.pointwise("6", b, NECK_DIM)?,
        })
    }

    /// The literal definition, on planes.
    fn literal(&self, g: &mut Graph) -> Value {
        let mut planes = Value::named("mask_input");
        let [a, b] = DOWNSCALED;
        for (name, inputs, outputs, (weight, bias), norm) in
            [("0", 1, a, self.first, self.first_norm), ("3", a, b, self.second, self.second_norm)]
        {
            planes = g.scoped(name, |g| {
                let weight = g.weight("weight", &[outputs, inputs, 2, 2], weight);
                let bias = g.weight("bias", &[outputs], bias);
                let planes = g.conv(&planes, &weight, Some(&bias), 2, 2, 0);
                let planes = layer_norm_2d(g, &planes, norm);
                g.gelu(&planes)
            });
        }
        let weight = g.weight("6/weight", &[NECK_DIM, b, 1, 1], self.last.weight());
        let bias = g.weight("6/bias", &[NECK_DIM], self.last.bias());
        let planes = g.conv(&planes, &weight, Some(&bias), 1, 1, 0);
        let planes = g.reshape(&planes, &[NECK_DIM as i64, -1]);
        g.transpose(&planes, &[1, 0])
    }

    /// The same on blocks: a stride-2 2x2 convolution is a product with each 2x2 block, so one
    /// layout move at full resolution serves all three layers.
    fn by_blocks(&self, g: &mut Graph, side: usize) -> Value {
        let n = side as i64;
        let [a, b] = DOWNSCALED;
        let split = g.reshape(&Value::named("mask_input"), &[n, 2, 2, n, 2, 2]);
        // Cell, its quarter, the quarter's pixel.
        let moved = g.transpose(&split, &[0, 3, 1, 4, 2, 5]);
        let pixels = g.reshape(&moved, &[n * n * 4, 4]);
        let first = Linear::new(self.first.0, self.first.1);
        let quarters = normed_gelu(g, "0", &pixels, &first, self.first_norm);
        let quarters = g.reshape(&quarters, &[n * n, 4 * a as i64]);
        // Stored [out, channel, quarter]; the tokens hold [quarter, channel].
        let reordered: Vec<f32> = (0..b * 4 * a)
            .map(|i| {
                let (out, quarter, channel) = (i / (4 * a), i / a % 4, i % a);
                self.second.0[(out * a + channel) * 4 + quarter]
            })
            .collect();
        let second = Linear::new(&reordered, self.second.1);
        let cells = normed_gelu(g, "3", &quarters, &second, self.second_norm);
        g.linear("6", &cells, &self.last)
    }
}

fn normed_gelu(
    g: &mut Graph,
    name: &str,
    x: &Value,
    linear: &Linear,
    (gain, shift): (&[f32], &[f32]),
) -> Value {
    let x = g.linear(name, x, linear);
    let x = g.scoped(format!("{name}/norm"), |g| g.layer_norm(&x, gain, shift, EPSILON_2D));
    g.gelu(&x)
}

/// LayerNorm over the channels of `[1, C, H, W]`, from its definition.
pub(super) fn layer_norm_2d(g: &mut Graph, x: &Value, (gain, shift): (&[f32], &[f32])) -> Value {
    g.scoped("norm", |g| {
        let channels = gain.len();
        let axis = g.integers(&[1]);
        let mean = g.node("ReduceMean", &[x, &axis], &[Attribute::Int("keepdims", 1)]);
        let centred = g.node("Sub", &[x, &mean], &[]);
        let squared = g.mul(&centred, &centred);
        let variance = g.node("ReduceMean", &[&squared, &axis], &[Attribute::Int("keepdims", 1)]);
        let epsilon = g.scalar("epsilon", EPSILON_2D);
        let variance = g.add(&variance, &epsilon);
        let deviation = g.node("Sqrt", &[&variance], &[]);
        let normed = g.node("Div", &[&centred, &deviation], &[]);
        let gain = g.weight("weight", &[1, channels, 1, 1], gain);
        let shift = g.weight("bias", &[1, channels, 1, 1], shift);
        let scaled = g.mul(&normed, &gain);
        g.add(&scaled, &shift)
    })
}
