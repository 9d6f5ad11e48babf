//! A network that finds dark regions, and frames with a dark disc.
#![allow(dead_code, unreachable_pub, reason = "each test uses a part of this module")]

use std::cell::Cell;
use std::time::Duration;
use uniultra_core::{DecoderInput, DecoderOutput, Frame, Mask, Network, Pixels, Segmenter};
use uniultra_live::CapturedFrame;
use uniultra_manifest::{
    Channels, EdgeLayout, Manifest, Model, Normalization, Precision, Preprocess, Provenance,
    SCHEMA_VERSION, Source, Variant, WeightFormat, image_encoder_contract, mask_decoder_contract,
    sha256_hex,
};

const IMAGE_SIZE: usize = 256;
const SIDE: usize = IMAGE_SIZE / 4;
/// Sides of a frame.
const WIDTH: usize = 320;
const HEIGHT: usize = 240;

fn manifest() -> Manifest {
    let file = |name: &str, (inputs, outputs)| uniultra_manifest::Network {
        file: name.to_string(),
        bytes: 1,
        sha256: sha256_hex(b"x"),
        inputs,
        outputs,
    };
    Manifest {
        schema_version: SCHEMA_VERSION,
        model: Model {
            id: "fake".to_string(),
            version: "1".to_string(),
            variant: Variant::Mini,
            ch_adapters: true,
            edge_layout: EdgeLayout::Spatial,
            image_size: IMAGE_SIZE,
            channels: Channels::Gray,
            precision: Precision::F32,
            weights: WeightFormat::F32,
            simplified: true,
            object_score: true,
        },
        quantization: None,
        qat: None,
        preprocess: Preprocess {
            normalization: Normalization::Graph,
            mean: [0.485, 0.456, 0.406],
            std: [0.229, 0.224, 0.225],
        },
        source: Source { checkpoint_sha256: sha256_hex(b"y"), tool: "test".to_string() },
        provenance: Provenance {
            training_data: "none".to_string(),
            licence: "none".to_string(),
            intended_use: "tests".to_string(),
        },
        metrics: Default::default(),
        image_encoder: file(
            "image_encoder.onnx",
            image_encoder_contract(IMAGE_SIZE, Channels::Gray),
        ),
        mask_decoder: file("mask_decoder.onnx", mask_decoder_contract(IMAGE_SIZE)),
    }
}

/// Answers with the dark region round the first point inside, or in a box.
#[derive(Default)]
pub struct Dark {
    /// Points of the last question, and whether it had a mask.
    pub last_asked: Cell<(usize, bool)>,
    /// Frames that were encoded.
    pub asked: Cell<usize>,
}

#[derive(Debug, thiserror::Error)]
#[error("never")]
pub struct Never;

impl Network for Dark {
    type Source = ();
    type Options = ();
    /// Which cells of the grid of logits are dark.
    type Embedding = Vec<bool>;
    type Error = Never;

    fn open((): &(), (): &()) -> Result<(Self, Manifest), Never> {
        Ok((Self::default(), manifest()))
    }

    fn encode(&self, image: &[f32]) -> Result<Vec<bool>, Never> {
        self.asked.set(self.asked.get() + 1);
        let middle = |cell: usize| cell * 4 + 2;
        let dark = |at: usize| image[middle(at / SIDE) * IMAGE_SIZE + middle(at % SIDE)] < 0.2;
        Ok((0..SIDE * SIDE).map(dark).collect())
    }

    fn decode(
        &self,
        dark: &Vec<bool>,
        input: &DecoderInput,
        out: &mut DecoderOutput,
    ) -> Result<(), Never> {
        self.last_asked.set((input.point_coords.len(), input.mask_input.is_some()));
        let cell = |xy: [f32; 2]| xy.map(|v| ((v / 4.0) as usize).min(SIDE - 1));
        let mut region = vec![false; SIDE * SIDE];
        let mut open: Vec<usize> = Vec::new();
        for (xy, label) in input.point_coords.iter().zip(&input.point_labels) {
            let [x, y] = cell(*xy);
            if *label == 1.0 && dark[y * SIDE + x] {
                open.push(y * SIDE + x);
            }
        }
        while let Some(at) = open.pop() {
            if !dark[at] || std::mem::replace(&mut region[at], true) {
                continue;
            }
            let (x, y) = (at % SIDE, at / SIDE);
            open.extend(
                [(x > 0).then(|| at - 1), (x + 1 < SIDE).then_some(at + 1)].iter().flatten(),
            );
            open.extend(
                [(y > 0).then(|| at - SIDE), (y + 1 < SIDE).then_some(at + SIDE)].iter().flatten(),
            );
        }
        let found = region.contains(&true);
        for mask in out.logits.chunks_exact_mut(SIDE * SIDE) {
            for (logit, inside) in mask.iter_mut().zip(&region) {
                *logit = if *inside { 9.0 } else { -9.0 };
            }
        }
        out.predicted_iou = [0.9; 4];
        out.object_score_logit = if found { 5.0 } else { -5.0 };
        Ok(())
    }
}

fn inside([x0, y0]: [f32; 2], radius: f32, at: usize) -> bool {
    ((at % WIDTH) as f32 - x0).hypot((at / WIDTH) as f32 - y0) <= radius
}

/// Gray tissue with a coarse pattern that moves by `moved`, and a dark disc.
pub fn frame(number: u64, moved: [f32; 2], disc: Option<([f32; 2], f32)>) -> CapturedFrame {
    let pixel = |at: usize| {
        let (x, y) = ((at % WIDTH) as f32 - moved[0], (at / WIDTH) as f32 - moved[1]);
        let pattern =
            (x * 0.11).sin() * (y * 0.13).cos() * 40.0 + (x * 0.037 + y * 0.051).sin() * 30.0;
        match disc {
            Some((place, radius)) if inside(place, radius, at) => 12,
            _ => (150.0 + pattern) as u8,
        }
    };
    let pixels = Pixels::Gray8((0..WIDTH * HEIGHT).map(pixel).collect());
    let frame = Frame::new(WIDTH, HEIGHT, pixels).unwrap();
    CapturedFrame { number, captured: Duration::from_millis(50 * number), spacing: None, frame }
}

pub fn truth(place: [f32; 2], radius: f32) -> Mask {
    let data = (0..WIDTH * HEIGHT).map(|at| u8::from(inside(place, radius, at))).collect();
    Mask::from_binary(WIDTH, HEIGHT, data).unwrap()
}

pub fn segmenter() -> Segmenter<Dark> {
    Segmenter::<Dark>::open(&()).unwrap()
}
