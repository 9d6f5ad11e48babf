//! Finds linear layers: a product with constant weights, a bias, and a function.
//!
//! In f32 `MatMul`, `Add`; in int8 `MatMulInteger`, `Cast`, `Mul`, `Add`, with the
//! `QuantizeLinear` before it where nothing else reads that, and the one after it.

use super::graph::{Chains, float, integer_attribute, integers, operation};
use super::layer::LayerAttributes;
use super::linear_op::{INTEGER, REAL};
use tract_onnx::pb::{NodeProto, tensor_proto::DataType};
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
    let node = chains.reader_of(value, operation)?;
    let ([a, b], [output]) = (node.input.as_slice(), node.output.as_slice()) else { return None };
    let vector = if a == value { b } else { a };
    (chains.weight_shape(vector, false)? == [n]).then_some((vector, output))
}

fn real(chains: &Chains, product: &str) -> Option<NodeProto> {
    let [x, weight] = chains.producer(product, "MatMul")?.input.as_slice() else { return None };
    let &[_, n] = chains.weight_shape(weight, false)? else { return None };
    if chains.weight_shape(x, false).is_some() {
        return None;
    }
    let (bias, sum) = with_vector(chains, product, "Add", n)?;
    let (activation, output) = activated(chains, sum);
    let layer = LayerAttributes { activation, input_scale: None, output_scale: None };
    let inputs = [x.as_str(), weight, bias].map(str::to_string).to_vec();
    Some(layer.node(REAL, inputs, output))
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
    let (activation, mut output) = activated(chains, sum);
    let mut layer = LayerAttributes { activation, input_scale: None, output_scale: None };

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
    let inputs = [x.as_str(), weight, scale, bias].map(str::to_string).to_vec();
    Some(layer.node(INTEGER, inputs, output))
}

/// The function that alone reads `value`, if it is one of ours, and its output.
fn activated<'a>(chains: &'a Chains, value: &'a str) -> (Activation, &'a str) {
    let found = chains.reader(value).and_then(|node| {
        let exact = || {
            let mut approximate = node.attribute.iter().filter(|a| a.name == "approximate");
            approximate.all(|attribute| attribute.s == b"none")
        };
        let activation = match node.op_type.as_str() {
            "Relu" => Activation::Relu,
            "Gelu" if exact() => Activation::Gelu,
            _ => return None,
        };
        Some((activation, node.output.first()?.as_str()))
    });
    found.unwrap_or((Activation::Identity, value))
}

impl LayerAttributes {
    fn node(&self, name: &str, inputs: Vec<String>, output: &str) -> NodeProto {
        let mut attributes = vec![integers("activation", &[self.code()])];
        attributes.extend(self.input_scale.map(|scale| float("input_scale", scale)));
        attributes.extend(self.output_scale.map(|scale| float("output_scale", scale)));
        operation(name, inputs, output, attributes)
    }
}
