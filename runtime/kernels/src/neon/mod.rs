//! What the kernels do in intrinsics of NEON where rten-simd cannot say it, or where its operations
//! take more instructions. Each function has a portable twin, which its tests compare it with.

mod gelu;
mod norm;
mod steps;

pub(crate) use gelu::{CoarseCurve, Curve, gelu};
pub(crate) use norm::layer_norm;
pub(crate) use steps::{Steps, narrow, quantize};
