//! `uniultra-tools inspect`: what a checkpoint holds, or what an architecture would.

mod published;
mod report;
mod table;

#[cfg(test)]
pub(crate) use report::InspectReport;

use crate::json;
use std::fmt::Write;
use std::path::{Path, PathBuf};
use table::{Align, Table, grouped, percent};
use uniultra_checkpoint::{
    Architecture, Checkpoint, Component, Need, Parameter, ParameterKind, Recognition,
};
use uniultra_report::json_text;
use uniultra_sink::Destination;

const EXAMPLES: &str = "\
Examples:
  # which network is this, is it complete, how large is each part
  uniultra-tools inspect sam2_hiera_tiny.pt

  # every tensor with its shape, as JSON
  uniultra-tools inspect uniultra_mini.safetensors --tensors --json -

  # the published sizes, without any file
  uniultra-tools inspect --arch uniultra-large";

/// Arguments of `inspect`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
#[command(group = clap::ArgGroup::new("subject").required(true).args(["file", "arch"]))]
pub(crate) struct Args {
    /// Checkpoint: safetensors, or a PyTorch .pt of SAM 2 or UniUltra.
    file: Option<PathBuf>,
    /// Which of several networks in the file: the key of its dictionary, as the error about them lists it.
    #[arg(long, value_name = "KEY", requires = "file")]
    state_dict: Option<String>,
    /// Architecture instead of a file: uniultra-mini|tiny|small|base+|large with CH-Adapters,
    /// sam2-tiny|small|base+|large without.
    #[arg(long, value_name = "NAME")]
    arch: Option<Architecture>,
    /// Write JSON to a file; `-` prints it in place of the table.
    #[arg(long, value_name = "-|FILE")]
    json: Option<Destination>,
    /// List every tensor with shape, part and role.
    #[arg(long)]
    tensors: bool,
}

/// What is inspected: always an architecture, and the checkpoint that has it if there is one.
struct Subject<'a> {
    architecture: Architecture,
    parameters: Vec<Parameter>,
    file: Option<(&'a Path, &'a Checkpoint, &'a Recognition)>,
}

/// Runs the subcommand.
pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    json::check(args.json.as_ref())?;
    match (&args.file, args.arch) {
        (Some(path), _) => {
            let checkpoint = Checkpoint::open_state_dict(path, args.state_dict.as_deref())?;
            let recognition = checkpoint.recognise().map_err(|fault| {
                uniultra_checkpoint::CheckpointError::InFile {
                    path: path.clone(),
                    fault: Box::new(fault),
                }
            })?;
            let architecture = recognition.architecture;
            let file = Some((path.as_path(), &checkpoint, &recognition));
            show(args, &Subject::new(architecture, file))
        }
        (None, Some(architecture)) => show(args, &Subject::new(architecture, None)),
        (None, None) => anyhow::bail!("neither a file nor an architecture was given"),
    }
}

fn show(args: &Args, subject: &Subject<'_>) -> anyhow::Result<()> {
    let text = subject.text(args.tensors)?;
    let report = || json_text(None, &report::report(subject, args.tensors));
    json::print(args.json.as_ref(), report, || text)
}

