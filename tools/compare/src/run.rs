//! Both packs on every image, images in parallel.

use crate::{CompareError, Pair, Sides};
use rayon::prelude::*;
use serde::Serialize;
use uniultra_evaluate::{
    Case, ImageError, Predictor, Problem, PromptKind, Sample, predict, thread_pool,
};

/// What both packs made of the images.
#[derive(Clone, Debug, Default)]
pub struct Compared {
    /// One an image and prompt that both packs could do; ordered by set and stem, then as prompts
    /// were given.
    pub pairs: Vec<Pair>,
    /// How far apart the embeddings are; none where their shapes differ.
    pub embeddings: Vec<EmbeddingDistance>,
    /// Images that could not be compared, and why.
    pub problems: Vec<Problem>,
}

/// Distance of the two packs' `image_embed` of one image.
#[derive(Clone, Debug, PartialEq, Serialize, schemars::JsonSchema)]
pub struct EmbeddingDistance {
    /// The set.
    pub set: String,
    /// The image.
    pub stem: String,
    /// Euclidean norm of the difference over the larger of both norms, in 0..=2.
    pub relative_l2: f32,
}

/// Asks both packs the same. `progress` is called once an image, from any thread.
///
/// # Errors
/// [`CompareError::Evaluate`] if the threads cannot be started. What is wrong with single images
/// ends up among the problems.
pub fn compare(
    cases: &[Case],
    models: &Sides<&dyn Predictor>,
    prompts: &[PromptKind],
    threads: usize,
    progress: &(dyn Fn() + Sync),
) -> Result<Compared, CompareError> {
    let pool = thread_pool(threads)?;
    let parts: Vec<Compared> = pool.install(|| {
        let one = |case| {
            let part = compare_case(case, models, prompts).unwrap_or_else(|error| Compared {
                problems: vec![problem(case, &error)],
                ..Compared::default()
            });
            progress();
            part
        };
        cases.par_iter().map(one).collect()
    });
    let mut all = Compared::default();
    for mut part in parts {
        all.pairs.append(&mut part.pairs);
        all.embeddings.append(&mut part.embeddings);
        all.problems.append(&mut part.problems);
    }
    Ok(all)
}

fn problem(case: &Case, error: &ImageError) -> Problem {
    Problem { set: case.set.clone(), stem: case.stem.clone(), what: error.to_string() }
}

fn compare_case(
    case: &Case,
    models: &Sides<&dyn Predictor>,
    prompts: &[PromptKind],
) -> Result<Compared, ImageError> {
    let sample = Sample::load(case)?;
    let (a, b) = (models.a.encode(&sample.frame)?, models.b.encode(&sample.frame)?);
    let mut found = Compared::default();
    if let (Some(a), Some(b)) = (a.image_embed(), b.image_embed())
        && a.len() == b.len()
    {
        let (set, stem) = (case.set.clone(), case.stem.clone());
        found.embeddings.push(EmbeddingDistance { set, stem, relative_l2: relative_l2(a, b) });
    }
    for &kind in prompts {
        let (row_a, mask_a) = predict(case, &sample, &models.a.info().label, &*a, kind)?;
        let (row_b, mask_b) = predict(case, &sample, &models.b.info().label, &*b, kind)?;
        let rows = Sides { a: row_a, b: row_b };
        found.pairs.push(Pair::compare(&rows, &Sides { a: mask_a, b: mask_b })?);
    }
    Ok(found)
}

/// Norm of the difference over the larger norm; 0 for two zeros.
fn relative_l2(a: &[f32], b: &[f32]) -> f32 {
    let norm = |values: &mut dyn Iterator<Item = f64>| values.map(|v| v * v).sum::<f64>().sqrt();
    let wide = |values: &[f32]| norm(&mut values.iter().copied().map(f64::from));
    let apart = norm(&mut a.iter().zip(b).map(|(&a, &b)| f64::from(a) - f64::from(b)));
    let larger = wide(a).max(wide(b));
    if larger > 0.0 { (apart / larger) as f32 } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fakes::{Habit, fake, frames};

    #[test]
    fn distances_are_relative_to_the_larger() {
        assert_eq!(relative_l2(&[3.0, 4.0], &[3.0, 4.0]), 0.0);
        assert_eq!(relative_l2(&[3.0, 4.0], &[0.0, 0.0]), 1.0);
        assert_eq!(relative_l2(&[0.0, 0.0], &[3.0, 4.0]), 1.0);
        assert_eq!(relative_l2(&[1.0, 0.0], &[-1.0, 0.0]), 2.0);
        assert_eq!(relative_l2(&[0.0], &[0.0]), 0.0);
    }

    #[test]
    fn every_image_and_prompt_is_a_pair_whatever_the_threads() {
        let (_folder, cases) = frames();
        let (truth, shifted) = (fake("A", Habit::Bright), fake("B", Habit::Shifted));
        let models = Sides { a: &truth as &dyn Predictor, b: &shifted };
        let prompts = [PromptKind::Point, PromptKind::Box];
        let run = |threads| compare(&cases, &models, &prompts, threads, &|| ()).unwrap();
        let compared = run(1);
        assert_eq!((compared.pairs.len(), compared.problems.len()), (6, 0));
        assert_eq!(compared.embeddings.len(), 3);
        let key = |pair: &Pair| (pair.stem.clone(), pair.prompt.clone(), pair.agreement.to_bits());
        let keys = |compared: &Compared| compared.pairs.iter().map(key).collect::<Vec<_>>();
        assert_eq!(keys(&compared), keys(&run(3)));
        assert!(compared.pairs.iter().all(|pair| pair.outcomes.a.dice == Some(1.0)));
        assert!(compared.pairs.iter().all(|pair| pair.agreement < 1.0));
        assert!(compared.pairs.iter().all(|pair| pair.drop() > Some(0.0)));
    }

    #[test]
    fn an_image_that_one_pack_cannot_do_counts_for_neither() {
        let (_folder, cases) = frames();
        let (truth, broken) = (fake("A", Habit::Bright), fake("B", Habit::Broken));
        let models = Sides { a: &truth as &dyn Predictor, b: &broken };
        let compared = compare(&cases, &models, &[PromptKind::Point], 2, &|| ()).unwrap();
        assert!(compared.pairs.is_empty() && compared.embeddings.is_empty());
        assert_eq!(compared.problems.len(), 3);
        assert!(compared.problems[0].what.contains("B: as always"), "{:?}", compared.problems);
    }
}
