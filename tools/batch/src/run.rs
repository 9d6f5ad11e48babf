//! A run: prepared without the model, then carried out.

use crate::BatchError;
use crate::folder::{MASKS, RESULTS, is_finished, open};
use crate::input::Input;
use crate::plan::{Job, Plan};
use crate::prompts::PromptList;
use crate::record::{MaskForm, PromptsRecord, RunRecord};
use crate::report::BatchReport;
use crate::resume::{Place, place};
use crate::stages::{Queue, Settings, answer_all, decode_all, write_all};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::thread;
use uniultra_core::{DecodeOptions, MaskChoice, PixelSpacing};
use uniultra_dataset::Shard;
use uniultra_dicom::{Algorithm, SegmentKind};
use uniultra_engine::Segmenter;
use uniultra_schema::{Document, ModelIdentity, SpacingReport, Tool};
use uniultra_sink::AppendedLines;

/// What to segment, and where the results go.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// A folder, or a list of files.
    pub input: &'a Path,
    /// JSON lines, a table that ends in `.csv`, or the folder of an earlier run.
    pub prompts: &'a Path,
    /// The folder of the run, new or to go on with.
    pub out: &'a Path,
    /// The part of the files to do.
    pub shard: Shard,
    /// How.
    pub options: &'a Options,
}

/// How to segment.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// How masks are written.
    pub masks: MaskForm,
    /// What a DICOM segmentation shows, as [`SegmentKind`] parses it; needed with [`MaskForm::Seg`], and only there.
    pub segment_code: Option<String>,
    /// Whether prompts are ambiguous: the best of three masks is the answer.
    pub multimask: bool,
    /// The size of a pixel of every file whose line in the list has none.
    pub pixel_spacing: Option<PixelSpacing>,
    /// Bits of a sample in images that store fewer in 16.
    pub bit_depth: Option<u8>,
}

/// A run that can start or go on. It holds its folder against other processes.
#[derive(Debug)]
pub struct Prepared {
    folder: PathBuf,
    record: Document<RunRecord>,
    settings: Settings,
    jobs: Vec<Job>,
    place: Place,
    lines: AppendedLines,
    without_file: (usize, Vec<String>),
}

/// Checks options, input, prompts and folder, and finds out how far an earlier start has come. Cheap: no frame is
/// decoded. `model` is what [`Prepared::run`] is going to use.
///
/// # Errors
/// [`BatchError`] for all that is wrong with them.
pub fn prepare(request: &Request<'_>, model: &ModelIdentity) -> Result<Prepared, BatchError> {
    let Request { input, prompts, out, shard, options } = *request;
    let settings = settings(options, model)?;
    refuse_nesting(input, out)?;
    let list = PromptList::read(prompts)?;
    let found = Input::find(input, &[prompts])?;
    let count = list.prompts.len();
    let plan = Plan::new(found.files, list.prompts, shard);
    let record = RunRecord {
        engine: uniultra_engine::engine_name().to_string(),
        input: found.record,
        prompts: PromptsRecord {
            kind: list.kind,
            path: prompts.display().to_string(),
            prompts: count,
            without_file: plan.without_file.0,
            sha256: list.sha256,
        },
        masks: options.masks,
        segment_code: options.segment_code.clone(),
        multimask: options.multimask,
        pixel_spacing_mm: options
            .pixel_spacing
            .map(|spacing| SpacingReport::new([spacing.x_mm(), spacing.y_mm()])),
        bit_depth: options.bit_depth,
        shard,
    };
    if plan.without_file.0 == count {
        let path = plan.without_file.1.first().cloned().unwrap_or_default();
        let reason = format!(
            "expected paths of files in {}, found none: {path:?} is not there; paths are those below the folder, or \
             those in the list",
            input.display()
        );
        return Err(BatchError::file(prompts, reason));
    }
    let tool = Tool::new("uniultra-tools", env!("CARGO_PKG_VERSION"));
    let record = Document::new(tool, Some(model.clone()), record);
    let lines = open(out, &record)?;
    let place = place(&out.join(RESULTS), &plan.jobs)?;
    Ok(Prepared {
        folder: out.to_path_buf(),
        record,
        settings,
        jobs: plan.jobs,
        place,
        lines,
        without_file: plan.without_file,
    })
}