/// Rows of the table: a title, how deep it is indented, and what it sums.
type Row = (&'static str, usize, fn(&Parameter) -> bool);

const ROWS: [Row; 12] = [
    ("image encoder", 0, |p| p.component.is_image_encoder()),
    ("trunk", 1, |p| p.component == Component::Trunk),
    ("CH-Adapters", 2, Parameter::is_adapter),
    ("neck", 1, |p| p.component == Component::Neck),
    ("no_mem_embed", 0, |p| p.component == Component::NoMemEmbed),
    ("prompt encoder", 0, |p| p.component == Component::PromptEncoder),
    ("mask decoder", 0, |p| {
        matches!(p.component, Component::MaskDecoder | Component::ObjectScoreHead)
    }),
    ("object score head", 1, |p| p.component == Component::ObjectScoreHead),
    ("memory attention *", 0, |p| p.component == Component::MemoryAttention),
    ("memory encoder *", 0, |p| p.component == Component::MemoryEncoder),
    ("obj_ptr_proj *", 0, |p| p.component == Component::ObjPtrProj),
    ("small tables *", 0, |p| p.component == Component::SmallTables),
];

/// Parameters, those trained in fine-tuning, tensors, tensors in the file.
#[derive(Default)]
struct Sum {
    parameters: usize,
    trained: usize,
    tensors: usize,
    present: usize,
}

impl<'a> Subject<'a> {
    fn new(
        architecture: Architecture,
        file: Option<(&'a Path, &'a Checkpoint, &'a Recognition)>,
    ) -> Self {
        Self { architecture, parameters: architecture.parameters(), file }
    }

    fn sum(&self, choose: impl Fn(&Parameter) -> bool) -> Sum {
        let mut sum = Sum::default();
        for parameter in self.parameters.iter().filter(|&parameter| choose(parameter)) {
            sum.parameters += parameter.parameter_count();
            sum.tensors += 1;
            if parameter.kind == ParameterKind::Trainable {
                sum.trained += parameter.parameter_count();
            }
            if self.file.is_some_and(|(_, checkpoint, _)| checkpoint.contains(&parameter.name)) {
                sum.present += 1;
            }
        }
        sum
    }

    fn text(&self, tensors: bool) -> Result<String, std::fmt::Error> {
        let mut text = String::new();
        self.head(&mut text)?;
        writeln!(text, "\n{}", self.components())?;
        writeln!(text, "* video only; not used for single images.")?;
        let whole = self.sum(|_| true);
        let (trained, all) = (whole.trained, whole.parameters);
        writeln!(
            text,
            "trained in fine-tuning: {} of {} = {}",
            grouped(trained),
            grouped(all),
            percent(trained, all)
        )?;
        match self.file {
            Some((_, checkpoint, recognition)) => lists(&mut text, checkpoint, recognition)?,
            None => published::write(&mut text, self.architecture)?,
        }
        if tensors {
            writeln!(text, "\n{}", self.tensors())?;
        }
        Ok(text)
    }

    fn head(&self, text: &mut String) -> std::fmt::Result {
        let encoder = self.sum(|p| p.component.is_image_encoder());
        let adapters = if self.architecture.ch_adapters { "with" } else { "without" };
        if let Some((path, checkpoint, _)) = self.file {
            writeln!(text, "file           {}", path.display())?;
            if let Some(format) = checkpoint.format() {
                writeln!(text, "format         {format}")?;
            }
            writeln!(text, "sha256         {}", checkpoint.sha256())?;
            writeln!(text, "tensors        {}", checkpoint.names().count())?;
        }
        writeln!(
            text,
            "architecture   {}: Hiera {} {adapters} CH-Adapters",
            self.architecture, self.architecture.variant
        )?;
        writeln!(text, "image encoder  {} parameters", grouped(encoder.parameters))?;
        writeln!(text, "encoder work   {}", published::work(self.architecture))
    }

    fn components(&self) -> Table {
        let mut columns = vec![
            ("component", Align::Left),
            ("parameters", Align::Right),
            ("share", Align::Right),
            ("trained in fine-tuning", Align::Right),
        ];
        if self.file.is_some() {
            columns.push(("tensors in file", Align::Right));
        }
        let mut table = Table::new(&columns);
        let all = self.sum(|_| true);
        let mut row = |title: String, sum: &Sum| {
            let mut cells = vec![
                title,
                grouped(sum.parameters),
                percent(sum.parameters, all.parameters),
                grouped(sum.trained),
            ];
            if self.file.is_some() {
                cells.push(format!("{} of {}", sum.present, sum.tensors));
            }
            table.row(cells);
        };
        for (title, depth, choose) in ROWS {
            let sum = self.sum(choose);
            if sum.tensors > 0 {
                row(format!("{}{title}", "  ".repeat(depth)), &sum);
            }
        }
        row("whole model".into(), &all);
        table
    }

    fn tensors(&self) -> Table {
        let mut table = Table::new(&[
            ("tensor", Align::Left),
            ("shape", Align::Left),
            ("component", Align::Left),
            ("role", Align::Left),
        ]);
        let shown = self.parameters.iter().filter(|parameter| {
            self.file.is_none_or(|(_, checkpoint, _)| checkpoint.contains(&parameter.name))
        });
        for Parameter { name, shape, component, kind, .. } in shown {
            let cells =
                [name, &format!("{shape:?}"), component.name(), role(*kind)].map(str::to_string);
            table.row(cells.to_vec());
        }
        for (name, shape) in self.unexpected() {
            let cells = [name, &format!("{shape:?}"), "unexpected", "not used"];
            table.row(cells.map(str::to_string).to_vec());
        }
        table
    }

    /// Tensors of the file that the architecture does not have.
    fn unexpected(&self) -> impl Iterator<Item = (&'a str, &'a [usize])> {
        self.file.into_iter().flat_map(|(_, checkpoint, recognition)| {
            checkpoint
                .tensors()
                .filter(|(name, _)| recognition.unexpected.iter().any(|other| other == name))
                .map(|(name, tensor)| (name, tensor.shape()))
        })
    }
}

fn lists(text: &mut String, checkpoint: &Checkpoint, found: &Recognition) -> std::fmt::Result {
    let video = if found.has_video { "whole" } else { "incomplete, not needed for images" };
    let score = if found.has_object_score_head { "present" } else { "absent, optional" };
    writeln!(text, "\nobject score head: {score}\nvideo parts: {video}")?;
    for (title, names) in [
        ("missing for image segmentation", found.missing.as_slice()),
        ("unexpected", found.unexpected.as_slice()),
        ("not read", checkpoint.ignored()),
    ] {
        match names {
            [] => writeln!(text, "{title}: none")?,
            _ => writeln!(text, "{title}: {}\n  {}", names.len(), names.join("\n  "))?,
        }
    }
    Ok(())
}

fn role(kind: ParameterKind) -> &'static str {
    match kind {
        ParameterKind::Trainable => "trained",
        ParameterKind::Frozen => "frozen",
        ParameterKind::Buffer => "buffer",
    }
}

fn need(component: Component) -> &'static str {
    match component.need() {
        Need::Required => "required",
        Need::Optional => "optional",
        Need::VideoOnly => "video only",
    }
}

#[cfg(test)]
mod tests;
