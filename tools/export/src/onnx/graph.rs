//! A graph under construction, one method an operation.
//!
//! The caller keeps track of shapes; each method documents those it expects. Names follow the
//! checkpoint, as in `blocks.3/attn/qkv/MatMul`, so that tools can point at a layer.

use crate::ExportError;
use crate::linear::Linear;
use half::f16;
use std::collections::{BTreeMap, HashMap};
use std::rc::Rc;
use uniultra_manifest::{Dim, TensorSpec, WeightFormat};
use uniultra_onnx::{
    AttributeProto, AttributeType, DataType, DimensionProto, DimensionValue, GraphProto,
    ModelProto, NodeProto, OperatorSetIdProto, TensorProto, TensorShapeProto, TensorTypeProto,
    TypeProto, ValueInfoProto,
};

/// Opset of the default domain: the first with `Gelu`.
const OPSET: i64 = 20;
/// The IR version that came with that opset.
const IR_VERSION: i64 = 9;
/// ONNX's number for float, as `Cast` names it.
pub(crate) const FLOAT: i64 = DataType::Float as i64;
/// Smallest number of values that is worth a `Cast` to be stored as f16.
const MIN_HALF_VALUES: usize = 1024;

/// A tensor in the graph.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Value(Rc<str>);

impl Value {
    pub(crate) fn named(name: &str) -> Self {
        Self(name.into())
    }
}

