//! Summaries of pairs: accuracy, losses and agreement of each set and prompt.

use crate::run::EmbeddingDistance;
use crate::{Outcome, Pair, Sides};
use serde::Serialize;
use uniultra_evaluate::Stats;

/// Drops of Dice above which an image counts as losing, and as losing much.
pub(crate) const LOSSES: [f32; 2] = [0.01, 0.05];

/// One set and prompt.
#[derive(Clone, Debug, PartialEq, Serialize, schemars::JsonSchema)]
pub struct Line {
    /// The set.
    pub set: String,
    /// The prompt.
    pub prompt: String,
    /// Images with objects.
    pub images: usize,
    /// Mean figures over them; absent where there is none.
    pub means: Option<Sides<Figures>>,
    /// Mean of B less A.
    pub difference: Option<Figures>,
    /// Where B is worse; absent likewise.
    pub losses: Option<Losses>,
    /// Of all images, with objects or without.
    pub agreement: Agreement,
}

/// Figures against the truth, or differences of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, schemars::JsonSchema)]
pub struct Figures {
    /// Dice coefficient.
    pub dice: f64,
    /// Intersection over union.
    pub iou: f64,
    /// HD95 in pixels.
    pub hd95_px: f64,
}

/// Images on which B is worse than A.
#[derive(Clone, Debug, PartialEq, Serialize, schemars::JsonSchema)]
pub struct Losses {
    /// Images whose Dice drops by more than 0.01.
    pub over_0_01: usize,
    /// Images whose Dice drops by more than 0.05.
    pub over_0_05: usize,
    /// The image that loses most; none if none loses.
    pub worst: Option<Drop>,
}

/// An image's Dice with A, and less with B.
#[derive(Clone, Debug, PartialEq, Serialize, schemars::JsonSchema)]
pub struct Drop {
    /// The image.
    pub stem: String,
    /// Dice of each pack.
    pub dice: Sides<f32>,
    /// A less B.
    pub drop: f32,
}

/// Dice of the two packs' masks.
#[derive(Clone, Debug, PartialEq, Serialize, schemars::JsonSchema)]
pub struct Agreement {
    /// Images.
    pub images: usize,
    /// Mean over them.
    pub mean: f64,
    /// The lowest.
    pub min: f32,
    /// The image that has it.
    pub min_stem: String,
}

/// Distances of embeddings of one set.
#[derive(Clone, Debug, PartialEq, Serialize, schemars::JsonSchema)]
pub struct EmbeddingLine {
    /// The set.
    pub set: String,
    /// Images.
    pub images: usize,
    /// Mean of the relative L2 distance of `image_embed`.
    pub mean: f64,
    /// The largest.
    pub max: f32,
    /// The image that has it.
    pub max_stem: String,
}

/// A line for each set and prompt that has pairs, in the order given.
pub(crate) fn lines(sets: &[String], prompts: &[String], pairs: &[Pair]) -> Vec<Line> {
    let each = sets.iter().flat_map(|set| prompts.iter().map(move |prompt| (set, prompt)));
    each.filter_map(|(set, prompt)| line(set, prompt, pairs)).collect()
}

fn line(set: &str, prompt: &str, pairs: &[Pair]) -> Option<Line> {
    let mine = |pair: &&Pair| pair.set == set && pair.prompt == prompt;
    let pairs: Vec<&Pair> = pairs.iter().filter(mine).collect();
    let lowest = pairs.iter().min_by(|a, b| a.agreement.total_cmp(&b.agreement))?;
    let agreement = Agreement {
        images: pairs.len(),
        mean: Stats::from_values(pairs.iter().map(|pair| pair.agreement))?.mean,
        min: lowest.agreement,
        min_stem: lowest.stem.clone(),
    };
    let with_objects: Vec<&Pair> = pairs.into_iter().filter(|pair| pair.objects > 0).collect();
    let each = || with_objects.iter().map(|pair| pair.outcomes.map(triple));
    let means = mean(each().map(|of| of.a)).zip(mean(each().map(|of| of.b)));
    let less = |[b, a]: [[f32; 3]; 2]| [b[0] - a[0], b[1] - a[1], b[2] - a[2]];
    let differences = each().map(|of| Some(less([of.b?, of.a?])));
    Some(Line {
        set: set.to_string(),
        prompt: prompt.to_string(),
        images: with_objects.len(),
        means: means.map(|(a, b)| Sides { a, b }),
        difference: mean(differences),
        losses: (!with_objects.is_empty()).then(|| losses(&with_objects)),
        agreement,
    })
}

/// Dice, IoU and HD95 of an image with objects.
fn triple(outcome: &Outcome) -> Option<[f32; 3]> {
    Some([outcome.dice?, outcome.iou?, outcome.hd95_px?])
}

fn mean(triples: impl Iterator<Item = Option<[f32; 3]>>) -> Option<Figures> {
    let triples: Vec<[f32; 3]> = triples.flatten().collect();
    let of =
        |place: usize| Some(Stats::from_values(triples.iter().map(|triple| triple[place]))?.mean);
    Some(Figures { dice: of(0)?, iou: of(1)?, hd95_px: of(2)? })
}

