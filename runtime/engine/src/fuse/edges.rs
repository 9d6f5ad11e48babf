//! The edge branch: the edge map of the patch embedding, its poolings and its magnitudes.
//!
//! A magnitude times a row of factors, which a block adds to its tokens, is part of the linear layer
//! that it is added to; see `residual`.

use super::graph::{Chains, integer_attribute, integers, integers_attribute, operation};
use super::kernel_op::{Bound, KernelOp, ensure_volume, fixed, product, sizes, values};
use super::linear::activated;
use super::split::{by_parts, pool};
use rayon::prelude::*;
use std::sync::Arc;
use tract_onnx::pb::NodeProto;
use tract_onnx::tract_hir::internal::*;
use uniultra_kernels::{Activation, EdgeMap, edge_magnitude, gelu, max_pool_planes};

/// Lines of a map that are worth a thread's attention.
const MIN_LINES: usize = 8;

/// A 3x3 convolution with zeros around the map, read by GELU alone; gives the names of GELU's
/// output, of weights and bias, and the number of outputs.
pub(super) fn map_of<'a>(
    chains: &'a Chains,
    conv: &'a NodeProto,
    channels: i64,
) -> Option<(&'a str, [&'a str; 2], i64)> {
    let ([_, weight, bias], [sum]) = (conv.input.as_slice(), conv.output.as_slice()) else {
        return None;
    };
    let &[outputs, inputs, 3, 3] = chains.weight_shape(weight, false)? else { return None };
    let sound = is_3x3(conv)
        && inputs == channels
        && (1..1 << 10).contains(&outputs)
        && chains.weight_shape(bias, false)? == [outputs];
    let (activation, output) = activated(chains, sum);
    (sound && activation == Activation::Gelu).then_some((output, [weight, bias], outputs))
}

/// A convolution 3x3 by steps of 1 with one zero around, and nothing else said of it.
fn is_3x3(conv: &NodeProto) -> bool {
    let expected = [("kernel_shape", &[3, 3][..]), ("strides", &[1, 1]), ("pads", &[1, 1, 1, 1])];
    conv.attribute.len() == expected.len()
        && expected.iter().all(|(name, values)| integers_attribute(conv, name) == Some(values))
}

/// Replaces the convolutions of `map`, which are known to be edge maps, and what follows them.
pub(super) fn replace_maps(chains: &mut Chains, map: &str) {
    let Some(sizes) = chains.producer(map, super::patches::PatchesOp::NAME).and_then(|node| {
        let sizes = integers_attribute(node, "sizes")?;
        <[i64; 6]>::try_from(sizes).ok()
    }) else {
        return;
    };
    let [channels, _, _, _, rows, columns] = sizes;
    let convs: Vec<NodeProto> =
        chains.readers(map).unwrap_or_default().into_iter().cloned().collect();
    for conv in convs.iter().filter(|node| node.op_type == "Conv") {
        let Some((output, [weight, bias], outputs)) = map_of(chains, conv, channels) else {
            continue;
        };
        let attributes = vec![integers("sizes", &[outputs, channels, rows, columns])];
        let inputs = [map, weight, bias].map(str::to_string).to_vec();
        let (node, output) =
            (operation(EdgeMapOp::NAME, inputs, output, attributes), output.to_string());
        chains.replace(node);
        replace_readers(chains, output, [outputs, rows, columns]);
    }
}

/// Replaces the magnitudes of a map, and its poolings with theirs.
fn replace_readers(chains: &mut Chains, mut map: String, mut size: [i64; 3]) {
    loop {
        let readers = chains.readers(&map).unwrap_or_default();
        let magnitudes: Vec<NodeProto> =
            readers.iter().filter_map(|node| magnitude(chains, node, &map, size)).collect();
        let pooled = readers.iter().find_map(|node| {
            let output = node.output.first().filter(|_| is_pooling(node))?;
            size[1..].iter().all(|size| size % 2 == 0).then(|| output.clone())
        });
        for node in magnitudes {
            chains.replace(node);
        }
        let Some(output) = pooled else { return };
        let attributes = vec![integers("sizes", &size)];
        chains.replace(operation(PoolOp::NAME, vec![map], &output, attributes));
        (map, size) = (output, [size[0], size[1] / 2, size[2] / 2]);
    }
}

fn is_pooling(node: &NodeProto) -> bool {
    let expected = [("kernel_shape", &[2, 2][..]), ("strides", &[2, 2])];
    node.op_type == "MaxPool"
        && node.output.len() == 1
        && node.attribute.len() == expected.len()
        && expected.iter().all(|(name, values)| integers_attribute(node, name) == Some(values))
}

/// `Sqrt(ReduceSum(square(Conv(ReduceSum(map)))))`, from its first node.
fn magnitude(chains: &Chains, first: &NodeProto, map: &str, size: [i64; 3]) -> Option<NodeProto> {
    let is_sum = |node: &NodeProto| {
        let kept = integer_attribute(node, "keepdims").unwrap_or(1) == 1;
        let [_, axes] = node.input.as_slice() else { return false };
        node.op_type == "ReduceSum"
            && kept
            && node.attribute.len() <= 1
            && chains.integers(axes).is_some_and(|axes| axes == [1])
    };
    if !is_sum(first) || first.input.first()? != map {
        return None;
    }
    let conv = chains.reader_of(first.output.first()?, "Conv")?;
    let [_, kernels] = conv.input.as_slice() else { return None };
    let &[count, 1, 3, 3] = chains.weight_shape(kernels, false)? else { return None };
    let response = conv.output.first().filter(|_| is_3x3(conv) && (1..1 << 10).contains(&count))?;
    // The square reads its input twice.
    let [square, again] = chains.readers(response)?[..] else { return None };
    let same = square.op_type == "Mul" && std::ptr::eq(square, again);
    let energy = chains.reader_of(square.output.first().filter(|_| same)?, "ReduceSum")?;
    let root = chains.reader_of(energy.output.first().filter(|_| is_sum(energy))?, "Sqrt")?;
    let inputs = [map, kernels].map(str::to_string).to_vec();
    let attributes = vec![integers("sizes", &size)];
    Some(operation(MagnitudeOp::NAME, inputs, root.output.first()?, attributes))
}

