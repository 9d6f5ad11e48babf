//! What every reader of untrusted input must hold for any bytes.
//!
//! Each function passes bytes to one public reader. It panics if the reader panics or if it accepts something
//! that breaks its guarantees. `tests/fuzz` runs the functions under libFuzzer, and a test here replays the
//! seeds that fuzzing found.
#![allow(
    clippy::expect_used,
    clippy::panic,
    reason = "a broken guarantee is reported by a panic, which fuzzer and test harness expect"
)]

// The codecs' own tests feed them the same way.
#[path = "../../../runtime/dicom/tests/hostile/mod.rs"]
mod dicom_file;
#[path = "../../../runtime/igtl/tests/hostile/mod.rs"]
mod igtl_stream;
#[cfg(feature = "onnx")]
mod onnx;

#[cfg(feature = "onnx")]
pub use onnx::{onnx_load, quantize_graph};

use uniultra_checkpoint::Checkpoint;
use uniultra_core::{
    DecodeOptions, DecoderInput, Frame, MAX_SIDE_PX, MAX_TOKENS, MIN_SIDE_PX, PointLabel,
    PromptError, Prompts,
};
use uniultra_manifest::{Board, Manifest};
use uniultra_prepare::Volume;
use uniultra_sink::read_mask_prompt;

/// A target by its name: the name of a folder of seeds and of a fuzz target.
pub type Target = (&'static str, fn(&[u8]));

/// Every target of this build.
pub const TARGETS: &[Target] = &[
    ("board", board),
    ("checkpoint", checkpoint),
    ("dicom", dicom),
    ("frame_decode", frame_decode),
    ("igtl", igtl),
    ("manifest", manifest),
    ("mask_prompt", mask_prompt),
    ("prompts", prompts),
    ("volume", volume),
    #[cfg(feature = "onnx")]
    ("onnx_load", onnx_load),
    #[cfg(feature = "onnx")]
    ("quantize_graph", quantize_graph),
];

/// A `model.toml`: refused, or accepted and then stable under writing and reading.
pub fn manifest(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    if let Ok(manifest) = Manifest::parse(text) {
        let written = manifest.to_toml().expect("a parsed manifest is valid");
        assert_eq!(Manifest::parse(&written).expect("what was written parses"), manifest);
    }
}

/// A board profile: refused, or accepted and then consistent, and stable under writing and reading.
pub fn board(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    if let Ok(board) = Board::parse(text) {
        assert!(board.pins().iter().all(|&cpu| board.cores_of(cpu).is_some()));
        let written = board.to_toml().expect("a parsed profile is valid");
        assert_eq!(Board::parse(&written).expect("what was written parses"), board);
    }
}

/// A checkpoint, safetensors or PyTorch file.
pub fn checkpoint(bytes: &[u8]) {
    if let Ok(checkpoint) = Checkpoint::from_bytes(bytes) {
        let finite = |values: &[f32]| values.iter().all(|value| value.is_finite());
        assert!(checkpoint.tensors().all(|(_, tensor)| finite(tensor.data())));
        let _ = checkpoint.recognise();
    }
}

/// A DICOM file, and documents about it.
pub fn dicom(bytes: &[u8]) {
    let _ = dicom_file::read(bytes);
}

/// What an OpenIGTLink peer sends.
pub fn igtl(bytes: &[u8]) {
    igtl_stream::feed(bytes);
}

/// An image file.
pub fn frame_decode(bytes: &[u8]) {
    if let Ok(frame) = Frame::decode(bytes) {
        let sides = MIN_SIDE_PX..=MAX_SIDE_PX;
        assert!(sides.contains(&frame.width()) && sides.contains(&frame.height()));
        assert!(frame.gray(frame.width() - 1, frame.height() - 1).is_some());
        let stored = DecodeOptions::new().with_stored_orientation();
        let stored = Frame::decode_with(bytes, &stored);
        assert!(stored.is_ok_and(|stored| stored.orientation_applied.is_none()));
    }
}

/// A `.npy` mask prompt. The first byte chooses the mask.
pub fn mask_prompt(bytes: &[u8]) {
    let Some((&index, content)) = bytes.split_first() else { return };
    let folder = tempfile::tempdir().expect("a scratch folder");
    let path = folder.path().join("mask.npy");
    std::fs::write(&path, content).expect("a scratch file");
    let index = (index < u8::MAX).then_some(usize::from(index));
    if let Ok(prompt) = read_mask_prompt(&path, index) {
        assert_eq!(prompt.logits().len(), prompt.side() * prompt.side());
        assert!(prompt.logits().iter().all(|value| value.is_finite()));
    }
}

/// A NIfTI or MetaImage file with its samples inside.
pub fn volume(bytes: &[u8]) {
    if let Ok(volume) = Volume::from_bytes(bytes) {
        let (width, height) = (volume.width(), volume.height());
        assert!((1..=MAX_SIDE_PX).contains(&width) && (1..=MAX_SIDE_PX).contains(&height));
        assert!(volume.labels().is_none_or(|labels| labels.len() == width * height));
        if let Ok(frame) = volume.into_frame() {
            assert_eq!((frame.width(), frame.height()), (width, height));
        }
    }
}

/// A frame and a model; what matters is that the frame is neither square nor of the model's size.
const WIDTH_PX: usize = 640;
const HEIGHT_PX: usize = 480;
const IMAGE_SIZE: usize = 1024;

/// Points and a box as raw floats: NaN, infinities, far outside, too many. The first byte says whether there is
/// a box; then four floats for it, then nine bytes a point: x, y, label.
pub fn prompts(bytes: &[u8]) {
    let Ok(prompts) = collect(bytes) else { return };
    if let Ok(input) = DecoderInput::from_prompts(&prompts, WIDTH_PX, HEIGHT_PX, IMAGE_SIZE) {
        assert_eq!(input.point_coords.len(), input.point_labels.len());
        assert!(input.point_coords.len() <= MAX_TOKENS);
        let inside = 0.0..=IMAGE_SIZE as f32;
        assert!(input.point_coords.iter().flatten().all(|value| inside.contains(value)));
    }
}

fn collect(bytes: &[u8]) -> Result<Prompts, PromptError> {
    let mut prompts = Prompts::new();
    let Some((&first, mut rest)) = bytes.split_first() else { return Ok(prompts) };
    if first & 1 == 1
        && let Some((corners, after)) = rest.split_first_chunk::<16>()
    {
        let [x0, y0, x1, y1] = [0, 4, 8, 12].map(|start| float(corners, start));
        prompts = prompts.with_box(x0, y0, x1, y1)?;
        rest = after;
    }
    while let Some((point, after)) = rest.split_first_chunk::<9>() {
        let label = if point[8] & 1 == 1 { PointLabel::Positive } else { PointLabel::Negative };
        prompts = prompts.with_point(float(point, 0), float(point, 4), label)?;
        rest = after;
    }
    Ok(prompts)
}

fn float(bytes: &[u8], start: usize) -> f32 {
    let bits: [u8; 4] = std::array::from_fn(|i| bytes[start + i]);
    f32::from_le_bytes(bits)
}
