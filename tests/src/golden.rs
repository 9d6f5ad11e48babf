//! The golden set: expected outputs of SAM 2 Hiera-Tiny on four fetal heads and on synthetic
//! features.
//!
//! `../shared/golden/README.md` (beside the repository) says how each number was computed. The set
//! is not part of the repository: if it is absent, [`Golden::open`] prints so and returns `None`,
//! and tests end there.
//!
//! ```no_run
//! # use uniultra_tests::golden::Golden;
//! let Some(golden) = Golden::open() else { return };
//! for image in golden.images() {
//!     let pixels = image.gray();
//!     for prompt in &image.prompts {
//!         // ... predict, then compare with prompt.masks and prompt.iou:
//!         # let (masks, iou) = (vec![], [0.0; 3]);
//!         let agreement = prompt.compare(&masks, &iou);
//!     }
//! }
//! ```
#![allow(
    clippy::expect_used,
    clippy::panic,
    reason = "a test helper fails its test by panicking with the file's or field's name"
)]

mod compare;

pub use compare::{Agreement, dice, max_abs_difference};

use crate::reference::{Features, Tensors};
use safetensors::{Dtype, SafeTensors};
use serde_json::Value;
use std::path::{Path, PathBuf};

/// Image size of the golden set: coordinates of prompts are in this space.
pub const IMAGE_SIZE: usize = 1024;
/// Side of the low-resolution masks.
pub const MASK_SIDE: usize = IMAGE_SIZE / 4;
/// Expected logits were clamped to this absolute value.
pub const LOGIT_CLAMP: f32 = 32.0;

/// The opened golden set.
#[derive(Debug)]
pub struct Golden {
    shared: PathBuf,
    index: Value,
}

/// One image with its expected outputs.
#[derive(Clone, Debug)]
pub struct GoldenImage {
    /// Number of the HC18 image, for example `003`.
    pub id: String,
    /// The PNG, 8-bit gray, 800x540.
    pub frame: PathBuf,
    /// The prompts, and the expected result of each.
    pub prompts: Vec<GoldenPrompt>,
    /// Sampled elements of `input`, `high_res_feats_0`, `high_res_feats_1` and `image_embed`.
    pub samples: Vec<GoldenSample>,
}

/// One prompt with its expected masks.
#[derive(Clone, Debug)]
pub struct GoldenPrompt {
    /// `point`, `two_points`, `box`, `box_point`, ...
    pub name: String,
    /// (x, y) in 1024-space; a box is the first two, the appended padding point is not listed.
    pub points: Vec<[f32; 2]>,
    /// 1 foreground, 0 background, 2 and 3 a box's corners, -1 padding.
    pub labels: Vec<f32>,
    /// Whether the mask prompt of [`HashFeatures`] goes with it.
    pub with_mask_input: bool,
    /// [3, 256, 256] logits of mask tokens 1 to 3, clamped to +-32.
    pub masks: Vec<f32>,
    /// Predicted IoU of the three.
    pub iou: [f32; 3],
    /// Index of the largest of `iou`.
    pub best: usize,
}

/// Elements `k * step` of a flattened tensor.
#[derive(Clone, Debug)]
pub struct GoldenSample {
    /// Name of the tensor.
    pub tensor: String,
    /// Distance between sampled elements.
    pub step: usize,
    /// The expected elements, 2048 of them.
    pub values: Vec<f32>,
}

/// The synthetic features of the decoder-only set.
#[derive(Clone, Debug)]
pub struct HashFeatures {
    /// A substitute for the image encoder's output.
    pub features: Features,
    /// [256, 256] logits, for prompts that say `with_mask_input`.
    pub mask_input: Vec<f32>,
}

impl Golden {
    /// Opens the set, or says on stderr that it is absent.
    ///
    /// # Panics
    /// If it is there and cannot be read.
    #[must_use]
    #[allow(clippy::print_stderr, reason = "a skipped test says so")]
    pub fn open() -> Option<Self> {
        let shared = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared");
        if !shared.is_dir() {
            eprintln!("skipped: no ../shared");
            return None;
        }
        let index = read(&shared.join("golden/golden.json"));
        let index = serde_json::from_slice(&index).expect("golden.json is JSON");
        Some(Self { shared, index })
    }

    /// SAM 2 Hiera-Tiny's checkpoint: half-precision safetensors without `pred_obj_score_head`.
    #[must_use]
    pub fn tiny_checkpoint(&self) -> PathBuf {
        self.shared.join("weights/sam2_hiera_tiny.fp16.safetensors")
    }

    /// The four images, with every prompt and sample.
    #[must_use]
    pub fn images(&self) -> Vec<GoldenImage> {
        let images = self.index["images"].as_object().expect("golden.json: images");
        images.keys().map(|id| self.image(id)).collect()
    }

    /// One image by its HC18 number.
    ///
    /// # Panics
    /// If the set has no such image.
    #[must_use]
    pub fn image(&self, id: &str) -> GoldenImage {
        let entry = &self.index["images"][id];
        let file = entry["file"].as_str().unwrap_or_else(|| panic!("golden image `{id}`"));
        let tensors = read_safetensors(&self.golden(&format!("hc18_{id}.safetensors")));
        let samples = entry["samples"].as_object().expect("golden.json: samples");
        GoldenImage {
            id: id.to_owned(),
            frame: self.golden(file),
            prompts: prompts(&entry["prompts"], &tensors),
            samples: samples
                .iter()
                .map(|(tensor, facts)| GoldenSample {
                    tensor: tensor.clone(),
                    step: facts["step"].as_u64().expect("golden.json: step") as usize,
                    values: tensors[&format!("sample.{tensor}")].1.clone(),
                })
                .collect(),
        }
    }

