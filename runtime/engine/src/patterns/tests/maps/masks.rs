//! Masks that are made with the layer before them.

use super::*;

/// Rows of four pixels of 6 channels, a layer that gives each 5, and masks of them.
fn draft(residual: bool) -> Draft {
    let mut draft = Draft::new(&[Some(1), Some(6), Some(8), Some(16)]);
    draft.reshape("split", "x", &[6, 2, 2, 2, 4, 2, 2]);
    draft.transpose("moved", "split", &[1, 4, 2, 5, 3, 6, 0]);
    draft.reshape("quarters", "moved", &[32, 24]);
    draft.waves("w", &[24, 20], 0.7);
    draft.waves("b", &[20], 1.3);
    draft.waves("few", &[3, 5], 0.9);
    draft.node("product = MatMul quarters w", vec![]);
    draft.node("sum = Add product b", vec![]);
    if residual {
        draft.slice("part", "quarters", [1, 0, 20]);
        draft.node("more = Add sum part", vec![]);
    }
    draft.node(&format!("layer = Gelu {}", if residual { "more" } else { "sum" }), vec![]);
    draft.reshape("pixels", "layer", &[128, 5]);
    draft.transpose("columns", "pixels", &[1, 0]);
    draft.node("masks = MatMul few columns", vec![]);
    draft.reshape("cells", "masks", &[3, 2, 4, 2, 2, 2, 2]);
    draft.transpose("placed", "cells", &[0, 1, 3, 5, 2, 4, 6]);
    draft.reshape("y", "placed", &[1, 3, 8, 16]);
    draft
}

#[test]
fn masks_are_made_with_their_layer() {
    let x = numbers(&[1, 6, 8, 16]);
    for residual in [false, true] {
        let graph = draft(residual).0;
        let found = fused(&graph);
        assert_eq!(operations(&found).last(), Some(&MASKS));
        assert!(!operations(&found).contains(&Linear::REAL));
        assert_same(&graph, &x);
    }
}

#[test]
fn a_layer_that_others_read_is_computed_by_itself() {
    let mut draft = draft(false);
    draft.output("layer");
    assert!(operations(&fused(&draft.0)).contains(&PLANES));
    assert_same(&draft.0, &numbers(&[1, 6, 8, 16]));
}

#[test]
fn a_layer_of_another_number_of_rows_is_refused() {
    let mut draft = draft(false);
    draft.0.input = vec![info("x", &[Some(1), Some(6), Some(8), Some(32)])];
    assert!(plan(&fused(&draft.0)).is_err());
}
