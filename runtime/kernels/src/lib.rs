//! SIMD kernels of the operations that decide how long a frame takes.
//!
//! Each kernel is written once over rten-simd, which picks AVX-512, AVX2, NEON or plain code when
//! it runs. Every function checks its sizes ([`KernelError`]), takes any value (NaN in gives NaN
//! out, never a panic), and gives the same bits however a caller divides its rows among threads.
//! Kernels start no threads themselves.
// The other crates may not: see the root Cargo.toml.
#![allow(unsafe_code)]

mod attention;
mod blocks;
mod edges;
mod error;
mod exp;
mod gelu;
mod linear;
mod norm;
mod patches;
mod planes;
mod pool;
mod quantize;
mod transpose;

pub use attention::{Attention, MapView, Scratch};
pub use blocks::{Blocks, planes_to_tokens};
pub use edges::{EdgeMap, edge_magnitude};
pub use error::KernelError;
pub use gelu::gelu;
pub use linear::{
    Activation, Epilogue, Input, LinearF32, LinearI8, LinearScratch, Output, Residual,
};
pub use norm::{LayerNorm, layer_norm};
pub use patches::{Patches, Window};
pub use planes::{add_doubled, pack_tokens, panel_pixels, planes};
pub use pool::{max_pool_planes, max_pool_tokens};
pub use quantize::quantize;
