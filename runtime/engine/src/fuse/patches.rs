//! The patch embedding with its position, from the image to tokens.

use super::graph::{Chains, integers, integers_attribute, operation};
use super::kernel_op::{Bound, KernelOp, ensure_volume, fixed, product, sizes, values};
use super::split::by_parts;
use std::sync::Arc;
use tract_onnx::pb::NodeProto;
use tract_onnx::tract_hir::internal::*;
use uniultra_kernels::{Patches, Window};

/// Sizes of an image, a kernel and so on: whatever is larger is none, and might overflow.
const SIZES: std::ops::Range<i64> = 1..1 << 14;
/// Rows of tokens that are worth a thread's attention.
const MIN_ROWS: usize = 4;

/// `Conv` of the image, `Add` of a map that follows from constants, `Transpose` to tokens. Of the
/// map, other nodes may read no more than 3x3 convolutions; they are given the tokens.
pub(super) fn replace(chains: &mut Chains) {
    for planes in chains.outputs_of("Conv") {
        let Some(found) = find(chains, &planes) else { continue };
        let Found { node, map, tokens } = found;
        chains.replace(node);
        chains.replace(operation("Identity", vec![map.clone()], &tokens, vec![]));
        super::edges::replace_maps(chains, &map);
    }
}

struct Found {
    node: NodeProto,
    /// What was the map as planes, and becomes tokens.
    map: String,
    /// The same value where the graph has it as tokens.
    tokens: String,
}

fn find(chains: &Chains, planes: &str) -> Option<Found> {
    let conv = chains.producer(planes, "Conv")?;
    let [image, weight, bias] = conv.input.as_slice() else { return None };
    let &[outputs, channels, ..] = chains.weight_shape(weight, false)? else { return None };
    let &[batch, image_channels, height, width] = &chains.input_sizes(image)?[..] else {
        return None;
    };
    let (window, [rows, columns]) = window(conv, chains.weight_shape(weight, false)?)
        .and_then(|window| Some((window, output_size([height, width], &window)?)))?;
    let all = [outputs, channels, height, width, rows, columns];
    let sound = all.iter().chain(window.as_flattened()).all(|size| SIZES.contains(size))
        && batch == 1
        && image_channels == channels
        && chains.weight_shape(bias, false)? == [outputs];
    if !sound {
        return None;
    }
    let sum = chains.reader_of(planes, "Add")?;
    let ([a, b], [map]) = (sum.input.as_slice(), sum.output.as_slice()) else { return None };
    let position = if a == planes { b } else { a };
    if position_shape(chains, position)? != [1, outputs, rows, columns] {
        return None;
    }
    // All that reads the map must be known, as it is no longer there.
    let mut tokens = None;
    for reader in chains.readers(map)? {
        match reader.op_type.as_str() {
            "Transpose" if tokens.is_none() => {
                tokens = reader.output.first();
                if integers_attribute(reader, "perm")? != [0, 2, 3, 1] {
                    return None;
                }
            }
            "Conv" => super::edges::map_of(chains, reader, outputs).map(|_| ())?,
            _ => return None,
        }
    }
    let [kernel, stride, padding] = window;
    let attributes = vec![
        integers("sizes", &[outputs, channels, height, width, rows, columns]),
        integers("kernel", &kernel),
        integers("stride", &stride),
        // Sizes are positive; padding may be zero.
        integers("padding", &padding.map(|size| size - 1)),
    ];
    let inputs = [image, position, weight, bias].map(|name| name.to_string()).to_vec();
    Some(Found {
        node: operation(PatchesOp::NAME, inputs, map, attributes),
        map: map.clone(),
        tokens: tokens?.clone(),
    })
}

/// Kernel, stride, and padding plus one, of a plain convolution.
fn window(conv: &NodeProto, weight: &[i64]) -> Option<[[i64; 2]; 3]> {
    let [_, _, kernel_y, kernel_x] = *weight else { return None };
    let numbers = |name: &str| integers_attribute(conv, name);
    let known = ["kernel_shape", "strides", "pads"];
    if !conv.attribute.iter().all(|attribute| known.contains(&attribute.name.as_str())) {
        return None;
    }
    let [stride_y, stride_x] = *numbers("strides")? else { return None };
    let [top, left, bottom, right] = *numbers("pads")? else { return None };
    let kernel = [kernel_y, kernel_x];
    let sound = numbers("kernel_shape")? == kernel && [top, left] == [bottom, right];
    let padding = [top.checked_add(1)?, left.checked_add(1)?];
    sound.then_some([kernel, [stride_y, stride_x], padding])
}