fn losses(pairs: &[&Pair]) -> Losses {
    let drops = || pairs.iter().filter_map(|pair| Some((pair, pair.drop()?)));
    let over = |limit| drops().filter(|(_, drop)| *drop > limit).count();
    // Of equal drops the first image's, so that the report does not depend on chance.
    let worst = drops()
        .filter(|(_, drop)| *drop > 0.0)
        .reduce(|worst, next| if next.1 > worst.1 { next } else { worst });
    Losses {
        over_0_01: over(LOSSES[0]),
        over_0_05: over(LOSSES[1]),
        worst: worst.map(|(pair, drop)| Drop {
            stem: pair.stem.clone(),
            dice: pair.outcomes.map(|outcome| outcome.dice.unwrap_or_default()),
            drop,
        }),
    }
}

/// A line for each set that has embeddings to compare.
pub(crate) fn embedding_lines(sets: &[String], all: &[EmbeddingDistance]) -> Vec<EmbeddingLine> {
    let line = |set: &String| {
        let mine = || all.iter().filter(|distance| distance.set == *set);
        let stats = Stats::from_values(mine().map(|distance| distance.relative_l2))?;
        let most = mine().reduce(|a, b| if b.relative_l2 > a.relative_l2 { b } else { a })?;
        Some(EmbeddingLine {
            set: set.clone(),
            images: stats.n,
            mean: stats.mean,
            max: most.relative_l2,
            max_stem: most.stem.clone(),
        })
    };
    sets.iter().filter_map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use uniultra_core::Mask;
    use uniultra_evaluate::RunMask;

    /// A pair of an image with an object, or of one without.
    fn pair(stem: &str, dice: Option<[f32; 2]>, agreement: f32) -> Pair {
        let mask = RunMask::from_mask(&Mask::from_binary(1, 1, vec![0]).unwrap());
        let outcome = |dice: Option<f32>| Outcome {
            prediction_px: 1,
            dice,
            iou: dice.map(|dice| dice / (2.0 - dice)),
            hd95_px: dice.map(|dice| 10.0 * (1.0 - dice)),
        };
        Pair {
            set: "s".to_string(),
            stem: stem.to_string(),
            prompt: "box".to_string(),
            objects: usize::from(dice.is_some()),
            outcomes: Sides { a: outcome(dice.map(|d| d[0])), b: outcome(dice.map(|d| d[1])) },
            agreement,
            masks: Sides { a: mask.clone(), b: mask },
        }
    }

    fn one(pairs: &[Pair]) -> Line {
        let lines = lines(&["s".to_string()], &["box".to_string(), "point".to_string()], pairs);
        let [line] = lines.as_slice() else { panic!("{lines:?}") };
        line.clone()
    }

    #[test]
    fn losses_are_counted_and_the_worst_is_named() {
        let line = one(&[
            pair("up", Some([0.5, 0.75]), 0.5),
            pair("little", Some([0.75, 0.734_375]), 0.9),
            pair("much", Some([0.75, 0.5]), 0.7),
            pair("empty", None, 0.25),
        ]);
        let losses = line.losses.unwrap();
        assert_eq!((losses.over_0_01, losses.over_0_05), (2, 1));
        let worst = losses.worst.unwrap();
        assert_eq!((worst.stem.as_str(), worst.drop), ("much", 0.25));
        assert_eq!(worst.dice, Sides { a: 0.75, b: 0.5 });
        assert_eq!((line.images, line.agreement.images), (3, 4));
        assert_eq!((line.agreement.min, line.agreement.min_stem.as_str()), (0.25, "empty"));
        let (means, difference) = (line.means.unwrap(), line.difference.unwrap());
        assert!((means.b.dice - means.a.dice - difference.dice).abs() < 1e-9);
        assert!(difference.dice < 0.0 && difference.hd95_px > 0.0);
    }

    #[test]
    fn a_pack_and_itself_do_not_differ() {
        let line = one(&[pair("x", Some([0.5, 0.5]), 1.0), pair("y", Some([0.9, 0.9]), 1.0)]);
        assert_eq!(line.difference, Some(Figures::default()));
        assert_eq!(line.losses, Some(Losses { over_0_01: 0, over_0_05: 0, worst: None }));
        assert_eq!((line.agreement.mean, line.agreement.min), (1.0, 1.0));
    }

    #[test]
    fn images_without_objects_have_agreement_only() {
        let line = one(&[pair("x", None, 0.5)]);
        assert_eq!((line.images, line.means, line.difference, line.losses), (0, None, None, None));
        assert_eq!(line.agreement.mean, 0.5);
    }

    #[test]
    fn the_farthest_embedding_is_named() {
        let distance = |stem: &str, relative_l2| EmbeddingDistance {
            set: "s".to_string(),
            stem: stem.to_string(),
            relative_l2,
        };
        let all = [distance("x", 0.25), distance("y", 0.75), distance("z", 0.5)];
        let lines = embedding_lines(&["s".to_string(), "t".to_string()], &all);
        assert_eq!(lines.len(), 1);
        assert_eq!((lines[0].images, lines[0].mean, lines[0].max), (3, 0.5, 0.75));
        assert_eq!(lines[0].max_stem, "y");
    }
}
