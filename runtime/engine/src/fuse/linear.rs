//! Finds linear layers: a product with constant weights, a bias, and a function.
//!
//! In f32 `MatMul`, `Add`; in int8 `MatMulInteger`, `Cast`, `Mul`, `Add`, with the
//! `QuantizeLinear` before it where nothing else reads that, and the one after it.

use super::graph::{Chains, float, integer_attribute, integers, operation};
use super::layer::{LayerAttributes, PADDING, ResidualKind};
use super::linear_op::{INTEGER, REAL};
use super::padding;
use tract_onnx::pb::{AttributeProto, NodeProto, tensor_proto::DataType};
use uniultra_kernels::Activation;

pub(super) fn replace(chains: &mut Chains) {
    for product in chains.outputs_of("MatMul") {
        if let Some(node) = real(chains, &product) {
            chains.replace(node);
        }
    }
    for product in chains.outputs_of("MatMulInteger") {
        if let Some(node) = integer(chains, &product) {
            chains.replace(node);
        }
    }
}

/// The one reader of `value` if it is `operation` with a constant `[n]`, and that constant.
fn with_vector<'a>(
    chains: &'a Chains,
    value: &str,
    operation: &str,
    n: i64,
) -> Option<(&'a str, &'a str)> {
    let (vector, output) = other(chains.reader_of(value, operation)?, value)?;
    (chains.weight_shape(vector, false)? == [n]).then_some((vector, output))
}

fn real(chains: &Chains, product: &str) -> Option<NodeProto> {
    let [x, weight] = chains.producer(product, "MatMul")?.input.as_slice() else { return None };
    let &[_, n] = chains.weight_shape(weight, false)? else { return None };
    if chains.weight_shape(x, false).is_some() {
        return None;
    }
    let (bias, sum) = with_vector(chains, product, "Add", n)?;
    let found = added(chains, sum, n);
    let (activation, output) = activated(chains, found.as_ref().map_or(sum, |(_, output)| output));
    let inputs = vec![x.as_str(), weight, bias];
    Some(with_rest(chains, LayerAttributes::of(activation), REAL, inputs, found, output, n))
}

fn integer(chains: &Chains, product: &str) -> Option<NodeProto> {
    let node = chains.producer(product, "MatMulInteger")?;
    let [quantized, weight] = node.input.as_slice() else { return None };
    let &[_, n] = chains.weight_shape(weight, true)? else { return None };
    let cast = chains.reader_of(product, "Cast")?;
    if integer_attribute(cast, "to") != Some(DataType::Float as i64) {
        return None;
    }
    let (scale, scaled) = with_vector(chains, cast.output.first()?, "Mul", n)?;
    let (bias, sum) = with_vector(chains, scaled, "Add", n)?;
    let found = added(chains, sum, n);
    let (activation, mut output) =
        activated(chains, found.as_ref().map_or(sum, |(_, output)| output));
    let mut layer = LayerAttributes::of(activation);

    let mut x = quantized;
    if let Some(before) = chains.producer(quantized, "QuantizeLinear") {
        let input_scale = chains.int8_scale(before)?;
        // Where the products are all that reads the int8 input, no one else needs it.
        if chains.reader(quantized).is_some() {
            layer.input_scale = Some(input_scale);
            x = before.input.first()?;
        }
    } else {
        // Only a layer that was found before is known to give int8.
        let before = LayerAttributes::read(chains.producer(quantized, INTEGER)?)?;
        before.output_scale?;
    }
    if let Some(next) = chains.reader_of(output, "QuantizeLinear")
        && let Some(scale) = chains.int8_scale(next)
        && next.input.first().is_some_and(|input| input == output)
    {
        layer.output_scale = Some(scale);
        output = next.output.first()?;
    }
    let inputs = vec![x.as_str(), weight, scale, bias];
    Some(with_rest(chains, layer, INTEGER, inputs, found, output, n))
}

