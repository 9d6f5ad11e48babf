//! Appends the parameters of common layers to a list.

use super::{Component, Parameter, ParameterKind};

/// A growing list. The component and the kind apply to all parameters added after they are set.
#[derive(Debug)]
pub(super) struct List {
    parameters: Vec<Parameter>,
    pub(super) component: Component,
    pub(super) kind: ParameterKind,
}

impl Default for List {
    fn default() -> Self {
        Self { parameters: Vec::new(), component: Component::Trunk, kind: ParameterKind::Trainable }
    }
}

impl List {
    pub(super) fn into_parameters(self) -> Vec<Parameter> {
        self.parameters
    }

    pub(super) fn add(&mut self, name: impl Into<String>, shape: &[usize]) {
        self.parameters.push(Parameter {
            name: name.into(),
            shape: shape.to_vec(),
            component: self.component,
            kind: self.kind,
        });
    }

    /// `weight` of a shape and `bias` of its `outputs`.
    fn affine(&mut self, name: &str, shape: &[usize], outputs: usize) {
        self.add(format!("{name}.weight"), shape);
        self.add(format!("{name}.bias"), &[outputs]);
    }

    /// Fully connected: weight `[out, in]`.
    pub(super) fn linear(&mut self, name: &str, inputs: usize, outputs: usize) {
        self.affine(name, &[outputs, inputs], outputs);
    }

    /// Convolution with a square kernel: weight `[out, in, side, side]`.
    pub(super) fn conv(&mut self, name: &str, inputs: usize, outputs: usize, side: usize) {
        self.affine(name, &[outputs, inputs, side, side], outputs);
    }

    /// Transposed convolution with a square kernel: weight `[in, out, side, side]`.
    pub(super) fn conv_transpose(
        &mut self,
        name: &str,
        inputs: usize,
        outputs: usize,
        side: usize,
    ) {
        self.affine(name, &[inputs, outputs, side, side], outputs);
    }

    /// Layer normalisation over `width` channels.
    pub(super) fn norm(&mut self, name: &str, width: usize) {
        self.affine(name, &[width], width);
    }

    /// Lookup table of `rows` vectors.
    pub(super) fn embedding(&mut self, name: &str, rows: usize, width: usize) {
        self.add(format!("{name}.weight"), &[rows, width]);
    }

    /// Fully connected layers `layers.0`, `layers.1`, ... between consecutive widths.
    pub(super) fn mlp(&mut self, name: &str, widths: &[usize]) {
        for (place, pair) in widths.windows(2).enumerate() {
            if let &[inputs, outputs] = pair {
                self.linear(&format!("{name}.layers.{place}"), inputs, outputs);
            }
        }
    }

    /// Attention with separate projections. Outside, queries and output have `width` channels, keys
    /// and values `memory`; inside, all have `inner`.
    pub(super) fn attention(&mut self, name: &str, width: usize, memory: usize, inner: usize) {
        self.linear(&format!("{name}.q_proj"), width, inner);
        self.linear(&format!("{name}.k_proj"), memory, inner);
        self.linear(&format!("{name}.v_proj"), memory, inner);
        self.linear(&format!("{name}.out_proj"), inner, width);
    }
}
