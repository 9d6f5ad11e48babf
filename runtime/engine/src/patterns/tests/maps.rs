//! Maps: patch embedding, edges, neck, poolings, and moves between tokens and planes.

use super::*;

mod masks;

/// A convolution's attributes.
fn window(kernel: i64, stride: i64, padding: i64) -> Vec<AttributeProto> {
    vec![
        integers("kernel_shape", &[kernel; 2]),
        integers("strides", &[stride; 2]),
        integers("pads", &[padding; 4]),
    ]
}

fn waves(count: usize, step: f32) -> Vec<f32> {
    (0..count).map(|i| (i as f32 * step).sin() * 0.3).collect()
}

impl Draft {
    fn waves(&mut self, name: &str, dims: &[i64], step: f32) {
        self.floats(name, dims, &waves(dims.iter().product::<i64>() as usize, step));
    }

    fn integers(&mut self, name: &str, values: &[i64]) {
        let bytes = values.iter().flat_map(|v| v.to_le_bytes()).collect();
        self.constant(name, &[values.len() as i64], DataType::Int64, bytes);
    }

    fn output(&mut self, name: &str) {
        self.0.output.push(ValueInfoProto { name: name.to_string(), ..ValueInfoProto::default() });
    }

    fn slice(&mut self, name: &str, from: &str, [axis, start, end]: [i64; 3]) {
        for (part, value) in [("from", start), ("to", end), ("axis", axis)] {
            self.integers(&format!("{name}_{part}"), &[value]);
        }
        self.node(&format!("{name} = Slice {from} {name}_from {name}_to {name}_axis"), vec![]);
    }

    /// `name = ` the magnitude of `from`, as a column.
    fn magnitude(&mut self, name: &str, from: &str, pixels: i64) {
        let keep = integer("keepdims", 1);
        self.node(&format!("{name}_c = ReduceSum {from} axis"), vec![keep.clone()]);
        self.node(&format!("{name}_d = Conv {name}_c kernels"), window(3, 1, 1));
        self.node(&format!("{name}_q = Mul {name}_d {name}_d"), vec![]);
        self.node(&format!("{name}_e = ReduceSum {name}_q axis"), vec![keep]);
        self.node(&format!("{name}_m = Sqrt {name}_e"), vec![]);
        self.reshape(name, &format!("{name}_m"), &[pixels, 1]);
    }

    /// 2x2 maxima of a map `[rows, columns, width]` of tokens.
    fn pool(&mut self, name: &str, from: &str, [rows, columns, width]: [i64; 3]) {
        let mut source = from.to_string();
        for (step, shape) in
            [("r", [rows / 2, 2, columns * width]), ("p", [rows * columns / 4, 2, width])]
        {
            let [pairs, a, b, max] =
                ["s", "a", "b", "m"].map(|part| format!("{name}_{step}{part}"));
            self.reshape(&pairs, &source, &shape);
            self.slice(&a, &pairs, [1, 0, 1]);
            self.slice(&b, &pairs, [1, 1, 2]);
            self.node(&format!("{max} = Max {a} {b}"), vec![]);
            source = max;
        }
        self.reshape(name, &source, &[rows / 2, columns / 2, width]);
    }
}

