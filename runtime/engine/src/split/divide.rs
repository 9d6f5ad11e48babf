//! Divides the mask decoder's graph: what follows from the image alone, and the rest.
//!
//! What the decoder computes from the image (positions added, the first layer's keys, values and
//! queries, the high-resolution features as the upscaling reads them; MODEL.md 7.5) is the same for
//! every click on a frame. A mask prompt changes some of it, but nothing after it, so the division
//! gives three graphs: the image's part without a mask prompt, what a mask prompt changes of its
//! outputs, and the click's part, which starts from these.

use std::collections::{HashMap, HashSet};
use tract_onnx::pb::{GraphProto, ModelProto, NodeProto, TensorProto, ValueInfoProto};

/// Inputs of the decoder that say where the click is.
const POINTS: [&str; 2] = ["point_coords", "point_labels"];
/// Inputs of the decoder that carry a mask prompt.
const MASK_INPUT: &str = "mask_input";
const HAS_MASK_INPUT: &str = "has_mask_input";
/// Inputs of the `Where` between them: the mask prompt's, and what stands for none.
const MASK: usize = 1;
const NO_MASK: usize = 2;

/// The three graphs.
pub(super) struct Divided {
    /// From the encoder's outputs, with no mask prompt.
    pub(super) image: ModelProto,
    /// From the encoder's outputs and `mask_input`: the first of these outputs, which it changes.
    pub(super) masked: ModelProto,
    /// From what the image's part gives and the points to the decoder's outputs. The types of the
    /// former are missing.
    pub(super) click: ModelProto,
}

/// What a value depends on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Source {
    Constant,
    Image,
    /// The image and the mask prompt.
    Mask,
    Click,
}

/// Divides a vetted decoder, whose inputs `constants` are the same for all frames and come last in
/// every part. One that is not made as expected comes back whole.
pub(super) fn divide(
    mut model: ModelProto,
    constants: &[String],
) -> Result<Divided, Box<ModelProto>> {
    let border = model.graph.as_ref().and_then(|graph| border(graph, constants));
    let Some((choice, shared)) = border else {
        return Err(Box::new(model));
    };
    let Some(mut graph) = model.graph.take() else { return Err(Box::new(model)) };
    let by_mask = &shared[0].clone();
    let shared = &shared.concat();
    let image = |kept: usize, results: &[String], left_out: &[&str]| {
        let mut nodes = graph.node.clone();
        // The chosen branch takes the place of the choice.
        nodes[choice].op_type = "Identity".to_string();
        nodes[choice].input = vec![nodes[choice].input[kept].clone()];
        let inputs = graph.input.iter();
        let inputs = inputs.filter(|input| !left_out.contains(&input.name.as_str()));
        let (nodes, read) = needed(nodes, results);
        GraphProto {
            node: nodes,
            name: graph.name.clone(),
            input: inputs.cloned().collect(),
            output: results.iter().map(|name| named(name)).collect(),
            // Few and small beside the rest, so that copies do no harm.
            initializer: graph
                .initializer
                .iter()
                .filter(|t| read.contains(&t.name))
                .cloned()
                .collect(),
            ..GraphProto::default()
        }
    };
    let with_mask: Vec<&str> = POINTS.into_iter().chain([HAS_MASK_INPUT]).collect();
    let without: Vec<&str> = with_mask.iter().copied().chain([MASK_INPUT]).collect();
    let (image, masked) = (image(NO_MASK, shared, &without), image(MASK, by_mask, &with_mask));

    let shared_names: HashSet<&str> = shared.iter().map(String::as_str).collect();
    let nodes = std::mem::take(&mut graph.node).into_iter();
    // What gives a shared value is not needed here, nor is what only that needs.
    let nodes = nodes.filter(|n| n.output.iter().all(|o| !shared_names.contains(o.as_str())));
    let results: Vec<String> = graph.output.iter().map(|output| output.name.clone()).collect();
    let (nodes, read) = needed(nodes.collect(), &results);
    graph.node = nodes;
    graph.initializer.retain(|tensor| read.contains(&tensor.name));
    let kept = |name: &String| POINTS.contains(&name.as_str()) || constants.contains(name);
    graph.input.retain(|input| kept(&input.name));
    graph.input.splice(0..0, shared.iter().map(|name| named(name)));
    let whole = |graph| ModelProto {
        ir_version: model.ir_version,
        opset_import: model.opset_import.clone(),
        graph: Some(graph),
        ..ModelProto::default()
    };
    Ok(Divided { image: whole(image), masked: whole(masked), click: whole(graph) })
}

