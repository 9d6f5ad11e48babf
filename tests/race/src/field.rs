//! Who races: our runtime, and each peer in each precision with every form of the networks that it
//! may prefer.

use super::files::{Files, Graphs};
use std::path::{Path, PathBuf};

/// What a lane's networks compute with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Precision {
    F32,
    Bf16,
    Int8,
}

impl Precision {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::F32 => "f32",
            Self::Bf16 => "bf16",
            Self::Int8 => "int8",
        }
    }
}

/// One form of one network that a peer can run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Form {
    /// What the file is, for people.
    pub(super) label: String,
    pub(super) file: PathBuf,
    /// The peer's own word for how to run it.
    pub(super) precision: &'static str,
}

/// What runs an entrant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Runner {
    /// Our runtime, with this pack.
    Ours { pack: PathBuf },
    /// `lane.py` with this engine, and the forms to choose from.
    Peer { engine: &'static str, encoders: Vec<Form>, decoders: Vec<Form> },
}

/// One line of the table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Entrant {
    pub(super) name: String,
    pub(super) precision: Precision,
    pub(super) runner: Runner,
    /// Why it cannot start: its converter's word.
    pub(super) unfit: Option<String>,
}

pub(super) const OURS: &str = "ours";
pub(super) const ONNX_RUNTIME: &str = "onnxruntime";
pub(super) const OPENVINO: &str = "openvino";
pub(super) const MNN: &str = "mnn";
pub(super) const NCNN: &str = "ncnn";

/// Name of a lane, by which results are looked up.
pub(super) fn name(engine: &str, precision: Precision) -> String {
    format!("{engine} {}", precision.name())
}

/// All entrants. `bf16` says whether the processor computes in it.
pub(super) fn full(files: &Files, bf16: bool) -> Vec<Entrant> {
    let onnx = |graphs: &Graphs, network: &str| graphs.pack.join(network).with_extension("onnx");
    let plain = |precision: &'static str| {
        forms(files, |graphs, network| vec![(precision, onnx(graphs, network), precision)])
    };
    let inside: &[&str] = if bf16 { &["int8", "int8-bf16"] } else { &["int8"] };
    let quantized = |names: &'static [&str], inside: &[&'static str]| {
        let mut found = forms(files, |graphs, network| {
            let file =
                |form: &str| graphs.made(ONNX_RUNTIME).join(format!("{network}-{form}.onnx"));
            let each = |&form: &&'static str| {
                inside.iter().map(move |&precision| (form, file(form), precision))
            };
            names.iter().flat_map(each).collect()
        });
        for &precision in inside {
            for (list, network) in [(&mut found.0, NETWORKS[0]), (&mut found.1, NETWORKS[1])] {
                let file = files.int8.join(network).with_extension("onnx");
                list.push(form("our int8 pack", "", file, precision));
            }
        }
        found
    };
    let converted = |engine: &'static str, precision: &'static str, suffix: &'static str| {
        forms(files, |graphs, network| {
            let file = graphs.made(engine).join(format!("{network}-{precision}.{suffix}"));
            vec![(precision, file, precision)]
        })
    };
    let mut field = ours(files);
    field.push(peer(files, ONNX_RUNTIME, Precision::F32, plain("f32")));
    let forms = quantized(&["u8s8", "s8s8", "dynamic"], &["int8"]);
    field.push(peer(files, ONNX_RUNTIME, Precision::Int8, forms));
    field.push(peer(files, OPENVINO, Precision::F32, plain("f32")));
    if bf16 {
        field.push(peer(files, OPENVINO, Precision::Bf16, plain("bf16")));
    }
    let forms = quantized(&["s8s8", "dynamic"], inside);
    field.push(peer(files, OPENVINO, Precision::Int8, forms));
    field.push(peer(files, MNN, Precision::F32, converted(MNN, "f32", "mnn")));
    field.push(peer(files, MNN, Precision::Int8, converted(MNN, "int8", "mnn")));
    field.push(peer(files, NCNN, Precision::F32, converted(NCNN, "f32", "param")));
    field
}

/// The entrants of a smoke test: what the gate's own Python environment can run.
pub(super) fn quick(files: &Files) -> Vec<Entrant> {
    let kept = |entrant: &Entrant| {
        entrant.name.starts_with(OURS) || entrant.name.starts_with(ONNX_RUNTIME)
    };
    full(files, false).into_iter().filter(kept).collect()
}

const NETWORKS: [&str; 2] = ["image_encoder", "mask_decoder"];

fn ours(files: &Files) -> Vec<Entrant> {
    let entrant = |precision, pack: &Path| Entrant {
        name: name(OURS, precision),
        precision,
        runner: Runner::Ours { pack: pack.to_path_buf() },
        unfit: None,
    };
    vec![entrant(Precision::F32, files.simplified()), entrant(Precision::Int8, &files.int8)]
}

fn form(graph: &str, name: &str, file: PathBuf, precision: &'static str) -> Form {
    let inside = match precision {
        "int8-bf16" => ", else bf16",
        _ => "",
    };
    let said = if name.is_empty() { String::new() } else { format!(" {name}") };
    Form { label: format!("{graph}{said}{inside}"), file, precision }
}

/// The forms of both networks, of every graph.
fn forms(
    files: &Files,
    each: impl Fn(&Graphs, &str) -> Vec<(&'static str, PathBuf, &'static str)>,
) -> (Vec<Form>, Vec<Form>) {
    let of = |network: &str| {
        let of_graph = |graphs: &Graphs| {
            each(graphs, network)
                .into_iter()
                .map(|(name, file, precision)| form(graphs.name, name, file, precision))
                .collect::<Vec<_>>()
        };
        files.graphs.iter().flat_map(of_graph).collect()
    };
    (of(NETWORKS[0]), of(NETWORKS[1]))
}

fn peer(
    files: &Files,
    engine: &'static str,
    precision: Precision,
    (encoders, decoders): (Vec<Form>, Vec<Form>),
) -> Entrant {
    Entrant {
        name: name(engine, precision),
        precision,
        runner: Runner::Peer { engine, encoders, decoders },
        unfit: files.failures.get(engine).cloned(),
    }
}
