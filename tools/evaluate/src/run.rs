//! The evaluation: every image, model and prompt once, images in parallel.

use crate::baseline::{BASELINE, ellipses};
use crate::clicks::{Trace, click};
use crate::clicks_inside::{INSIDE_COUNTS, click_inside};
use crate::compare;
use crate::prompt::{prompts_for, prompts_without_object};
use crate::published::Scene;
use crate::report::Row;
use crate::{
    Answer, Case, Encoded, EvaluateError, ImageError, Predictor, Problem, PromptKind, Protocol,
    RunMask,
};
use rayon::prelude::*;
use std::path::Path;
use uniultra_core::{Mask, dice};
use uniultra_dataset::{Sample, unite};
use uniultra_report::create_folder;
use uniultra_sink::{SinkError, write_mask_png};

/// Choices of a run that do not change its figures.
#[derive(Clone, Copy, Debug)]
pub struct Options<'a> {
    /// Images at once; each takes the memory of one run of an image encoder.
    pub threads: usize,
    /// Where predicted masks go: `<set>/<stem>.png`, below `<model>/<prompt>` where there is more
    /// than one model or prompt.
    pub save_masks: Option<&'a Path>,
}

/// What was measured.
#[derive(Clone, Debug, Default)]
pub struct Evaluated {
    /// One row an image, model and prompt, and one a baseline; ordered by set and stem, then as
    /// models and prompts were given.
    pub rows: Vec<Row>,
    /// The prediction of each row.
    pub masks: Vec<RunMask>,
    /// Images that could not be evaluated, and why.
    pub problems: Vec<Problem>,
}

/// Evaluates models on images. `progress` is called once an image, from any thread. The published
/// protocol has prompts of its own, boxes, and reads no others.
///
/// # Errors
/// [`EvaluateError::Threads`] or, for masks that cannot be saved, [`EvaluateError::Output`]. What is
/// wrong with single images ends up among the problems.
pub fn evaluate(
    cases: &[Case],
    models: &[&dyn Predictor],
    protocol: Protocol,
    prompts: &[PromptKind],
    options: &Options<'_>,
    progress: &(dyn Fn() + Sync),
) -> Result<Evaluated, EvaluateError> {
    let pool = thread_pool(options.threads)?;
    let prompts = if protocol == Protocol::Published { &[PromptKind::Box] } else { prompts };
    let one_folder = models.len() * prompts.len() == 1;
    let save = |row: &Row, mask: &Mask| -> Result<(), SinkError> {
        let Some(folder) = options.save_masks else { return Ok(()) };
        let mut folder = folder.to_path_buf();
        if !one_folder {
            folder.push(&row.model);
            folder.push(&row.prompt);
        }
        folder.push(&row.set);
        create_folder(&folder)?;
        write_mask_png(&folder.join(format!("{}.png", row.stem)), mask)
    };
    let parts: Vec<Evaluated> = pool.install(|| {
        cases
            .par_iter()
            .map(|case| {
                let part = match protocol {
                    Protocol::UniultraEdge => evaluate_case(case, models, prompts, &save)?,
                    Protocol::Published => evaluate_published(case, models, &save)?,
                };
                progress();
                Ok(part)
            })
            .collect::<Result<_, EvaluateError>>()
    })?;
    let mut all = Evaluated::default();
    for mut part in parts {
        all.rows.append(&mut part.rows);
        all.masks.append(&mut part.masks);
        all.problems.append(&mut part.problems);
    }
    Ok(all)
}

/// Threads for images, at least one.
///
/// # Errors
/// [`EvaluateError::Threads`] if they cannot be started.
pub fn thread_pool(threads: usize) -> Result<rayon::ThreadPool, EvaluateError> {
    let threads = threads.max(1);
    rayon::ThreadPoolBuilder::new()
        .num_threads(threads)
        .build()
        .map_err(|error| EvaluateError::Threads { threads, reason: error.to_string() })
}

/// Saves a mask where that was asked for.
type Save<'a> = dyn Fn(&Row, &Mask) -> Result<(), SinkError> + 'a;

impl Evaluated {
    fn push(&mut self, row: Row, mask: &Mask) {
        self.rows.push(row);
        self.masks.push(RunMask::from_mask(mask));
    }

    /// The answers of a model, or its problem.
    fn extend(
        &mut self,
        case: &Case,
        answers: Result<Vec<(Row, Mask)>, ImageError>,
        save: &Save<'_>,
    ) -> Result<(), SinkError> {
        match answers {
            Ok(answers) => {
                for (row, mask) in answers {
                    save(&row, &mask)?;
                    self.push(row, &mask);
                }
            }
            Err(error) => self.problems.push(problem(case, &error)),
        }
        Ok(())
    }
}

fn problem(case: &Case, error: &ImageError) -> Problem {
    Problem { set: case.set.clone(), stem: case.stem.clone(), what: error.to_string() }
}