fn output_size(size: [i64; 2], window: &[[i64; 2]; 3]) -> Option<[i64; 2]> {
    let [kernel, stride, padding] = window;
    let along = |axis: usize| {
        let reach = size[axis].checked_add(padding[axis].checked_sub(1)?.checked_mul(2)?)?;
        reach.checked_sub(kernel[axis])?.checked_div(stride[axis])?.checked_add(1)
    };
    Some([along(0)?, along(1)?])
}

/// The shape of a position map: a constant, or `rows [n, k] * (core [1, C, k, k] * columns [k, m])`.
fn position_shape(chains: &Chains, position: &str) -> Option<Vec<i64>> {
    if let Some(shape) = chains.weight_shape(position, false) {
        return Some(shape.to_vec());
    }
    let [rows, right] = chains.producer(position, "MatMul")?.input.as_slice() else { return None };
    let [core, columns] = chains.producer(right, "MatMul")?.input.as_slice() else { return None };
    let shape = |name: &String| chains.weight_shape(name, false);
    match (shape(rows)?, shape(core)?, shape(columns)?) {
        (&[n, a], &[1, channels, b, c], &[d, m]) if a == b && c == d => {
            Some(vec![1, channels, n, m])
        }
        _ => None,
    }
}

/// `image [1, channels, height, width]`, `position [1, outputs, rows, columns]`; constant weights and
/// bias; to `[1, rows, columns, outputs]`.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct PatchesOp {
    /// Outputs, channels, height, width, rows, columns.
    sizes: [usize; 6],
    window: Window,
    patches: Bound<Patches>,
}

impl KernelOp for PatchesOp {
    const NAME: &'static str = "uniultra.Patches";

    fn read(node: &NodeProto) -> TractResult<Self> {
        let window = Window {
            kernel: sizes(node, "kernel")?,
            stride: sizes(node, "stride")?,
            padding: sizes(node, "padding")?,
        };
        Ok(Self { sizes: sizes(node, "sizes")?, window, patches: Bound::nothing() })
    }

    fn arity(&self) -> [usize; 2] {
        [2, 2]
    }

    fn bind(&mut self, constants: &[Arc<Tensor>]) -> TractResult<()> {
        let [weight, bias] = constants else { bail!("expected weights and bias of patches") };
        let [outputs, channels, ..] = self.sizes;
        let sizes = [outputs, channels];
        let patches = Patches::new(values(weight)?, sizes, self.window, values(bias)?)?;
        self.patches = Bound::to(patches);
        Ok(())
    }

    /// The position becomes tokens, too: once, as it is constant.
    fn adapt(
        &self,
        prefix: &str,
        model: &mut TypedModel,
        inputs: &mut [OutletId],
    ) -> TractResult<()> {
        let [_, position] = inputs else { bail!("expected image and position of patches") };
        let moved =
            model.wire_node(format!("{prefix}.position"), AxisOp::Move(1, 3), &[*position])?;
        *position = moved[0];
        Ok(())
    }

    fn shape(&self, inputs: &[TVec<TDim>]) -> TractResult<TVec<TDim>> {
        let [image, position] = inputs else { bail!("expected image and position of patches") };
        let [outputs, channels, height, width, rows, columns] = self.sizes;
        ensure_volume("image", image, &[channels, height, width])?;
        ensure_volume("position", position, &[outputs, rows, columns])?;
        Ok(fixed(&[1, rows, columns, outputs]))
    }

    fn macs(&self) -> usize {
        let [outputs, channels, _, _, rows, columns] = self.sizes;
        product([outputs, channels, rows, columns].iter().chain(&self.window.kernel))
    }

    fn run(&self, inputs: &[&Tensor], _: &[usize], out: &mut [f32]) -> TractResult<()> {
        let [image, position] = inputs else { bail!("expected image and position of patches") };
        let [outputs, _, height, width, _, columns] = self.sizes;
        let (patches, image, position) = (self.patches.get()?, values(image)?, values(position)?);
        let line = columns * outputs;
        by_parts(out, line, MIN_ROWS, |first, out| {
            let position = &position[first * line..][..out.len()];
            let band = &mut Vec::new();
            patches.run(image, [height, width], [first, columns], position, out, band)?;
            Ok(())
        })
    }
}