/// An attribute of a node.
pub(crate) enum Attribute<'a> {
    Float(&'a str, f32),
    Int(&'a str, i64),
    Ints(&'a str, &'a [i64]),
    Text(&'a str, &'a str),
}

/// Collects nodes and weights; [`Graph::encode`] returns the file's bytes.
pub(crate) struct Graph {
    name: &'static str,
    nodes: Vec<NodeProto>,
    initializers: Vec<TensorProto>,
    scope: Vec<String>,
    uses: HashMap<String, usize>,
    integers: BTreeMap<Vec<i64>, Value>,
    format: WeightFormat,
    /// The first weight that does not fit into `format`.
    overflow: Option<ExportError>,
}

impl Graph {
    pub(crate) fn new(name: &'static str, format: WeightFormat) -> Self {
        Self {
            name,
            format,
            overflow: None,
            nodes: Vec::new(),
            initializers: Vec::new(),
            scope: Vec::new(),
            uses: HashMap::new(),
            integers: BTreeMap::new(),
        }
    }

    /// Runs `build` with `name` appended to the path of every node and weight.
    pub(crate) fn scoped<T>(
        &mut self,
        name: impl Into<String>,
        build: impl FnOnce(&mut Self) -> T,
    ) -> T {
        self.scope.push(name.into());
        let result = build(self);
        self.scope.pop();
        result
    }

    fn unique(&mut self, leaf: &str) -> String {
        let mut path = self.scope.join("/");
        if !path.is_empty() {
            path.push('/');
        }
        path.push_str(leaf);
        let uses = self.uses.entry(path.clone()).or_insert(0);
        *uses += 1;
        if *uses > 1 {
            path.push_str(&format!("_{}", *uses - 1));
        }
        path
    }

    /// A weight. `data` is row-major; its number of values is that of `shape`. If the pack stores
    /// weights as f16 and this one is large, the result is its `Cast` to f32.
    pub(crate) fn weight(&mut self, name: &str, shape: &[usize], data: &[f32]) -> Value {
        if self.format == WeightFormat::F32 || data.len() < MIN_HALF_VALUES {
            return self.constant(name, shape, data);
        }
        let halves = data.iter().map(|&v| f16::from_f32(v));
        let too_large = data.iter().zip(halves.clone()).find(|(_, half)| !half.is_finite());
        let bytes = halves.flat_map(f16::to_le_bytes).collect();
        let stored = self.initializer(name, shape, DataType::Float16, bytes);
        if let (Some((&found, _)), None) = (too_large, &self.overflow) {
            let (tensor, max) = (stored.0.to_string(), f16::MAX.to_f32());
            self.overflow = Some(ExportError::Overflow { tensor, max, found });
        }
        self.scoped(name, |g| g.cast(&stored, FLOAT))
    }

    /// A weight that is always stored exactly, because it is small or computed here.
    pub(crate) fn constant(&mut self, name: &str, shape: &[usize], data: &[f32]) -> Value {
        debug_assert_eq!(shape.iter().product::<usize>(), data.len(), "{name}");
        let bytes = data.iter().flat_map(|v| v.to_le_bytes()).collect();
        self.initializer(name, shape, DataType::Float, bytes)
    }

    fn initializer(
        &mut self,
        name: &str,
        shape: &[usize],
        data_type: DataType,
        raw_data: Vec<u8>,
    ) -> Value {
        let name = self.unique(name);
        let dims = shape.iter().map(|&d| d as i64).collect();
        self.initializers.push(TensorProto {
            dims,
            data_type: data_type.into(),
            name: name.clone(),
            raw_data,
        });
        Value(name.into())
    }

    /// A scalar constant.
    pub(crate) fn scalar(&mut self, name: &str, value: f32) -> Value {
        self.constant(name, &[], &[value])
    }

    /// A one-dimensional integer constant: shapes, axes, slice bounds. Equal ones are shared.
    pub(crate) fn integers(&mut self, values: &[i64]) -> Value {
        if let Some(value) = self.integers.get(values) {
            return value.clone();
        }
        let text = values.iter().map(i64::to_string).collect::<Vec<_>>().join("_");
        let name = format!("int64/{text}");
        self.initializers.push(TensorProto {
            dims: vec![values.len() as i64],
            data_type: DataType::Int64.into(),
            name: name.clone(),
            raw_data: values.iter().flat_map(|v| v.to_le_bytes()).collect(),
        });
        let value = Value(name.into());
        self.integers.insert(values.to_vec(), value.clone());
        value
    }

    /// A node with one output.
    pub(crate) fn node(
        &mut self,
        op: &str,
        inputs: &[&Value],
        attributes: &[Attribute<'_>],
    ) -> Value {
        let name = self.unique(op);
        self.push(op, &name, inputs, attributes, vec![name.clone()]);
        Value(name.into())
    }

    /// Renames: makes `value` the graph's output `name`.
    pub(crate) fn output(&mut self, name: &str, value: &Value) {
        self.push("Identity", &format!("output/{name}"), &[value], &[], vec![name.to_string()]);
    }

    fn push(
        &mut self,
        op: &str,
        name: &str,
        inputs: &[&Value],
        attributes: &[Attribute<'_>],
        output: Vec<String>,
    ) {
        self.nodes.push(NodeProto {
            input: inputs.iter().map(|value| value.0.to_string()).collect(),
            output,
            name: name.to_string(),
            op_type: op.to_string(),
            attribute: attributes.iter().map(attribute).collect(),
        });
    }

    /// The file: checked names and types are the caller's contract.
    ///
    /// # Errors
    /// [`ExportError::Overflow`] if a weight did not fit into the pack's format.
    pub(crate) fn encode(
        self,
        inputs: &[TensorSpec],
        outputs: &[TensorSpec],
    ) -> Result<Vec<u8>, ExportError> {
        if let Some(overflow) = self.overflow {
            return Err(overflow);
        }
        let graph = GraphProto {
            node: self.nodes,
            name: self.name.to_string(),
            initializer: self.initializers,
            input: inputs.iter().map(value_info).collect(),
            output: outputs.iter().map(value_info).collect(),
        };
        let model = ModelProto {
            ir_version: IR_VERSION,
            producer_name: "uniultra-tools".to_string(),
            producer_version: env!("CARGO_PKG_VERSION").to_string(),
            graph: Some(graph),
            opset_import: vec![OperatorSetIdProto { domain: String::new(), version: OPSET }],
        };
        Ok(uniultra_onnx::encode(&model))
    }

    // The operations, thin over `node`.

    pub(crate) fn add(&mut self, a: &Value, b: &Value) -> Value {
        self.node("Add", &[a, b], &[])
    }

    pub(crate) fn mul(&mut self, a: &Value, b: &Value) -> Value {
        self.node("Mul", &[a, b], &[])
    }

    pub(crate) fn matmul(&mut self, a: &Value, b: &Value) -> Value {
        self.node("MatMul", &[a, b], &[])
    }

    /// `x [.., in]` to `[.., out]`.
    pub(crate) fn linear(&mut self, name: &str, x: &Value, linear: &Linear) -> Value {
        self.scoped(name, |g| {
            let weight =
                g.weight("weight", &[linear.inputs(), linear.outputs()], &linear.transposed());
            let bias = g.weight("bias", &[linear.outputs()], linear.bias());
            let product = g.matmul(x, &weight);
            g.add(&product, &bias)
        })
    }

    pub(crate) fn reshape(&mut self, x: &Value, shape: &[i64]) -> Value {
        let shape = self.integers(shape);
        self.node("Reshape", &[x, &shape], &[])
    }

    pub(crate) fn transpose(&mut self, x: &Value, perm: &[i64]) -> Value {
        self.node("Transpose", &[x], &[Attribute::Ints("perm", perm)])
    }

    pub(crate) fn concat(&mut self, parts: &[&Value], axis: i64) -> Value {
        self.node("Concat", parts, &[Attribute::Int("axis", axis)])
    }

    /// `x[.., start..end, ..]` on one axis.
    pub(crate) fn slice(&mut self, x: &Value, axis: i64, start: usize, end: usize) -> Value {
        let start = self.integers(&[start as i64]);
        let end = self.integers(&[end as i64]);
        let axis = self.integers(&[axis]);
        self.node("Slice", &[x, &start, &end, &axis], &[])
    }

    pub(crate) fn softmax(&mut self, x: &Value) -> Value {
        self.node("Softmax", &[x], &[Attribute::Int("axis", -1)])
    }

    /// GELU with the exact error function.
    pub(crate) fn gelu(&mut self, x: &Value) -> Value {
        self.node("Gelu", &[x], &[Attribute::Text("approximate", "none")])
    }

    /// LayerNorm over the last axis.
    pub(crate) fn layer_norm(
        &mut self,
        x: &Value,
        scale: &[f32],
        bias: &[f32],
        epsilon: f32,
    ) -> Value {
        let weight = self.weight("weight", &[scale.len()], scale);
        let shift = self.weight("bias", &[bias.len()], bias);
        let attributes = [Attribute::Int("axis", -1), Attribute::Float("epsilon", epsilon)];
        self.node("LayerNormalization", &[x, &weight, &shift], &attributes)
    }

    /// 2-d convolution of `[1, in, H, W]` with `weight [out, in, k, k]`.
    pub(crate) fn conv(
        &mut self,
        x: &Value,
        weight: &Value,
        bias: Option<&Value>,
        kernel: usize,
        stride: usize,
        padding: usize,
    ) -> Value {
        let mut inputs = vec![x, weight];
        inputs.extend(bias);
        let [kernel, stride, padding] = [kernel, stride, padding].map(|v| v as i64);
        self.node(
            "Conv",
            &inputs,
            &[
                Attribute::Ints("kernel_shape", &[kernel, kernel]),
                Attribute::Ints("strides", &[stride, stride]),
                Attribute::Ints("pads", &[padding; 4]),
            ],
        )
    }

    /// 2x2 max-pool, stride 2, of `[1, C, H, W]` with even H and W.
    pub(crate) fn max_pool(&mut self, x: &Value) -> Value {
        let two = [2, 2];
        let attributes = [Attribute::Ints("kernel_shape", &two), Attribute::Ints("strides", &two)];
        self.node("MaxPool", &[x], &attributes)
    }

    pub(crate) fn cast(&mut self, x: &Value, to: i64) -> Value {
        self.node("Cast", &[x], &[Attribute::Int("to", to)])
    }
}

fn attribute(attribute: &Attribute<'_>) -> AttributeProto {
    let mut proto = AttributeProto::default();
    let (name, kind) = match *attribute {
        Attribute::Float(name, value) => {
            proto.f = value;
            (name, AttributeType::Float)
        }
        Attribute::Int(name, value) => {
            proto.i = value;
            (name, AttributeType::Int)
        }
        Attribute::Ints(name, values) => {
            proto.ints = values.to_vec();
            (name, AttributeType::Ints)
        }
        Attribute::Text(name, value) => {
            proto.s = value.as_bytes().to_vec();
            (name, AttributeType::String)
        }
    };
    proto.name = name.to_string();
    proto.kind = kind.into();
    proto
}

fn value_info(spec: &TensorSpec) -> ValueInfoProto {
    let dim = spec.shape.iter().map(|dim| {
        let value = match dim {
            Dim::Fixed(size) => DimensionValue::Value(*size as i64),
            Dim::Dynamic(name) => DimensionValue::Param(name.clone()),
        };
        DimensionProto { value: Some(value) }
    });
    let tensor_type = TensorTypeProto {
        elem_type: DataType::Float.into(),
        shape: Some(TensorShapeProto { dim: dim.collect() }),
    };
    ValueInfoProto {
        name: spec.name.clone(),
        r#type: Some(TypeProto { tensor_type: Some(tensor_type) }),
    }
}
