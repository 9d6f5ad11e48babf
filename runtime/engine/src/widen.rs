//! Weights stored as f16 become f32 constants before tract sees the graph.
//!
//! A pack whose `weights` are f16 holds each large weight as f16 with a `Cast` to f32 behind it.
//! tract folds such casts only up to a few megabytes and would repeat the others at every run, so
//! they are folded here: what is optimised and run is the same as with weights stored as f32.

use std::collections::HashMap;
use tract_core::internal::f16;
use tract_onnx::pb::{GraphProto, NodeProto, TensorProto, tensor_proto::DataType};
use uniultra_manifest::WeightFormat;

/// Folds every `Cast` of a weight stored as f16.
///
/// # Errors
/// A text that names the weight, if one is f16 against what the manifest says, or read by
/// something other than a `Cast` to f32.
pub(crate) fn widen_weights(graph: &mut GraphProto, stored: WeightFormat) -> Result<(), String> {
    let (halves, others): (Vec<_>, Vec<_>) = std::mem::take(&mut graph.initializer)
        .into_iter()
        .partition(|tensor| tensor.data_type == DataType::Float16 as i32);
    graph.initializer = others;
    if let (Some(half), WeightFormat::F32) = (halves.first(), stored) {
        return Err(format!("weight `{}`: expected {stored}, found f16", half.name));
    }
    let halves: HashMap<String, TensorProto> =
        halves.into_iter().map(|tensor| (tensor.name.clone(), tensor)).collect();
    for node in std::mem::take(&mut graph.node) {
        match node.input.iter().find_map(|input| halves.get(input)) {
            None => graph.node.push(node),
            Some(half) => graph.initializer.push(widened(half, &node)?),
        }
    }
    Ok(())
}

/// The f32 constant that `cast` makes of `half`.
fn widened(half: &TensorProto, cast: &NodeProto) -> Result<TensorProto, String> {
    let to_f32 = cast.op_type == "Cast"
        && cast.attribute.iter().any(|a| a.name == "to" && a.i == DataType::Float as i64);
    let ([name], true) = (cast.output.as_slice(), to_f32) else {
        return Err(format!(
            "weight `{}`: expected a Cast to f32 as the only reader of f16, found `{}` in node `{}`",
            half.name, cast.op_type, cast.name
        ));
    };
    let values = half.raw_data.chunks_exact(2);
    let values = values.map(|bytes| f16::from_le_bytes(bytes.try_into().unwrap_or_default()));
    Ok(TensorProto {
        dims: half.dims.clone(),
        data_type: DataType::Float as i32,
        name: name.clone(),
        raw_data: values.flat_map(|value| value.to_f32().to_le_bytes()).collect(),
        ..TensorProto::default()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use tract_onnx::pb::AttributeProto;

    const VALUES: [f32; 4] = [0.5, -1.5, 65504.0, 6e-8];

    /// `y = x + Cast(w)` with `w` in f16.
    fn graph() -> GraphProto {
        let node = |op: &str, inputs: &[&str], output: &str| NodeProto {
            input: inputs.iter().map(ToString::to_string).collect(),
            output: vec![output.to_string()],
            name: output.to_string(),
            op_type: op.to_string(),
            ..NodeProto::default()
        };
        let mut cast = node("Cast", &["w"], "wide");
        cast.attribute.push(AttributeProto {
            name: "to".to_string(),
            i: DataType::Float as i64,
            ..AttributeProto::default()
        });
        let weight = TensorProto {
            dims: vec![2, 2],
            data_type: DataType::Float16 as i32,
            name: "w".to_string(),
            raw_data: VALUES.iter().flat_map(|&v| f16::from_f32(v).to_le_bytes()).collect(),
            ..TensorProto::default()
        };
        GraphProto {
            node: vec![cast, node("Add", &["x", "wide"], "y")],
            initializer: vec![weight],
            ..GraphProto::default()
        }
    }

    #[test]
    fn the_cast_is_gone_and_the_weight_is_f32() {
        let mut graph = graph();
        widen_weights(&mut graph, WeightFormat::F16).unwrap();
        assert_eq!(graph.node.len(), 1);
        let [weight] = &graph.initializer[..] else { panic!("{:?}", graph.initializer) };
        assert_eq!((weight.name.as_str(), weight.dims.as_slice()), ("wide", &[2, 2][..]));
        assert_eq!(weight.data_type, DataType::Float as i32);
        let expected = VALUES.map(|v| f16::from_f32(v).to_f32());
        let found = weight.raw_data.chunks(4).map(|b| f32::from_le_bytes(b.try_into().unwrap()));
        assert_eq!(found.collect::<Vec<_>>(), expected);
    }

    #[test]
    fn f16_is_a_form_of_storage_only() {
        let refused = |change: &dyn Fn(&mut GraphProto), stored, expected: &str| {
            let mut graph = graph();
            change(&mut graph);
            let problem = widen_weights(&mut graph, stored).unwrap_err();
            assert!(problem.contains("weight `w`") && problem.contains(expected), "{problem}");
        };
        refused(&|_| (), WeightFormat::F32, "expected f32, found f16");
        refused(&|g| g.node[1].input[0] = "w".to_string(), WeightFormat::F16, "found `Add`");
        let to_f64 = |g: &mut GraphProto| g.node[0].attribute[0].i = DataType::Double as i64;
        refused(&to_f64, WeightFormat::F16, "found `Cast`");
    }
}
