//! The four commands with small inputs and outputs of their own.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use uniultra_export::ExportOptions;
use uniultra_manifest::Pack;
use uniultra_phantom::{DatasetConfig, PhantomConfig, write_dataset};
use uniultra_tests::cli::{Run, command, finish, sample_frame};
use uniultra_tests::packs::random;
use uniultra_tests::torch_archive::{Object, Packing, archive};

/// Side of the model's input in pixels.
const IMAGE_SIZE: usize = 64;

/// A command line with its files.
pub(crate) struct Job {
    pub(crate) name: &'static str,
    binary: &'static str,
    args: Vec<OsString>,
    /// One file of each kind that the command reads.
    pub(crate) inputs: Vec<PathBuf>,
    /// Files and packs that it writes.
    outputs: Vec<PathBuf>,
    /// Content of the outputs after the last good run.
    before: RefCell<BTreeMap<PathBuf, Vec<u8>>>,
}

impl Job {
    /// The command, silent.
    pub(crate) fn command(&self) -> Command {
        let mut command = command(self.binary);
        command.args(&self.args).stdout(Stdio::null()).stderr(Stdio::null());
        command
    }

    pub(crate) fn run(&self) -> Run {
        self.run_with(&[])
    }

    /// Runs the command with some variables set.
    pub(crate) fn run_with(&self, variables: &[(&str, &OsStr)]) -> Run {
        let mut command = command(self.binary);
        finish(command.args(&self.args).envs(variables.iter().copied()))
    }

    /// Runs the command with good input and remembers what it wrote.
    pub(crate) fn prepare(&self) {
        let run = self.run();
        assert_eq!(run.code, Some(0), "{}: {run:?}", self.name);
        self.assert_whole("good input");
        *self.before.borrow_mut() = self.content();
    }

    /// Asserts that the outputs are those of the last good run.
    pub(crate) fn assert_untouched(&self, what: &str) {
        let (now, before) = (self.content(), self.before.borrow());
        for (path, bytes) in before.iter() {
            assert!(now.get(path) == Some(bytes), "{}: {what}: {}", self.name, path.display());
        }
        assert_eq!(now.len(), before.len(), "{}: {what}: a new file", self.name);
    }

    /// Asserts that the outputs are there and complete, of this run or of an earlier one.
    pub(crate) fn assert_whole(&self, what: &str) {
        for output in &self.outputs {
            let complaint = complaint(output);
            assert_eq!(complaint, None, "{}: {what}: {}", self.name, output.display());
        }
    }

    fn content(&self) -> BTreeMap<PathBuf, Vec<u8>> {
        let files = self.outputs.iter().flat_map(|output| match fs::read_dir(output) {
            Ok(entries) => entries.map(|entry| entry.unwrap().path()).collect(),
            Err(_) => vec![output.clone()],
        });
        files.filter_map(|path| Some((path.clone(), fs::read(path).ok()?))).collect()
    }
}

/// What is wrong with a file or a pack, if anything.
fn complaint(path: &Path) -> Option<String> {
    if path.is_dir() {
        let pack = match Pack::open(path) {
            Ok(pack) => pack,
            Err(error) => return Some(error.to_string()),
        };
        let networks = [pack.read_image_encoder().err(), pack.read_mask_decoder().err()];
        return networks.into_iter().flatten().next().map(|error| error.to_string());
    }
    let bytes = match fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) => return Some(error.to_string()),
    };
    match path.extension().and_then(|extension| extension.to_str()) {
        Some("png") => image::load_from_memory(&bytes).err().map(|error| error.to_string()),
        Some("json") => {
            serde_json::from_slice::<serde_json::Value>(&bytes).err().map(|error| error.to_string())
        }
        Some("npy") => npyz::NpyFile::new(bytes.as_slice())
            .and_then(|file| file.into_vec::<f32>())
            .err()
            .map(|error| error.to_string()),
        _ => (!bytes.ends_with(b"\n")).then(|| "no end of line at the end".to_string()),
    }
}

/// Every command, its inputs in `scratch/in-NAME` and its outputs in `scratch/out`.
pub(crate) fn every_job(scratch: &Path) -> Vec<Job> {
    let out = scratch.join("out");
    fs::create_dir_all(&out).unwrap();
    vec![
        segment(scratch, &out),
        export(scratch, &out),
        quantize(scratch, &out),
        evaluate(scratch, &out),
    ]
}

fn inputs(scratch: &Path, name: &str) -> PathBuf {
    let folder = scratch.join(format!("in-{name}"));
    fs::create_dir_all(&folder).unwrap();
    folder
}

/// A pack in the folder, and its files.
fn pack(folder: &Path) -> (PathBuf, Vec<PathBuf>) {
    let options = ExportOptions { image_size: IMAGE_SIZE, ..ExportOptions::default() };
    let pack = uniultra_export::export(&random("uniultra-mini", 2), &options).unwrap();
    let path = folder.join("pack");
    pack.write(&path, true).unwrap();
    let files = ["model.toml", "image_encoder.onnx", "mask_decoder.onnx"];
    (path.clone(), files.map(|file| path.join(file)).to_vec())
}

