//! The language of patterns, and the search for them.
//!
//! A pattern is a list of steps. A step names the values of a node (`sum = Add(product, bias)`) and lists
//! further conditions on it. The search begins with one named value, and each step names more values:
//!
//! - A step whose result has a name goes *up*: to the node that gives this value.
//! - A step that has a name for an input only goes *down*: to the node that reads this value. It must be
//!   the only reader, because the fused operation does not give the value to anybody else.
//!
//! A name stands for the same value wherever it occurs; `_` stands for any value. Sizes have names, too:
//! `"ny*wy nx*wx d"` is a shape of three sizes, of which the first two are products. A product may come
//! before its factors: products are compared when the last step is done.

use super::graph::{Graph, attribute};
use tract_onnx::pb::{NodeProto, tensor_proto::DataType};

/// Most inputs that a step names, and most checks of it.
const MOST: usize = 4;

/// A step of a pattern.
#[derive(Clone, Copy)]
#[expect(
    clippy::large_enum_variant,
    reason = "steps are constants, and lists of them are borrowed"
)]
pub(super) enum Step {
    /// A node of one output; see [`node`].
    Node(Node),
    /// The value is a constant of f32 of this shape.
    Floats(&'static str, &'static str),
    /// The value is a constant of int8 of this shape.
    Int8(&'static str, &'static str),
    /// The value is an input of the graph, of this shape.
    Input(&'static str, &'static str),
    /// The value is not a constant of f32.
    Computed(&'static str),
    /// The value is read so many times; a graph's output is read once more.
    Reads(&'static str, usize),
    /// Each of these sizes is positive and below the limit, so that no product of them overflows.
    Below(i64, &'static str),
}

/// What is asked of a node.
#[derive(Clone, Copy)]
pub(super) struct Node {
    gives: &'static str,
    op_type: &'static str,
    takes: [Option<&'static str>; MOST],
    either_order: bool,
    checks: [Option<Check>; MOST],
}

/// What is asked of a node beside its values.
#[derive(Clone, Copy)]
pub(super) enum Check {
    /// The attribute, or this default of ONNX's, is one of these integers.
    Integer(&'static str, i64, &'static [i64]),
    /// The attribute is a list of these sizes.
    Integers(&'static str, &'static str),
    /// The input at this place is a constant list of these sizes.
    List(usize, &'static str),
    /// The node has no attributes but these.
    NoOthers(&'static [&'static str]),
    /// The attribute, or this default of ONNX's, gets this name.
    Float(&'static str, f32),
    /// It quantizes to int8 with the zero point 0 and one scale, which gets this name.
    Int8Scale(&'static str),
    /// GELU by erf, not by tanh, which gives other values.
    ExactGelu,
}

/// `gives = op_type(takes)`.
pub(super) const fn node(
    gives: &'static str,
    op_type: &'static str,
    takes: &[&'static str],
    checks: &[Check],
) -> Step {
    let mut step =
        Node { gives, op_type, takes: [None; MOST], either_order: false, checks: [None; MOST] };
    let mut i = 0;
    while i < takes.len() {
        step.takes[i] = Some(takes[i]);
        i += 1;
    }
    let mut i = 0;
    while i < checks.len() {
        step.checks[i] = Some(checks[i]);
        i += 1;
    }
    Step::Node(step)
}

/// `gives = op_type(a, b)` or `gives = op_type(b, a)`.
pub(super) const fn either(
    gives: &'static str,
    op_type: &'static str,
    takes: [&'static str; 2],
) -> Step {
    match node(gives, op_type, &takes, &[]) {
        Step::Node(node) => Step::Node(Node { either_order: true, ..node }),
        other => other,
    }
}

/// `gives = Reshape(from)` to these sizes.
pub(super) const fn reshape(gives: &'static str, from: &'static str, to: &'static str) -> Step {
    node(gives, "Reshape", &[from, "_"], &[Check::List(1, to)])
}

/// `gives = Transpose(from)`, which puts these axes in a row.
pub(super) const fn transpose(gives: &'static str, from: &'static str, axes: &'static str) -> Step {
    node(gives, "Transpose", &[from], &[Check::Integers("perm", axes)])
}

/// `gives = Slice(from)` on this axis, from a start to an end, by steps of 1.
pub(super) const fn slice(
    gives: &'static str,
    from: &'static str,
    axis: &'static str,
    [start, end]: [&'static str; 2],
) -> Step {
    let checks = [Check::List(1, start), Check::List(2, end), Check::List(3, axis)];
    node(gives, "Slice", &[from, "_", "_", "_"], &checks)
}

/// What was found so far: values, sizes and numbers by name.
#[derive(Clone)]
pub(super) struct Match<'g> {
    graph: &'g Graph,
    values: Vec<(&'static str, &'g str)>,
    sizes: Vec<(&'static str, i64)>,
    floats: Vec<(&'static str, f32)>,
    /// Products that wait for their factors, and what they must be.
    products: Vec<(&'static str, i64)>,
}

impl<'g> Match<'g> {
    /// A value with a name, to begin with.
    pub(super) fn new(graph: &'g Graph, name: &'static str, value: &'g str) -> Self {
        let (sizes, floats, products) = (Vec::new(), Vec::new(), Vec::new());
        Self { graph, values: vec![(name, value)], sizes, floats, products }
    }

    /// The same and one size more.
    pub(super) fn with_size(mut self, name: &'static str, size: i64) -> Self {
        self.sizes.push((name, size));
        self
    }

    /// This and what the steps find, if each finds something.
    pub(super) fn and(&self, steps: &[Step]) -> Option<Self> {
        self.clone().found(steps)
    }

    /// Whether a value of this name was found.
    pub(super) fn has(&self, name: &str) -> bool {
        self.value(name).is_some()
    }

    pub(super) fn value(&self, name: &str) -> Option<&'g str> {
        self.values.iter().find(|(found, _)| *found == name).map(|(_, value)| *value)
    }

    pub(super) fn values<const N: usize>(&self, names: [&str; N]) -> Option<[&'g str; N]> {
        let values: Option<Vec<_>> = names.iter().map(|name| self.value(name)).collect();
        values?.try_into().ok()
    }

    pub(super) fn size(&self, name: &str) -> Option<i64> {
        self.sizes.iter().find(|(found, _)| *found == name).map(|(_, size)| *size)
    }

    /// Sizes of these names that are not negative.
    pub(super) fn sizes<const N: usize>(&self, names: [&str; N]) -> Option<[usize; N]> {
        let sizes = names.iter().map(|name| usize::try_from(self.size(name)?).ok());
        sizes.collect::<Option<Vec<_>>>()?.try_into().ok()
    }

    pub(super) fn float(&self, name: &str) -> Option<f32> {
        self.floats.iter().find(|(found, _)| *found == name).map(|(_, value)| *value)
    }

    fn found(mut self, steps: &[Step]) -> Option<Self> {
        let Some((step, rest)) = steps.split_first() else { return self.settled() };
        match step {
            Step::Node(node) if node.either_order => [false, true].into_iter().find_map(|swap| {
                let mut attempt = self.clone();
                attempt.take_node(node, swap)?;
                attempt.found(rest)
            }),
            _ => {
                self.take(step)?;
                self.found(rest)
            }
        }
    }

    fn take(&mut self, step: &Step) -> Option<()> {
        let graph = self.graph;
        match *step {
            Step::Node(node) => self.take_node(&node, false),
            Step::Floats(value, shape) => {
                let found = graph.constant_shape(self.value(value)?, DataType::Float)?;
                self.take_sizes(shape, found)
            }
            Step::Int8(value, shape) => {
                let found = graph.constant_shape(self.value(value)?, DataType::Int8)?;
                self.take_sizes(shape, found)
            }
            Step::Input(value, shape) => {
                let found = graph.input_shape(self.value(value)?)?;
                self.take_sizes(shape, &found)
            }
            Step::Computed(value) => {
                graph.constant_shape(self.value(value)?, DataType::Float).is_none().then_some(())
            }
            Step::Reads(value, times) => (graph.reads(self.value(value)?) == times).then_some(()),
            Step::Below(limit, names) => {
                let mut sizes = names.split_whitespace().map(|name| self.size(name));
                sizes.all(|size| size.is_some_and(|size| (1..limit).contains(&size))).then_some(())
            }
        }
    }

    fn take_node(&mut self, step: &Node, swap: bool) -> Option<()> {
        let takes = step.takes.iter().flatten();
        let node = match self.value(step.gives) {
            Some(value) => self.graph.producer(value, step.op_type)?,
            None => {
                let value = takes.clone().find_map(|name| self.value(name))?;
                self.graph.reader(value, step.op_type)?
            }
        };
        let [output] = node.output.as_slice() else { return None };
        self.take_value(step.gives, output)?;
        let count = takes.clone().count();
        if node.input.len() != count {
            return None;
        }
        for (index, name) in takes.enumerate() {
            let index = if swap { count - 1 - index } else { index };
            self.take_value(name, node.input.get(index)?)?;
        }
        step.checks.iter().flatten().try_for_each(|check| self.check(node, check))
    }

    fn check(&mut self, node: &'g NodeProto, check: &Check) -> Option<()> {
        let found = match *check {
            Check::Integer(name, default, allowed) => {
                allowed.contains(&attribute(node, name).map_or(default, |found| found.i))
            }
            Check::Integers(name, sizes) => {
                return self.take_sizes(sizes, &attribute(node, name)?.ints);
            }
            Check::List(index, sizes) => {
                let found = self.graph.integers(node.input.get(index)?)?;
                // In the target of a `Reshape`, zero is not a size: it copies the input's.
                if node.op_type == "Reshape" && found.contains(&0) {
                    return None;
                }
                return self.take_sizes(sizes, &found);
            }
            Check::NoOthers(names) => {
                node.attribute.iter().all(|found| names.contains(&found.name.as_str()))
            }
            Check::Float(name, default) => {
                let value = attribute(node, name).map_or(default, |found| found.f);
                self.floats.push((name, value));
                true
            }
            Check::Int8Scale(name) => {
                self.floats.push((name, self.graph.int8_scale(node)?));
                true
            }
            Check::ExactGelu => {
                attribute(node, "approximate").is_none_or(|found| found.s == b"none")
            }
        };
        found.then_some(())
    }

    fn take_value(&mut self, name: &'static str, value: &'g str) -> Option<()> {
        match self.value(name) {
            _ if name == "_" => {}
            Some(known) => return (known == value).then_some(()),
            None => self.values.push((name, value)),
        }
        Some(())
    }

    /// Gives these names to sizes, of which there are as many.
    fn take_sizes(&mut self, names: &'static str, sizes: &[i64]) -> Option<()> {
        if names.split_whitespace().count() != sizes.len() {
            return None;
        }
        names.split_whitespace().zip(sizes).try_for_each(|(name, &size)| {
            match self.size(name).or_else(|| name.parse().ok()) {
                _ if name == "_" => {}
                Some(known) => return (known == size).then_some(()),
                None if name.contains('*') => self.products.push((name, size)),
                None => self.sizes.push((name, size)),
            }
            Some(())
        })
    }

    /// This, if every product has the factors that it should.
    fn settled(mut self) -> Option<Self> {
        for (factors, product) in std::mem::take(&mut self.products) {
            let mut factors =
                factors.split('*').map(|factor| factor.parse().ok().or_else(|| self.size(factor)));
            let found = factors.try_fold(1_i64, |product, factor| product.checked_mul(factor?));
            if found != Some(product) {
                return None;
            }
        }
        Some(self)
    }
}