/// Tokens `[1, rows, columns, channels]`; constant weights and bias; to a map `[1, outputs, rows,
/// columns]`, GELU applied.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct EdgeMapOp {
    /// Outputs, channels, rows, columns.
    sizes: [usize; 4],
    map: Bound<EdgeMap>,
}

impl KernelOp for EdgeMapOp {
    const NAME: &'static str = "uniultra.EdgeMap";

    fn read(node: &NodeProto) -> TractResult<Self> {
        Ok(Self { sizes: sizes(node, "sizes")?, map: Bound::nothing() })
    }

    fn arity(&self) -> [usize; 2] {
        [1, 2]
    }

    fn bind(&mut self, constants: &[Arc<Tensor>]) -> TractResult<()> {
        let [weight, bias] = constants else { bail!("expected weights and bias of an edge map") };
        let [outputs, channels, ..] = self.sizes;
        let map = EdgeMap::new(values(weight)?, [outputs, channels], values(bias)?)?;
        self.map = Bound::to(map);
        Ok(())
    }

    fn shape(&self, inputs: &[TVec<TDim>]) -> TractResult<TVec<TDim>> {
        let [outputs, channels, rows, columns] = self.sizes;
        ensure_volume("tokens of an edge map", &inputs[0], &[rows, columns, channels])?;
        Ok(fixed(&[1, outputs, rows, columns]))
    }

    fn macs(&self) -> usize {
        product(self.sizes.iter().chain([&9]))
    }

    fn run(&self, inputs: &[&Tensor], _: &[usize], out: &mut [f32]) -> TractResult<()> {
        let ([outputs, _, rows, columns], map) = (self.sizes, self.map.get()?);
        let tokens = values(inputs[0])?;
        let size = [rows, columns];
        let Some(pool) = pool().filter(|_| rows >= 2 * MIN_LINES) else {
            map.run(tokens, size, 0, out, &mut Vec::new())?;
            gelu(out);
            return Ok(());
        };
        let share = rows.div_ceil(2 * pool.current_num_threads()).max(MIN_LINES);
        let part = |first: usize| -> TractResult<Vec<f32>> {
            let mut lines = vec![0.0; outputs * share.min(rows - first) * columns];
            map.run(tokens, size, first, &mut lines, &mut Vec::new())?;
            gelu(&mut lines);
            Ok(lines)
        };
        let parts = || (0..rows.div_ceil(share)).into_par_iter().map(|i| part(i * share)).collect();
        let parts: Vec<Vec<f32>> = pool.install(|| -> TractResult<_> { parts() })?;
        for (index, part) in parts.iter().enumerate() {
            let lines = share.min(rows - index * share) * columns;
            let planes = out.chunks_exact_mut(rows * columns).zip(part.chunks_exact(lines));
            for (plane, part) in planes {
                plane[index * share * columns..][..lines].copy_from_slice(part);
            }
        }
        Ok(())
    }
}

/// A map `[1, channels, rows, columns]` to half its size.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct PoolOp([usize; 3]);

impl KernelOp for PoolOp {
    const NAME: &'static str = "uniultra.PoolMap";

    fn read(node: &NodeProto) -> TractResult<Self> {
        Ok(Self(sizes(node, "sizes")?))
    }

    fn arity(&self) -> [usize; 2] {
        [1, 0]
    }

    fn shape(&self, inputs: &[TVec<TDim>]) -> TractResult<TVec<TDim>> {
        ensure_volume("a map", &inputs[0], &self.0)?;
        let [channels, rows, columns] = self.0;
        Ok(fixed(&[1, channels, rows / 2, columns / 2]))
    }

    fn run(&self, inputs: &[&Tensor], _: &[usize], out: &mut [f32]) -> TractResult<()> {
        let [_, rows, columns] = self.0;
        Ok(max_pool_planes(values(inputs[0])?, [rows, columns], out)?)
    }
}

/// A map `[1, channels, rows, columns]` and kernels `[count, 1, 3, 3]` to `[1, 1, rows, columns]`.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct MagnitudeOp([usize; 3]);

impl KernelOp for MagnitudeOp {
    const NAME: &'static str = "uniultra.EdgeMagnitude";

    fn read(node: &NodeProto) -> TractResult<Self> {
        Ok(Self(sizes(node, "sizes")?))
    }

    fn arity(&self) -> [usize; 2] {
        [2, 0]
    }

    fn shape(&self, inputs: &[TVec<TDim>]) -> TractResult<TVec<TDim>> {
        ensure_volume("a map", &inputs[0], &self.0)?;
        let [_, rows, columns] = self.0;
        Ok(fixed(&[1, 1, rows, columns]))
    }

    fn run(&self, inputs: &[&Tensor], _: &[usize], out: &mut [f32]) -> TractResult<()> {
        let [map, kernels] = inputs else { bail!("expected a map and kernels") };
        let (map, kernels, columns) = (values(map)?, values(kernels)?, self.0[2]);
        by_parts(out, columns, MIN_LINES, |first, out| {
            Ok(edge_magnitude(map, self.0, kernels, first, out)?)
        })
    }
}