/// The node that chooses between mask prompt and none, and the values that pass from the image's
/// part to the click's.
fn border(graph: &GraphProto, constants: &[String]) -> Option<(usize, [Vec<String>; 2])> {
    let choice = mask_choice(graph)?;
    let sources = sources(graph, constants);
    let source = |value: &str| sources.get(value).copied().unwrap_or(Source::Constant);
    // Those that a mask prompt changes come first.
    let mut shared: [Vec<String>; 2] = Default::default();
    let of_click = |node: &&NodeProto| node.output.iter().any(|o| source(o) == Source::Click);
    for node in graph.node.iter().filter(of_click) {
        for input in &node.input {
            let group = match source(input) {
                Source::Mask => &mut shared[0],
                Source::Image => &mut shared[1],
                Source::Constant | Source::Click => continue,
            };
            if !group.contains(input) {
                group.push(input.clone());
            }
        }
    }
    // An input of the graph, or an output made by the image alone, would need a node of its own.
    let inner = |value: &String| graph.input.iter().all(|input| input.name != *value);
    let from_click = graph.output.iter().all(|output| source(&output.name) == Source::Click);
    let found = shared.iter().all(|group| !group.is_empty() && group.iter().all(inner));
    (found && from_click).then_some((choice, shared))
}

/// The one `Where` that takes the mask prompt or its replacement, by `has_mask_input > threshold`
/// with a threshold in 0..1.
fn mask_choice(graph: &GraphProto) -> Option<usize> {
    let readers = |value: &str| {
        let reads = |node: &&NodeProto| node.input.iter().any(|input| input == value);
        graph.node.iter().filter(reads).collect::<Vec<_>>()
    };
    let [greater] = readers(HAS_MASK_INPUT)[..] else { return None };
    let ([_, threshold], [condition]) = (&greater.input[..], &greater.output[..]) else {
        return None;
    };
    let threshold = graph.initializer.iter().find(|tensor| tensor.name == *threshold)?;
    let in_range = (0.0..1.0).contains(&scalar(threshold)?);
    let [_] = readers(condition)[..] else { return None };
    let choice = graph.node.iter().position(|node| {
        node.op_type == "Where" && node.input.len() == 3 && node.input[0] == *condition
    })?;
    (greater.op_type == "Greater" && greater.input[0] == HAS_MASK_INPUT && in_range)
        .then_some(choice)
}

fn scalar(tensor: &TensorProto) -> Option<f32> {
    match (tensor.float_data.as_slice(), tensor.raw_data.as_slice()) {
        ([value], []) => Some(*value),
        ([], raw) => Some(f32::from_le_bytes(raw.try_into().ok()?)),
        _ => None,
    }
}

/// What each input and computed value depends on; the inputs `constants` on nothing. Nodes come
/// after what they read.
pub(super) fn sources<'g>(graph: &'g GraphProto, constants: &[String]) -> HashMap<&'g str, Source> {
    let mut sources = HashMap::new();
    for input in &graph.input {
        let source = match input.name.as_str() {
            name if POINTS.contains(&name) => Source::Click,
            MASK_INPUT | HAS_MASK_INPUT => Source::Mask,
            _ if constants.contains(&input.name) => Source::Constant,
            _ => Source::Image,
        };
        sources.insert(input.name.as_str(), source);
    }
    for node in &graph.node {
        let inputs = node.input.iter().filter_map(|input| sources.get(input.as_str()).copied());
        let source = inputs.max().unwrap_or(Source::Constant);
        for output in &node.output {
            sources.insert(output.as_str(), source);
        }
    }
    sources
}

pub(super) fn named(name: &str) -> ValueInfoProto {
    ValueInfoProto { name: name.to_string(), ..ValueInfoProto::default() }
}

/// The nodes that `results` need, and all names that these read.
pub(super) fn needed(
    nodes: Vec<NodeProto>,
    results: &[String],
) -> (Vec<NodeProto>, HashSet<String>) {
    let mut read: HashSet<String> = results.iter().cloned().collect();
    let mut kept = Vec::with_capacity(nodes.len());
    for node in nodes.into_iter().rev() {
        if node.output.iter().any(|output| read.contains(output)) {
            read.extend(node.input.iter().cloned());
            kept.push(node);
        }
    }
    kept.reverse();
    (kept, read)
}
