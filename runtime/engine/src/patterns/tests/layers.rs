//! What is added to layers, and functions.

use super::*;

/// A layer of `x [rows, 6]` to 8 outputs and a residual `[rows, 8]`, by name.
fn layer(draft: &mut Draft, residual: &str) {
    let ramp = |n: usize| (0..n).map(|i| (i as f32 * 0.7).sin()).collect::<Vec<f32>>();
    draft.floats("w", &[6, 8], &ramp(48));
    draft.floats("b", &[8], &ramp(8));
    draft.node("p = MatMul x w", vec![]);
    draft.node("s = Add p b", vec![]);
    draft.node(&format!("sum = Add {residual} s"), vec![]);
}

/// `wide = ` the input's columns, some twice.
fn wide(draft: &mut Draft) {
    draft.constant("start", &[1], DataType::Int64, 0_i64.to_le_bytes().to_vec());
    draft.constant("end", &[1], DataType::Int64, 2_i64.to_le_bytes().to_vec());
    draft.constant("axis", &[1], DataType::Int64, 1_i64.to_le_bytes().to_vec());
    draft.node("two = Slice x start end axis", vec![]);
    let axis = AttributeProto { name: "axis".to_string(), i: 1, r#type: 2, ..Default::default() };
    draft.node("wide = Concat x two", vec![axis]);
}

#[test]
fn residuals_and_functions_are_part_of_layers() {
    for function in ["Relu", "Gelu"] {
        let mut draft = Draft::new(&[None, Some(6)]);
        wide(&mut draft);
        layer(&mut draft, "wide");
        draft.node(&format!("y = {function} sum"), vec![]);
        let fused = fused(&draft.0);
        assert_eq!(operations(&fused), ["Slice", "Concat", Linear::REAL]);
        for rows in [1, 5, 200] {
            let x = numbers(&[rows, 6]);
            assert_close(&run(&fused, &x), &run(&draft.0, &x));
        }
    }
}

#[test]
fn int8_layers_with_residuals_keep_their_bits() {
    let mut draft = Draft::new(&[None, Some(6)]);
    wide(&mut draft);
    draft.quantize("q", "x", STEP);
    draft.layer("a", "q", [6, 8]);
    draft.node("sum = Add a wide", vec![]);
    draft.quantize("sq", "sum", STEP);
    draft.layer("y", "sq", [8, 5]);
    let fused = fused(&draft.0);
    let layer = Linear::INTEGER;
    assert_eq!(operations(&fused), ["Slice", "Concat", layer, layer]);
    for rows in [1, 7, 200] {
        let x = numbers(&[rows, 6]);
        assert_bits(&run(&fused, &x), &run(&draft.0, &x));
    }
}

#[test]
fn a_sum_that_others_read_is_added_by_itself() {
    let mut draft = Draft::new(&[Some(9), Some(6)]);
    wide(&mut draft);
    layer(&mut draft, "wide");
    draft.node("y = Sqrt sum", vec![]);
    draft.0.output.push(ValueInfoProto { name: "s".to_string(), ..ValueInfoProto::default() });
    assert_eq!(operations(&fused(&draft.0)), ["Slice", "Concat", Linear::REAL, "Add", "Sqrt"]);
}

#[test]
fn residuals_that_are_repeated() {
    // One value a row, one row, a map of rows: the sum broadcasts either side.
    for (shape, input) in [(&[9, 1][..], 9), (&[1, 9], 9), (&[9, 1, 1], 9), (&[3, 3, 1], 3)] {
        let mut draft = Draft::new(&[Some(input), Some(6)]);
        draft.constant("axes", &[1], DataType::Int64, 1_i64.to_le_bytes().to_vec());
        draft.node("r = ReduceSum x axes", vec![]);
        if input == 9 {
            draft.reshape("residual", "r", shape);
        } else {
            draft.transpose("rt", "r", &[1, 0]);
            draft.node("rr = MatMul r rt", vec![]);
            draft.reshape("residual", "rr", shape);
        }
        if shape == [1, 9] {
            // Of another width than the layer: a layer of 9 outputs.
            draft.floats("w", &[6, 9], &[0.25; 54]);
            draft.floats("b", &[9], &[0.5; 9]);
            draft.node("p = MatMul x w", vec![]);
            draft.node("s = Add p b", vec![]);
            draft.node("y = Add residual s", vec![]);
        } else {
            layer(&mut draft, "residual");
            draft.node("y = Relu sum", vec![]);
        }
        let fused = fused(&draft.0);
        assert!(operations(&fused).contains(&Linear::REAL));
        assert!(!operations(&fused).contains(&"Add"));
        let x = numbers(&[input as usize, 6]);
        assert_close(&run(&fused, &x), &run(&draft.0, &x));
    }
}

#[test]
fn a_layer_of_one_output_is_repeated_by_the_sum() {
    let mut draft = Draft::new(&[Some(9), Some(6)]);
    draft.floats("w", &[6, 1], &[0.25; 6]);
    draft.floats("b", &[1], &[0.5]);
    draft.node("p = MatMul x w", vec![]);
    draft.node("s = Add p b", vec![]);
    draft.node("y = Add x s", vec![]);
    let fused = fused(&draft.0);
    assert_eq!(operations(&fused), [Linear::REAL, "Add"]);
    let x = numbers(&[9, 6]);
    assert_close(&run(&fused, &x), &run(&draft.0, &x));
}

#[test]
fn gelu_of_norms_and_alone() {
    let mut draft = Draft::new(&[None, Some(24)]);
    draft.floats("gain", &[24], &[1.5; 24]);
    draft.floats("shift", &[24], &[0.25; 24]);
    draft.node("n = LayerNormalization x gain shift", vec![]);
    draft.node("g = Gelu n", vec![]);
    draft.node("sum = Add g g", vec![]);
    draft.node("y = Gelu sum", vec![]);
    let fused = fused(&draft.0);
    assert_eq!(operations(&fused), [NORM, "Add", GELU]);
    for rows in [1, 300] {
        let x = numbers(&[rows, 24]);
        assert_close(&run(&fused, &x), &run(&draft.0, &x));
    }
    let approximate = AttributeProto {
        name: "approximate".to_string(),
        s: b"tanh".to_vec(),
        r#type: 3,
        ..AttributeProto::default()
    };
    draft.0.node[1].attribute.push(approximate);
    draft.0.node[3].op_type = "Relu".to_string();
    let fused = super::fused(&draft.0);
    assert_eq!(operations(&fused), [NORM, "Gelu", "Add", "Relu"]);
}