/// The operation `name`, with what is added to its sum, or with the padding of its output.
fn with_rest<'a>(
    chains: &'a Chains,
    mut layer: LayerAttributes,
    name: &str,
    mut inputs: Vec<&'a str>,
    found: Option<(Added<'a>, &str)>,
    mut output: &'a str,
    n: i64,
) -> NodeProto {
    let mut attributes = vec![];
    if let Some((added, _)) = found {
        layer.residual = added.kind();
        inputs.extend(added.inputs());
    } else if layer.output_scale.is_none()
        && let Some((sizes, vector, padded)) = padding::find(chains, output, n)
    {
        attributes.push(integers(PADDING, &sizes));
        inputs.push(vector);
        output = padded;
    }
    attributes.extend(layer.attributes());
    let inputs = inputs.into_iter().map(str::to_string).collect();
    operation(name, inputs, output, attributes)
}

/// The function that alone reads `value`, if it is one of ours, and its output.
pub(super) fn activated<'a>(chains: &'a Chains, value: &'a str) -> (Activation, &'a str) {
    let found = chains
        .reader(value)
        .and_then(|node| Some((function(node)?, node.output.first()?.as_str())));
    found.unwrap_or((Activation::Identity, value))
}

/// The function that a node is, if it is one of ours.
pub(super) fn function(node: &NodeProto) -> Option<Activation> {
    let exact = || {
        let mut approximate = node.attribute.iter().filter(|a| a.name == "approximate");
        approximate.all(|attribute| attribute.s == b"none")
    };
    match node.op_type.as_str() {
        "Relu" => Some(Activation::Relu),
        "Gelu" if exact() => Some(Activation::Gelu),
        _ => None,
    }
}

/// What is added to a layer's sum.
struct Added<'a> {
    residual: &'a str,
    /// A factor of each row, `[rows, 1]`, and one of each column, `[1, n]`.
    product: Option<[&'a str; 2]>,
}

impl<'a> Added<'a> {
    fn kind(&self) -> ResidualKind {
        if self.product.is_some() { ResidualKind::WithProduct } else { ResidualKind::Values }
    }

    fn inputs(&self) -> impl Iterator<Item = &'a str> + use<'a> {
        std::iter::once(self.residual).chain(self.product.into_iter().flatten())
    }
}

/// The `Add` that alone reads `sum`, a layer's output of `n` columns, if it adds something computed;
/// and its output. Where that is itself the sum of something and of a product of rows and columns,
/// both are given.
fn added<'a>(chains: &'a Chains, sum: &'a str, n: i64) -> Option<(Added<'a>, &'a str)> {
    let (residual, output) = other(chains.reader_of(sum, "Add")?, sum)?;
    // A single column would be repeated by the sum.
    if n < 2 || chains.weight_shape(residual, false).is_some() {
        return None;
    }
    let product = chains.producer(residual, "Add").and_then(|inner| {
        chains.reader(residual)?;
        let [a, b] = inner.input.as_slice() else { return None };
        let found = |residual: &'a str, value: &str| {
            chains.reader(value)?;
            let product = row_and_column(chains, value, n)?;
            Some(Added { residual, product: Some(product) })
        };
        found(a, b).or_else(|| found(b, a))
    });
    Some((product.unwrap_or(Added { residual, product: None }), output))
}

/// The other input of a node of two inputs, and its output.
fn other<'a>(node: &'a NodeProto, value: &str) -> Option<(&'a str, &'a str)> {
    let ([a, b], [output]) = (node.input.as_slice(), node.output.as_slice()) else { return None };
    Some((if a == value { b } else { a }, output))
}

/// The factors of a product of a column `[rows, 1]` and a constant row `[1, n]`.
fn row_and_column<'a>(chains: &'a Chains, product: &str, n: i64) -> Option<[&'a str; 2]> {
    let [a, b] = chains.producer(product, "Mul")?.input.as_slice() else { return None };
    let found = |rows: &'a str, columns: &'a str| {
        let [_, 1] = chains.reshape(rows)?.1[..] else { return None };
        (chains.weight_shape(columns, false)? == [1, n]).then_some([rows, columns])
    };
    found(a, b).or_else(|| found(b, a))
}

impl LayerAttributes {
    /// All but the padding.
    fn attributes(&self) -> Vec<AttributeProto> {
        let mut attributes = vec![
            integers("activation", &[self.code()]),
            integers("residual", &[self.residual as i64]),
        ];
        attributes.extend(self.input_scale.map(|scale| float("input_scale", scale)));
        attributes.extend(self.output_scale.map(|scale| float("output_scale", scale)));
        attributes
    }
}
