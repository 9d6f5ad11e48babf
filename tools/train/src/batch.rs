//! Examples as tensors.

use tch::{Device, Kind, Tensor};
use uniultra_dataset::Example;

/// Mean and deviation of red, green and blue, as SAM 2's networks expect them.
const MEAN: [f32; 3] = [0.485, 0.456, 0.406];
const STD: [f32; 3] = [0.229, 0.224, 0.225];

/// Normalised images `[B, 3, S, S]`; the three channels start from the same gray.
pub fn images(examples: &[Example], size: usize, device: Device) -> Tensor {
    let side = size as i64;
    let planes: Vec<Tensor> = examples
        .iter()
        .map(|example| Tensor::from_slice(&example.image).reshape([1, side, side]))
        .collect();
    let gray = Tensor::stack(&planes, 0).to_device(device);
    let channel =
        |values: [f32; 3]| Tensor::from_slice(&values).reshape([1, 3, 1, 1]).to_device(device);
    (gray - channel(MEAN)) / channel(STD)
}

/// Masks `[P, 1, S, S]`, 0 or 1.
pub fn masks(masks: &[&[u8]], size: usize, device: Device) -> Tensor {
    let side = size as i64;
    let planes: Vec<Tensor> =
        masks.iter().map(|mask| Tensor::from_slice(mask).reshape([1, side, side])).collect();
    Tensor::stack(&planes, 0).to_device(device).to_kind(Kind::Float)
}

/// Row-major values of a tensor on the host.
///
/// # Panics
/// Never for a float tensor: flattening makes it one-dimensional.
#[must_use]
pub fn host(tensor: &Tensor) -> Vec<f32> {
    let flat =
        tensor.detach().to_device(Device::Cpu).to_kind(Kind::Float).contiguous().flatten(0, -1);
    Vec::try_from(flat).unwrap_or_default()
}
