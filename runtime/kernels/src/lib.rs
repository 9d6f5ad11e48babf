//! SIMD kernels of the operations that decide how long a frame takes.
//!
//! Each kernel is written once over rten-simd, which picks AVX-512, AVX2, NEON or plain code when
//! it runs. Every function checks its sizes ([`KernelError`]), takes any value (NaN in gives NaN
//! out, never a panic), and gives the same bits however a caller divides its rows among threads.
//! Kernels start no threads themselves.
// The other crates may not: see the root Cargo.toml.
#![allow(unsafe_code)]

mod attention;
mod error;
mod exp;
mod gelu;
mod linear;
mod norm;
mod quantize;

pub use attention::{Attention, MapView, Scratch};
pub use error::KernelError;
pub use gelu::gelu;
pub use linear::{Activation, Epilogue, Input, LinearF32, LinearI8, LinearScratch, Output};
pub use norm::{LayerNorm, layer_norm};
pub use quantize::quantize;