fn words(words: &[&str]) -> Vec<OsString> {
    words.iter().map(OsString::from).collect()
}

fn segment(scratch: &Path, out: &Path) -> Job {
    let folder = inputs(scratch, "segment");
    let (model, mut inputs) = pack(&folder);
    let frame = folder.join("frame.png");
    fs::copy(sample_frame(), &frame).unwrap();
    // The logits of one run are the prompt of the next.
    let prompt = folder.join("logits.npy");
    let args = |rest: &[&Path]| {
        let mut args = vec!["segment".into(), frame.clone().into_os_string()];
        args.extend(["--model".into(), model.clone().into_os_string()]);
        args.extend(words(&["--point", "256,200"]));
        args.extend(rest.iter().map(|word| word.as_os_str().to_os_string()));
        args
    };
    let first = finish(command("uniultra").args(args(&["--logits".as_ref(), &prompt])));
    assert_eq!(first.code, Some(0), "{first:?}");
    let outputs = ["mask.png", "report.json", "logits.npy"].map(|name| out.join(name)).to_vec();
    let args = args(&[
        "--mask-prompt-index".as_ref(),
        "0".as_ref(),
        "--mask-prompt".as_ref(),
        &prompt,
        "--out-mask".as_ref(),
        &outputs[0],
        "--json".as_ref(),
        &outputs[1],
        "--logits".as_ref(),
        &outputs[2],
    ]);
    inputs.extend([frame, prompt]);
    Job { name: "segment", binary: "uniultra", args, inputs, outputs, before: RefCell::default() }
}

fn export(scratch: &Path, out: &Path) -> Job {
    let folder = inputs(scratch, "export");
    let checkpoint = random("uniultra-mini", 2);
    let named = checkpoint.tensors().map(|(name, t)| (name.to_string(), Object::Floats(t.clone())));
    let object = Object::dict(vec![("model", Object::Ordered(named.collect()))]);
    let file = folder.join("weights.pt");
    fs::write(&file, archive(&object, &Packing { protocol: 4, ..Packing::default() })).unwrap();
    let mut args = words(&["export", "--image-size", "64", "--force", "--checkpoint"]);
    let outputs = vec![out.join("exported")];
    args.extend([file.clone().into(), "--out".into(), outputs[0].clone().into()]);
    let inputs = vec![file];
    let name = "export";
    Job { name, binary: "uniultra-tools", args, inputs, outputs, before: RefCell::default() }
}

fn quantize(scratch: &Path, out: &Path) -> Job {
    let (model, inputs) = pack(&inputs(scratch, "quantize"));
    let outputs = vec![out.join("quantized")];
    let mut args = words(&["quantize", "--images", "1", "--trial-images", "0", "--force"]);
    args.extend(["--model".into(), model.into(), "--out".into(), outputs[0].clone().into()]);
    let name = "quantize";
    Job { name, binary: "uniultra-tools", args, inputs, outputs, before: RefCell::default() }
}

fn evaluate(scratch: &Path, out: &Path) -> Job {
    let folder = inputs(scratch, "evaluate");
    let (model, _) = pack(&folder);
    let data = folder.join("data");
    let phantom = PhantomConfig { size_px: Some([160, 128]), ..PhantomConfig::default() };
    let set_name = "set".to_string();
    let config =
        DatasetConfig { seed: 3, count: 2, set_name, phantom, force: true, threads: Some(1) };
    write_dataset(&data, &config, &|| ()).unwrap();
    let set = data.join("set");
    let first = |kind: &str| {
        let mut files: Vec<_> =
            fs::read_dir(set.join(kind)).unwrap().map(|entry| entry.unwrap().path()).collect();
        files.sort();
        files.swap_remove(0)
    };
    let (image, mask) = (first("image"), first("mask"));
    let stem = image.file_stem().unwrap().to_str().unwrap().to_string();
    let table = set.join("pixel_size.csv");
    fs::write(&table, format!("stem,pixel_size_mm\n{stem},0.2\n")).unwrap();
    let inputs = vec![image, mask, table, set.join("data_split.json")];
    let report = out.join("report");
    let files = ["report.json", "report.md", "images.csv"];
    let outputs = files.map(|file| report.join(file)).to_vec();
    let mut args = words(&["evaluate", "--prompt", "point", "--threads", "1", "--split", "train"]);
    args.extend(["--force".into(), "--model".into(), model.into()]);
    args.extend(["--data".into(), data.into(), "--out".into(), report.into()]);
    let name = "evaluate";
    Job { name, binary: "uniultra-tools", args, inputs, outputs, before: RefCell::default() }
}