    /// The prompts of the decoder-only set, to be run on [`HashFeatures::new`].
    #[must_use]
    pub fn decoder_only(&self) -> Vec<GoldenPrompt> {
        let tensors = read_safetensors(&self.golden("decoder_hash.safetensors"));
        prompts(&self.index["decoder_hash"]["prompts"], &tensors)
    }

    /// The first values of a synthetic feature map, from golden.json.
    #[must_use]
    pub fn first_hash_values(&self, tensor: &str) -> Vec<f64> {
        numbers(&self.index["decoder_hash"][format!("{tensor}_first4")])
    }

    fn golden(&self, file: &str) -> PathBuf {
        self.shared.join("golden").join(file)
    }
}

impl GoldenImage {
    /// Gray values 0..255 as [h, w] in row-major order, with h and w.
    ///
    /// # Panics
    /// If the frame cannot be decoded.
    #[must_use]
    pub fn gray(&self) -> (Vec<f32>, usize, usize) {
        let image = image::open(&self.frame).expect("golden frame decodes").into_luma8();
        let (w, h) = image.dimensions();
        (image.into_raw().into_iter().map(f32::from).collect(), h as usize, w as usize)
    }

    /// The sample of one tensor.
    ///
    /// # Panics
    /// If the set has no such sample.
    #[must_use]
    pub fn sample(&self, tensor: &str) -> &GoldenSample {
        let found = self.samples.iter().find(|s| s.tensor == tensor);
        found.unwrap_or_else(|| panic!("no sample of `{tensor}`"))
    }
}

impl HashFeatures {
    /// The features and the mask prompt, by the formula of the golden README.
    #[must_use]
    pub fn new() -> Self {
        let square = |side: usize| side * side;
        Self {
            features: Features {
                image_embed: hash_values(1, 1.0, 256 * square(IMAGE_SIZE / 16)),
                high_res_feats_0: hash_values(2, 0.5, 32 * square(IMAGE_SIZE / 4)),
                high_res_feats_1: hash_values(3, 0.5, 64 * square(IMAGE_SIZE / 8)),
            },
            mask_input: hash_values(4, 20.0, square(MASK_SIDE)),
        }
    }
}

impl Default for HashFeatures {
    fn default() -> Self {
        Self::new()
    }
}

/// `(((((i + seed) * 2654435761) mod 2^32) >> 8) / 2^24 - 0.5) * scale` for i = 0 .. len.
#[must_use]
pub fn hash_values(seed: u32, scale: f64, len: usize) -> Vec<f32> {
    (0..len as u32)
        .map(|i| {
            let hash = i.wrapping_add(seed).wrapping_mul(2_654_435_761) >> 8;
            ((f64::from(hash) / f64::from(1 << 24) - 0.5) * scale) as f32
        })
        .collect()
}

/// Every tensor of a safetensors file of halves and singles, as `f32`.
///
/// # Panics
/// If the file cannot be read or holds another type.
#[must_use]
pub fn read_safetensors(path: &Path) -> Tensors {
    let bytes = read(path);
    let file = SafeTensors::deserialize(&bytes)
        .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let convert = |view: &safetensors::tensor::TensorView<'_>| -> Vec<f32> {
        match view.dtype() {
            Dtype::F32 => {
                let chunks = view.data().as_chunks::<4>().0.iter();
                chunks.map(|b| f32::from_le_bytes(*b)).collect()
            }
            Dtype::F16 => {
                let chunks = view.data().as_chunks::<2>().0.iter();
                chunks.map(|b| half::f16::from_le_bytes(*b).to_f32()).collect()
            }
            other => panic!("{}: expected F32 or F16, found {other:?}", path.display()),
        }
    };
    file.iter()
        .map(|(name, view)| (name.to_owned(), (view.shape().to_vec(), convert(&view))))
        .collect()
}

fn read(path: &Path) -> Vec<u8> {
    std::fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn prompts(entries: &Value, tensors: &Tensors) -> Vec<GoldenPrompt> {
    let entries = entries.as_object().expect("golden.json: prompts");
    entries
        .iter()
        .map(|(name, entry)| {
            let points = entry["point_coords"].as_array().expect("golden.json: point_coords");
            let iou: [f32; 3] =
                tensors[&format!("iou.{name}")].1.as_slice().try_into().expect("three IoUs");
            let largest = |best, i| if iou[i] > iou[best] { i } else { best };
            GoldenPrompt {
                name: name.clone(),
                points: points
                    .iter()
                    .map(|xy| match numbers(xy)[..] {
                        [x, y] => [x as f32, y as f32],
                        _ => panic!("golden.json: {name}: a point has two coordinates"),
                    })
                    .collect(),
                labels: numbers(&entry["point_labels"]).iter().map(|&v| v as f32).collect(),
                with_mask_input: entry["mask_input"].as_bool().unwrap_or(false),
                masks: tensors[&format!("masks.{name}")].1.clone(),
                iou,
                best: (0..3).fold(0, largest),
            }
        })
        .collect()
}

fn numbers(list: &Value) -> Vec<f64> {
    let list = list.as_array().expect("golden.json: a list of numbers");
    list.iter().map(|v| v.as_f64().expect("golden.json: a number")).collect()
}