fn evaluate_case(
    case: &Case,
    models: &[&dyn Predictor],
    prompts: &[PromptKind],
    save: &Save<'_>,
) -> Result<Evaluated, EvaluateError> {
    let mut found = Evaluated::default();
    let sample = match Sample::load(case) {
        Ok(sample) => sample,
        Err(error) => {
            found.problems.push(problem(case, &error.into()));
            return Ok(found);
        }
    };
    if !sample.objects.is_empty() {
        match baseline(case, &sample) {
            Ok((row, mask)) => found.push(row, &mask),
            Err(error) => found.problems.push(problem(case, &error)),
        }
    }
    for model in models {
        let answers = model.encode(&sample.frame).and_then(|encoded| {
            let ask = |&kind| predict(case, &sample, model.info().label.as_str(), &*encoded, kind);
            prompts.iter().map(ask).collect()
        });
        found.extend(case, answers, save)?;
    }
    Ok(found)
}

fn evaluate_published(
    case: &Case,
    models: &[&dyn Predictor],
    save: &Save<'_>,
) -> Result<Evaluated, EvaluateError> {
    let mut found = Evaluated::default();
    let scene = match Scene::load(case) {
        Ok(scene) => scene,
        Err(error) => {
            found.problems.push(problem(case, &error));
            return Ok(found);
        }
    };
    match scene.baseline(case) {
        Ok(Some((row, mask))) => found.push(row, &mask),
        Ok(None) => {}
        Err(error) => found.problems.push(problem(case, &error)),
    }
    for model in models {
        let answers = model.encode(&scene.frame).and_then(|encoded| {
            Ok(vec![scene.predict(case, model.info().label.as_str(), &*encoded)?])
        });
        found.extend(case, answers, save)?;
    }
    Ok(found)
}

fn baseline(case: &Case, sample: &Sample) -> Result<(Row, Mask), ImageError> {
    let [width, height] = [sample.truth.width(), sample.truth.height()];
    let boxes = sample.objects.iter().map(|object| object.tight_box);
    let mask = ellipses(boxes, width, height)?;
    let prompt = PromptKind::Box.to_string();
    Ok((compare::row(case, sample, &mask, prompt, BASELINE.to_string())?, mask))
}

/// Asks an encoded image for each object by itself and compares the union: the row of the model
/// labelled `model`, and the mask it is about.
///
/// # Errors
/// [`ImageError`] if the model fails.
pub fn predict(
    case: &Case,
    sample: &Sample,
    model: &str,
    encoded: &dyn Encoded,
    kind: PromptKind,
) -> Result<(Row, Mask), ImageError> {
    let [width, height] = [sample.truth.width(), sample.truth.height()];
    let steps = match kind {
        PromptKind::Clicks(count) => count,
        PromptKind::ClicksInside => INSIDE_COUNTS.len(),
        PromptKind::Point | PromptKind::Box | PromptKind::Centroid => 1,
    };
    let mut unions = vec![vec![0; width * height]; steps];
    let mut scores: Vec<f32> = Vec::new();
    let mut iou_pairs = Vec::new();
    let mut noc = [0_usize; 2];
    if sample.objects.is_empty() {
        let Answer { mask, object_score, .. } =
            encoded.predict(&prompts_without_object(kind, width, height)?)?;
        scores.extend(object_score);
        for union in &mut unions {
            unite(union, &mask);
        }
    }
    for object in &sample.objects {
        let trace = match kind {
            PromptKind::Clicks(count) => click(encoded, object, count)?,
            PromptKind::ClicksInside => click_inside(encoded, object)?,
            PromptKind::Point | PromptKind::Box | PromptKind::Centroid => {
                Trace::new(encoded.predict(&prompts_for(object, kind)?)?)
            }
        };
        scores.extend(trace.object_score);
        iou_pairs.extend(trace.iou_pair(object)?);
        for (union, mask) in unions.iter_mut().zip(&trace.masks) {
            unite(union, mask);
        }
        noc = [noc[0] + trace.noc[0], noc[1] + trace.noc[1]];
    }
    let masks = unions
        .into_iter()
        .map(|union| Mask::from_binary(width, height, union))
        .collect::<Result<Vec<_>, _>>()?;
    let [.., last] = masks.as_slice() else {
        let (model, reason) = (model.to_string(), "no mask was asked for".to_string());
        return Err(ImageError::Model { model, reason });
    };
    let mut row = compare::row(case, sample, last, kind.to_string(), model.to_string())?;
    row.iou_pairs = iou_pairs;
    // The least sure of several objects.
    row.object_score = scores.into_iter().reduce(f32::min);
    if sample.objects.is_empty() {
        return Ok((row, last.clone()));
    }
    let dices = || masks.iter().map(|mask| dice(mask, &sample.truth)).collect::<Result<_, _>>();
    match kind {
        PromptKind::Clicks(_) => {
            row.click_dice = dices()?;
            row.noc_85 = Some(noc[0]);
            row.noc_90 = Some(noc[1]);
        }
        PromptKind::ClicksInside => row.inside_dice = dices()?,
        PromptKind::Point | PromptKind::Box | PromptKind::Centroid => {}
    }
    Ok((row, last.clone()))
}

#[cfg(test)]
#[path = "run_tests.rs"]
mod tests;