fn integer(name: &str, value: i64) -> AttributeProto {
    AttributeProto { name: name.to_string(), i: value, r#type: 2, ..AttributeProto::default() }
}

/// All outputs, of the graph and fused.
fn assert_same(graph: &GraphProto, x: &Tensor) {
    let run =
        |graph: &GraphProto| plan(graph).unwrap().run(tvec!(x.clone().into_tvalue())).unwrap();
    let (found, expected) = (run(&fused(graph)), run(graph));
    assert_eq!(found.len(), graph.output.len());
    for (found, expected) in found.iter().zip(&expected) {
        assert_eq!(found.shape(), expected.shape());
        assert_close(found, expected);
    }
}

/// The start of an encoder: 12 x 20 patches of 6 channels, an edge map of 3, a layer that adds edges.
fn start() -> Draft {
    let mut draft = Draft::new(&[Some(1), Some(2), Some(48), Some(80)]);
    draft.integers("axis", &[1]);
    draft.waves("kernels", &[5, 1, 3, 3], 1.3);
    draft.waves("w", &[6, 2, 7, 7], 0.37);
    draft.waves("b", &[6], 0.9);
    draft.node("planes = Conv x w b", window(7, 4, 3));
    draft.waves("core", &[1, 6, 5, 5], 0.77);
    draft.waves("rows", &[12, 5], 0.31);
    draft.waves("columns", &[5, 20], 0.41);
    draft.node("right = MatMul core columns", vec![]);
    draft.node("position = MatMul rows right", vec![]);
    draft.node("map = Add planes position", vec![]);
    draft.waves("edge_w", &[3, 6, 3, 3], 0.53);
    draft.waves("edge_b", &[3], 0.7);
    draft.node("edge = Conv map edge_w edge_b", window(3, 1, 1));
    draft.node("edges = Gelu edge", vec![]);
    draft.transpose("moved", "map", &[0, 2, 3, 1]);
    draft.reshape("tokens", "moved", &[240, 6]);
    draft.magnitude("fine", "edges", 240);
    let pool = [("kernel_shape", [2, 2]), ("strides", [2, 2])];
    let pool = pool.map(|(name, values)| integers(name, &values)).to_vec();
    draft.node("pooled = MaxPool edges", pool);
    draft.magnitude("coarse", "pooled", 60);
    draft.output("coarse");
    draft.waves("factors", &[1, 6], 0.6);
    draft.node("product = Mul fine factors", vec![]);
    draft.node("more = Add tokens product", vec![]);
    draft.waves("layer_w", &[6, 6], 0.47);
    draft.waves("layer_b", &[6], 0.8);
    draft.node("layer_p = MatMul tokens layer_w", vec![]);
    draft.node("layer = Add layer_p layer_b", vec![]);
    draft.node("y = Add more layer", vec![]);
    draft
}

#[test]
fn the_start_of_an_encoder() {
    let graph = start().0;
    let fused = fused(&graph);
    let ours: Vec<&str> =
        operations(&fused).into_iter().filter(|name| name.starts_with("uniultra")).collect();
    let expected = [PATCHES, EDGE_MAP, MAGNITUDE, POOL_MAP, MAGNITUDE, Linear::REAL];
    assert_eq!(ours, expected);
    let rest = ["Add", "Conv", "Gelu", "MaxPool", "Mul", "Sqrt", "ReduceSum", "Transpose"];
    assert!(operations(&fused).iter().all(|name| !rest.contains(name)), "{fused:?}");
    assert_same(&graph, &numbers(&[1, 2, 48, 80]));
}

#[test]
fn a_start_that_is_not_as_expected_stays() {
    let changes: [fn(&mut Draft); 6] = [
        // Something else reads the map.
        |draft| draft.output("map"),
        |draft| {
            draft.node("other = Sqrt map", vec![]);
            draft.output("other");
        },
        // Dilations.
        |draft| draft.0.node[0].attribute.push(integers("dilations", &[1, 1])),
        // Padding on one side alone.
        |draft| draft.0.node[0].attribute[2] = integers("pads", &[2, 2, 4, 4]),
        // The position follows from the image.
        |draft| {
            let position = draft.0.node.iter_mut().find(|node| node.output[0] == "map").unwrap();
            position.input = vec!["planes".to_string(), "planes".to_string()];
        },
        // Another order of channels.
        |draft| {
            let moved = draft.0.node.iter_mut().find(|node| node.output[0] == "moved").unwrap();
            moved.attribute = vec![integers("perm", &[0, 3, 2, 1])];
        },
    ];
    for (index, change) in changes.into_iter().enumerate() {
        let mut draft = start();
        change(&mut draft);
        let fused = fused(&draft.0);
        assert!(!operations(&fused).contains(&PATCHES), "{index}");
        assert_same(&draft.0, &numbers(&[1, 2, 48, 80]));
    }
    // A magnitude with a third reader of the responses, a pooling of other steps.
    let mut draft = start();
    draft.output("fine_d");
    let pool = draft.0.node.iter_mut().find(|node| node.op_type == "MaxPool").unwrap();
    pool.attribute.push(integers("pads", &[0, 0, 0, 0]));
    let fused = fused(&draft.0);
    let found = operations(&fused);
    assert!(found.contains(&EDGE_MAP));
    assert!(!found.contains(&MAGNITUDE) && !found.contains(&POOL_MAP));
    assert_same(&draft.0, &numbers(&[1, 2, 48, 80]));
}

#[test]
fn an_image_of_another_size_is_refused() {
    let mut draft = start();
    assert!(plan(&fused(&draft.0)).is_ok());
    draft.0.input = vec![info("x", &[Some(1), Some(2), Some(48), Some(84)])];
    assert!(plan(&fused(&draft.0)).is_err());
}

/// Products to planes of 8 x 12, and of half that, doubled and added.
fn neck() -> Draft {
    let mut draft = Draft::new(&[Some(96), Some(5)]);
    for (name, dims) in [("w", [7, 5]), ("b", [7, 1]), ("half_w", [7, 20]), ("half_b", [7, 1])] {
        draft.waves(name, &dims, 0.3);
    }
    draft.transpose("columns", "x", &[1, 0]);
    draft.node("product = MatMul w columns", vec![]);
    draft.node("sum = Add product b", vec![]);
    draft.reshape("fine", "sum", &[1, 7, 8, 12]);
    draft.reshape("half_x", "x", &[24, 20]);
    draft.transpose("half_columns", "half_x", &[1, 0]);
    draft.node("half_product = MatMul half_w half_columns", vec![]);
    draft.node("half_sum = Add half_b half_product", vec![]);
    draft.reshape("coarse", "half_sum", &[1, 7, 4, 6]);
    draft.reshape("fine_split", "fine", &[7, 4, 2, 6, 2]);
    draft.reshape("coarse_split", "coarse", &[7, 4, 1, 6, 1]);
    draft.node("doubled = Add coarse_split fine_split", vec![]);
    draft.reshape("y", "doubled", &[1, 7, 8, 12]);
    draft
}

#[test]
fn products_to_planes() {
    let draft = neck();
    let fused_graph = fused(&draft.0);
    let planes = PLANES;
    assert_eq!(operations(&fused_graph), ["Reshape", planes, planes]);
    assert_same(&draft.0, &numbers(&[96, 5]));

    // Planes that are also an output stay, and a bias of another form does.
    let mut draft = neck();
    draft.output("fine");
    assert!(operations(&fused(&draft.0)).contains(&"Add"));
    assert_same(&draft.0, &numbers(&[96, 5]));
    let mut draft = neck();
    let bias = draft.0.initializer.iter_mut().find(|tensor| tensor.name == "b").unwrap();
    bias.dims = vec![1, 7, 1];
    assert_eq!(operations(&fused(&draft.0)).iter().filter(|name| **name == planes).count(), 1);
    assert_same(&draft.0, &numbers(&[96, 5]));
}

#[test]
fn products_to_planes_of_another_size_are_refused() {
    let mut draft = neck();
    assert!(plan(&fused(&draft.0)).is_ok());
    draft.0.input = vec![info("x", &[Some(192), Some(5)])];
    assert!(plan(&fused(&draft.0)).is_err());
}

/// Planes `[1, 6, 8, 16]` to blocks and back, times factors that follow from the input.
fn blocks(perm: &[i64]) -> Draft {
    let mut draft = Draft::new(&[Some(1), Some(6), Some(8), Some(16)]);
    draft.reshape("split", "x", &[6, 2, 2, 2, 4, 2, 2]);
    draft.transpose("moved", "split", perm);
    draft.reshape("quarters", "moved", &[32, 24]);
    draft.node("root = Abs quarters", vec![]);
    draft.reshape("pixels", "root", &[128, 6]);
    draft.slice("few", "pixels", [0, 3, 6]);
    draft.transpose("columns", "pixels", &[1, 0]);
    draft.node("product = MatMul few columns", vec![]);
    draft.reshape("cells", "product", &[3, 2, 4, 2, 2, 2, 2]);
    draft.transpose("placed", "cells", &[0, 1, 3, 5, 2, 4, 6]);
    draft.reshape("y", "placed", &[1, 3, 8, 16]);
    draft
}

#[test]
fn blocks_of_pixels_and_back() {
    let draft = blocks(&[1, 4, 2, 5, 3, 6, 0]);
    let fused_graph = fused(&draft.0);
    let found = operations(&fused_graph);
    assert_eq!(found, [TOKENS, "Abs", "Reshape", "Slice", PLANES]);
    assert_same(&draft.0, &numbers(&[1, 6, 8, 16]));
    // The halves of rows and columns change places.
    let draft = blocks(&[1, 4, 3, 6, 2, 5, 0]);
    assert!(operations(&fused(&draft.0)).contains(&"Transpose"));
    assert_same(&draft.0, &numbers(&[1, 6, 8, 16]));
}

#[test]
fn planes_to_rows_of_channels() {
    let mut draft = Draft::new(&[Some(1), Some(6), Some(3), Some(5)]);
    draft.reshape("flat", "x", &[6, -1]);
    draft.transpose("y", "flat", &[1, 0]);
    assert_eq!(operations(&fused(&draft.0)), [TOKENS]);
    assert_same(&draft.0, &numbers(&[1, 6, 3, 5]));
    let mut other = draft;
    other.0.input = vec![info("x", &[Some(2), Some(3), Some(3), Some(5)])];
    assert_eq!(operations(&fused(&other.0)), ["Reshape", "Transpose"]);
}

#[test]
fn poolings_of_tokens() {
    for width in [7, 40] {
        let mut draft = Draft::new(&[Some(48), Some(width)]);
        draft.reshape("map", "x", &[6, 8, width]);
        draft.slice("part", "map", [2, 2, 7]);
        draft.pool("y", "part", [6, 8, 5]);
        draft.pool("z", "map", [6, 8, width]);
        draft.output("z");
        let name = POOL_TOKENS;
        assert_eq!(operations(&fused(&draft.0)), ["Reshape", name, name]);
        assert_same(&draft.0, &numbers(&[48, width as usize]));
    }
    // Maxima of other pairs.
    let mut draft = Draft::new(&[Some(48), Some(4)]);
    draft.reshape("map", "x", &[6, 8, 4]);
    draft.pool("y", "map", [6, 8, 4]);
    let start = draft.0.initializer.iter_mut().find(|tensor| tensor.name == "y_ra_from").unwrap();
    start.raw_data = (-2_i64).to_le_bytes().to_vec();
    assert!(!operations(&fused(&draft.0)).contains(&POOL_TOKENS));
}

/// A layer's 5 x 6 map, padded to 8 x 10 by `vectors`, to its right and below.
fn padded(vectors: [&str; 2]) -> Draft {
    let mut draft = Draft::new(&[Some(30), Some(3)]);
    draft.waves("w", &[3, 7], 0.6);
    draft.waves("b", &[7], 0.8);
    draft.node("p = MatMul x w", vec![]);
    draft.node("s = Add p b", vec![]);
    draft.reshape("map", "s", &[5, 6, 7]);
    draft.waves("first", &[1, 1, 7], 0.9);
    draft.waves("second", &[1, 1, 7], 0.4);
    draft.integers("right_shape", &[5, 4, 7]);
    draft.integers("below_shape", &[3, 10, 7]);
    let [right, below] = vectors;
    draft.node(&format!("right = Expand {right} right_shape"), vec![]);
    draft.node(&format!("below = Expand {below} below_shape"), vec![]);
    draft.node("wide = Concat map right", vec![integer("axis", 1)]);
    draft.node("y = Concat wide below", vec![integer("axis", 0)]);
    draft
}

#[test]
fn maps_are_padded_by_their_layer() {
    let mut draft = padded(["first", "first"]);
    draft.slice("part", "y", [2, 1, 6]);
    draft.pool("pooled", "part", [8, 10, 5]);
    draft.output("pooled");
    let graph = fused(&draft.0);
    assert_eq!(operations(&graph), [Linear::REAL, POOL_TOKENS]);
    assert_same(&draft.0, &numbers(&[30, 3]));
    draft.0.input = vec![info("x", &[Some(60), Some(3)])];
    assert!(plan(&fused(&draft.0)).is_err());

    let draft = padded(["first", "second"]);
    assert!(operations(&fused(&draft.0)).contains(&"Concat"));
    assert_same(&draft.0, &numbers(&[30, 3]));
}

#[test]
fn padding_does_not_hide_a_map_that_others_read() {
    let mut draft = padded(["second", "second"]);
    draft.output("map");
    assert!(operations(&fused(&draft.0)).contains(&"Concat"));
    assert_same(&draft.0, &numbers(&[30, 3]));
}

#[test]
fn nothing_but_ours_is_left_of_shipped_encoders() {
    // The position map is computed of constants; outputs have names of their own.
    let known = ["MatMul", "Identity", "Reshape", "Slice"];
    for pack in ["uniultra-mini", "uniultra-mini-int8"] {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../models");
        let bytes = std::fs::read(format!("{folder}/{pack}/image_encoder.onnx")).unwrap();
        let proto = <ModelProto as prost::Message>::decode(&bytes[..]).unwrap();
        let mut graph = proto.graph.unwrap();
        crate::widen::widen_weights(&mut graph, uniultra_manifest::WeightFormat::F16).unwrap();
        let graph = fused(&graph);
        let rest = operations(&graph)
            .into_iter()
            .filter(|name| !name.starts_with("uniultra.") && !known.contains(name));
        assert_eq!(rest.collect::<Vec<_>>(), [""; 0], "{pack}");
        let count = |name: &str| operations(&graph).iter().filter(|op| **op == name).count();
        assert_eq!([count("MatMul"), count("Slice")], [2, 1], "{pack}");
    }
}
