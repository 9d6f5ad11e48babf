//! Writes sequences as a data set: all of it or nothing.

use super::centre::deepest_pixel;
use super::record::FORMAT;
use super::{
    Cine, CineConfig, CineFrame, CineRecord, FrameRecord, MAX_FRAMES, Prompt, SequenceRecord,
};
use crate::dataset::Split;
use crate::error::PhantomError;
use crate::output::{Staging, check_set_name, thread_pool, write_json, write_png};
use crate::target::TargetKind;
use rayon::prelude::*;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Frames that a thread makes before it takes others.
const CHUNK: u32 = 25;

/// Least share of the largest cut, and largest share of shadow, at which a target is well seen.
const WELL_IN_PLANE: f32 = 0.3;
const WELL_LIT: f32 = 0.2;

/// A run of the simulator.
#[derive(Clone, Debug)]
pub struct CineDatasetConfig {
    /// Seed; sequence `index` depends on it, on the index and on the choices only.
    pub seed: u64,
    /// Sequences.
    pub count: u32,
    /// Name of the data set's folder, and beginning of the stems.
    pub set_name: String,
    /// Choices for every sequence.
    pub cine: CineConfig,
    /// Whether to replace a phantom data set of the same name.
    pub force: bool,
    /// Worker threads; all cores where absent. The bytes written don't depend on it.
    pub threads: Option<usize>,
}

/// The result of writing a data set.
#[derive(Clone, Debug)]
pub struct CineSummary {
    /// The data set's folder.
    pub path: PathBuf,
    /// Sequences in (train, val, test).
    pub split: [usize; 3],
    /// Frames of all sequences.
    pub frames: usize,
    /// Frames that do not show the target.
    pub empty: usize,
    /// Sequences that track a target of each kind.
    pub targets: BTreeMap<TargetKind, usize>,
}

/// Stem of a frame's files.
#[must_use]
pub fn cine_stem(set_name: &str, sequence: u32, frame: u32) -> String {
    format!("{}_{frame:04}", sequence_id(set_name, sequence))
}

fn sequence_id(set_name: &str, sequence: u32) -> String {
    format!("{set_name}_{sequence:04}")
}

/// Writes `<out>/<set_name>/{image,mask}/<stem>.png`, `data_split.json` and `cine.json`.
///
/// Everything is written to a hidden folder inside `out` first, which takes its final name when
/// it is complete. `progress` is called once a frame, from any thread.
///
/// # Errors
/// [`PhantomError`]: a choice out of range, a data set in the way, or an output that cannot be
/// written; then nothing new is left behind.
pub fn write_cine_dataset(
    out: &Path,
    config: &CineDatasetConfig,
    progress: &(dyn Fn() + Sync),
) -> Result<CineSummary, PhantomError> {
    config.cine.validate()?;
    check_set_name(&config.set_name)?;
    if config.count == 0 {
        return Err(PhantomError::Count);
    }
    if config.count > MAX_FRAMES {
        return Err(PhantomError::Sequences { most: MAX_FRAMES, found: config.count });
    }
    let pool = thread_pool(config.threads)?;
    let staging = Staging::new(out, &config.set_name, config.force)?;
    let chunks = config.cine.frames.div_ceil(CHUNK);
    let pieces: Vec<Piece> = pool.install(|| {
        (0..config.count * chunks)
            .into_par_iter()
            .map(|task| piece(staging.set(), config, task / chunks, task % chunks, progress))
            .collect::<Result<_, PhantomError>>()
    })?;
    let sequences: Vec<SequenceRecord> = pieces
        .chunks(chunks as usize)
        .enumerate()
        .map(|(index, pieces)| {
            let index = index as u32;
            let cine = Cine::new(config.seed, index, &config.cine);
            let prompt = pieces.iter().find_map(|piece| piece.prompt.clone());
            let frames = pieces.iter().flat_map(|piece| piece.frames.iter().cloned()).collect();
            SequenceRecord::new(&cine, sequence_id(&config.set_name, index), prompt, frames)
        })
        .collect();
    let (split, counts) = split(&sequences);
    let record = CineRecord {
        format: FORMAT,
        generator: format!("uniultra-phantom {}", env!("CARGO_PKG_VERSION")),
        seed: config.seed,
        config: config.cine,
        sequences,
    };
    write_json(&staging.set().join("data_split.json"), &split)?;
    write_json(&staging.set().join("cine.json"), &record)?;
    let path = staging.finish()?;

    let mut targets = BTreeMap::new();
    for sequence in &record.sequences {
        *targets.entry(sequence.kind).or_insert(0) += 1;
    }
    let frames = || record.sequences.iter().flat_map(|sequence| &sequence.frames);
    let empty = frames().filter(|frame| !frame.visible).count();
    Ok(CineSummary { path, split: counts, frames: frames().count(), empty, targets })
}

/// Successive frames of a sequence.
struct Piece {
    frames: Vec<FrameRecord>,
    prompt: Option<Prompt>,
}

fn piece(
    set: &Path,
    config: &CineDatasetConfig,
    sequence: u32,
    chunk: u32,
    progress: &(dyn Fn() + Sync),
) -> Result<Piece, PhantomError> {
    let mut cine = Cine::new(config.seed, sequence, &config.cine);
    let first = chunk * CHUNK;
    let last = (first + CHUNK).min(cine.len());
    let mut piece = Piece { frames: Vec::new(), prompt: None };
    for number in first..last {
        let stem = cine_stem(&config.set_name, sequence, number);
        let frame = cine.frame(number);
        let name = format!("{stem}.png");
        write_png(&set.join("image").join(&name), &frame.image)?;
        write_png(&set.join("mask").join(&name), &frame.mask)?;
        if piece.prompt.is_none() {
            piece.prompt = prompt(&stem, &frame);
        }
        let CineFrame { visible, state, .. } = frame;
        piece.frames.push(FrameRecord { stem, visible, state });
        progress();
    }
    Ok(piece)
}

/// A tap in the target, if it is well seen.
fn prompt(stem: &str, frame: &CineFrame) -> Option<Prompt> {
    let CineFrame { mask, state, .. } = frame;
    if state.in_plane < WELL_IN_PLANE || state.shadow > WELL_LIT {
        return None;
    }
    let [x, y] = deepest_pixel(mask)?;
    Some(Prompt { frame: stem.to_string(), x, y })
}

/// Of five successive sequences, the fourth is for validation and the fifth for testing. All frames
/// of a sequence are in one part.
fn split(sequences: &[SequenceRecord]) -> (Split, [usize; 3]) {
    let mut split = Split::default();
    let mut counts = [0; 3];
    for sequence in sequences {
        let (part, count) = match sequence.index % 5 {
            3 => (&mut split.val, &mut counts[1]),
            4 => (&mut split.test, &mut counts[2]),
            _ => (&mut split.train, &mut counts[0]),
        };
        part.extend(sequence.frames.iter().map(|frame| frame.stem.clone()));
        *count += 1;
    }
    (split, counts)
}