fn settings(options: &Options, model: &ModelIdentity) -> Result<Settings, BatchError> {
    let usage = |error: &dyn std::fmt::Display| BatchError::Usage(error.to_string());
    let segments = match (options.masks, &options.segment_code) {
        (MaskForm::Seg, Some(code)) => {
            let kind: SegmentKind = code.parse().map_err(|error| usage(&error))?;
            let algorithm = Algorithm::new(&model.id, &model.version);
            Some((kind, algorithm.map_err(|error| usage(&error))?))
        }
        (MaskForm::Seg, None) => {
            let reason = "--masks seg: expected --segment-code, which says what the segments show, found none";
            return Err(usage(&reason));
        }
        (_, Some(_)) => {
            return Err(usage(
                &"--segment-code: expected --masks seg, found another form of masks",
            ));
        }
        (_, None) => None,
    };
    let decode = match options.bit_depth {
        Some(bits) => DecodeOptions::new().with_bit_depth(bits).map_err(|error| usage(&error))?,
        None => DecodeOptions::new(),
    };
    let choice = if options.multimask { MaskChoice::Multimask } else { MaskChoice::Single };
    Ok(Settings { decode, spacing: options.pixel_spacing, choice, masks: options.masks, segments })
}

/// Refuses results in the folder that is segmented: the next start would take masks for frames.
fn refuse_nesting(input: &Path, out: &Path) -> Result<(), BatchError> {
    let Ok(input) = std::fs::canonicalize(input) else { return Ok(()) };
    let ancestors = out.ancestors().find_map(|path| {
        let path = if path.as_os_str().is_empty() { Path::new(".") } else { path };
        std::fs::canonicalize(path).ok()
    });
    if ancestors.is_some_and(|place| input.is_dir() && place.starts_with(&input)) {
        let reason = format!(
            "--out: expected a folder outside of --input, found {} inside of it",
            out.display()
        );
        return Err(BatchError::Usage(reason));
    }
    Ok(())
}

impl Prepared {
    /// Lines that are to be written, at least; more if there are frames without a prompt.
    #[must_use]
    pub fn total(&self) -> usize {
        self.jobs.iter().map(Job::lines).sum()
    }

    /// Lines that an earlier start has written.
    #[must_use]
    pub fn done(&self) -> usize {
        self.place.lines
    }

    /// Whether an earlier start has done everything, so that no model is needed.
    #[must_use]
    pub fn is_finished(&self) -> bool {
        let is_last = |job: &Job| {
            self.place.job + 1 == self.jobs.len() && job.asked.len() == self.place.prompts
        };
        let at_end = self.jobs.get(self.place.job).is_none_or(is_last);
        is_finished(&self.folder) && at_end
    }

    /// How many prompts are about files that are not in the input, and some of these files.
    #[must_use]
    pub fn without_file(&self) -> (usize, &[String]) {
        (self.without_file.0, &self.without_file.1)
    }

    /// The report of a run that was finished before.
    ///
    /// # Errors
    /// [`BatchError::Read`] or [`BatchError::Line`].
    pub fn report(&self) -> Result<BatchReport, BatchError> {
        BatchReport::count(&self.folder)
    }

    /// Does what is left, with `at_once` frames in the model at the same time. `progress` is called after each line.
    ///
    /// # Errors
    /// [`BatchError::Output`] if results cannot be written, [`BatchError::Model`] if memory runs out.
    pub fn run(
        mut self,
        segmenter: &Segmenter,
        at_once: usize,
        progress: &(dyn Fn() + Sync),
    ) -> Result<BatchReport, BatchError> {
        let at_once = at_once.max(1);
        let (jobs, place, settings) = (&self.jobs, self.place, &self.settings);
        let (folder, lines) = (&self.folder, &mut self.lines);
        let (queue, turns, order) = Queue::new(at_once);
        let turns = Arc::new(Mutex::new(turns));
        thread::scope(|scope| -> Result<(), BatchError> {
            let named = |name: &str| thread::Builder::new().name(name.to_string());
            let failed = |error: std::io::Error| BatchError::Internal(error.to_string());
            let decode = move || decode_all(jobs, place, settings, &queue);
            let decoding = named("decode").spawn_scoped(scope, decode).map_err(failed)?;
            let write = move || write_all(folder, settings, lines, &order, progress);
            let writing = named("write").spawn_scoped(scope, write).map_err(failed)?;
            let mut answering = Vec::new();
            for _ in 0..at_once {
                let turns = Arc::clone(&turns);
                let answer = move || answer_all(segmenter, &turns);
                answering.push(named("answer").spawn_scoped(scope, answer).map_err(failed)?);
            }
            // With its last user the queue is closed, and the stages before it end.
            drop(turns);
            let broken = |what: &str| Err(BatchError::Internal(format!("{what} panicked")));
            let mut outcome = writing.join().unwrap_or_else(|_| broken("the writing thread"));
            for thread in answering {
                let answered = thread.join().unwrap_or_else(|_| broken("an answering thread"));
                outcome = outcome.and(answered);
            }
            let decoded = decoding.join().map_or_else(|_| broken("the decoding thread"), Ok);
            outcome.and(decoded)
        })?;
        if self.settings.masks != MaskForm::Rle {
            uniultra_report::create_folder(&self.folder.join(MASKS))?;
        }
        BatchReport::finish(&self.folder, &self.record)
    }
}
