//! SIMD kernels of the operations that most of a frame's time goes to.
//!
//! Each float kernel is written once over rten-simd, which picks AVX-512, AVX2, NEON or plain code
//! at run time. The integer kernels also have paths in intrinsics, because rten-simd has no 8-bit
//! dot products. So have, on ARM, attention, GELU, LayerNorm, quantization and what follows a layer (`neon`,
//! `attention::neon`, `linear::finish`), where products by lane and f16 take fewer instructions. Every function
//! checks its sizes ([`KernelError`]), accepts any value (NaN in gives NaN out, never a panic), and gives the same
//! bits however a caller divides the rows among threads. No kernel starts a thread.
//!
//! Three ideas repeat in all of them:
//!
//! - **Tiles.** A single dot product loads two values for each multiplication, more than a core's
//!   load units deliver. Each product therefore computes a tile of results, some rows times some
//!   vectors of columns, and keeps the tile's sums in registers over the whole length of the dot
//!   product. Every loaded value is then used several times. The number of registers decides the
//!   size of a tile.
//! - **Packing.** Constants are laid out once, when the model is loaded, in the order in which the
//!   inner loop reads them. That loop then reads straight ahead, and zeros in the padding spare it
//!   all special cases.
//! - **One order of sums.** Each result is the sum of its products in ascending order, in one lane,
//!   whether it is computed in a tile of eight rows or alone. This makes the bits independent of
//!   the number of threads and of the rows around it.
// `unsafe` is for SIMD loads and stores and for instructions that the running processor must have.
// The root Cargo.toml denies it to the other crates.
#![allow(unsafe_code)]

mod attention;
mod blocks;
mod edges;
mod error;
mod exp;
mod gelu;
mod linear;
#[cfg(target_arch = "aarch64")]
mod neon;
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
