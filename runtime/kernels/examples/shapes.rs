//! The kernels at the sizes of UniUltra-mini at 512 px, each once: what instructions are counted of.
//!
//! It writes a line `ready` when a kernel's buffers have their size and `N encode KERNEL SIZES` or
//! `N click KERNEL SIZES` when the kernel has run once more, where `N` is how often an encode, or a
//! click, runs it. Counted are the instructions between the two lines.

use std::error::Error;
use std::io::Write;
use uniultra_kernels::{
    Activation, Blocks, Epilogue, Input, KernelError, LayerNorm, LinearF32, LinearI8,
    LinearScratch, Output, Patches, Residual, Window, gelu, layer_norm, pack_tokens, panel_pixels,
    planes, quantize,
};

/// How often, and in what.
type Times = (usize, &'static str);

/// A linear layer: its place, `[rows, inputs, outputs]`, and what surrounds it.
struct Layer(Times, [usize; 3], From, Then);

/// The input.
#[derive(Clone, Copy)]
enum From {
    Int8,
    Real,
}

/// What follows the products.
#[derive(Clone, Copy)]
enum Then {
    Store,
    Add,
    AddWithEdges,
    AddThenGelu,
    GeluThenQuantize,
    ReluThenQuantize,
}

const E1: Times = (1, "encode");
const LAYERS: &[Layer] = &[
    // The first stage, and what leads to the second.
    Layer(E1, [16384, 16, 48], From::Int8, Then::Store),
    Layer(E1, [16384, 16, 16], From::Real, Then::Add),
    Layer(E1, [16384, 16, 68], From::Int8, Then::GeluThenQuantize),
    Layer(E1, [16384, 68, 16], From::Int8, Then::AddWithEdges),
    Layer(E1, [16384, 16, 32], From::Int8, Then::Store),
    Layer(E1, [16384, 16, 96], From::Int8, Then::Store),
    // The second.
    Layer((2, "encode"), [4096, 32, 32], From::Real, Then::Add),
    Layer((2, "encode"), [4096, 32, 136], From::Int8, Then::GeluThenQuantize),
    Layer((2, "encode"), [4096, 136, 32], From::Int8, Then::AddWithEdges),
    Layer(E1, [4096, 32, 96], From::Int8, Then::Store),
    Layer(E1, [4096, 32, 64], From::Int8, Then::Store),
    Layer(E1, [4096, 32, 192], From::Int8, Then::Store),
    // The third.
    Layer((7, "encode"), [1024, 64, 64], From::Real, Then::Add),
    Layer((7, "encode"), [1024, 64, 272], From::Int8, Then::GeluThenQuantize),
    Layer((7, "encode"), [1024, 272, 64], From::Int8, Then::AddWithEdges),
    Layer((6, "encode"), [1024, 64, 192], From::Int8, Then::Store),
    Layer(E1, [1024, 64, 128], From::Int8, Then::Store),
    Layer(E1, [1024, 64, 384], From::Int8, Then::Store),
    // The fourth.
    Layer((2, "encode"), [256, 128, 128], From::Real, Then::Add),
    Layer((2, "encode"), [256, 128, 544], From::Int8, Then::GeluThenQuantize),
    Layer((2, "encode"), [256, 544, 128], From::Int8, Then::AddWithEdges),
    Layer(E1, [256, 128, 384], From::Int8, Then::Store),
    // The decoder's image tokens.
    Layer((2, "click"), [1024, 128, 256], From::Real, Then::Add),
    Layer((5, "click"), [1024, 256, 128], From::Int8, Then::Store),
    Layer((1, "click"), [1024, 256, 256], From::Int8, Then::Store),
    // Its prompts' tokens.
    Layer((2, "click"), [8, 256, 2048], From::Int8, Then::ReluThenQuantize),
    Layer((2, "click"), [8, 2048, 256], From::Int8, Then::Add),
    Layer((12, "click"), [8, 256, 256], From::Int8, Then::Store),
    Layer((8, "click"), [1, 256, 256], From::Real, Then::ReluThenQuantize),
];

/// In f32 in every pack.
const UPSCALING: Layer = Layer((1, "click"), [4096, 64, 128], From::Real, Then::AddThenGelu);

fn numbers(count: usize, seed: u32, scale: f32) -> Vec<f32> {
    let value = |i: u32| (i.wrapping_mul(2_654_435_761) ^ seed) as i32 as f32 / 2.2e9;
    (0..count as u32).map(|i| value(i) * scale).collect()
}

fn bytes(count: usize, seed: u32) -> Vec<i8> {
    (0..count as u32)
        .map(|i| ((i.wrapping_mul(2_654_435_761) ^ seed) >> 24) as i8)
        .map(|byte| byte.max(-127))
        .collect()
}

/// Runs a kernel twice, and says when each is done.
fn case(
    to: &mut impl Write,
    (times, phase): Times,
    name: &str,
    mut run: impl FnMut() -> Result<(), KernelError>,
) -> Result<(), Box<dyn Error>> {
    run()?;
    writeln!(to, "ready")?;
    run()?;
    writeln!(to, "{times} {phase} {name}")?;
    Ok(())
}

impl Layer {
    fn name(&self, kind: &str) -> String {
        let Self(_, [rows, k, n], from, then) = self;
        let from = if let From::Real = from { "real" } else { "int8" };
        let then = match then {
            Then::Store => "",
            Then::Add => " add",
            Then::AddWithEdges => " add-edges",
            Then::AddThenGelu => " add-gelu",
            Then::GeluThenQuantize => " gelu-quantize",
            Then::ReluThenQuantize => " relu-quantize",
        };
        format!("{kind} {rows}x{k}x{n} {from}{then}")
    }

    fn run(&self, integer: bool, to: &mut impl Write) -> Result<(), Box<dyn Error>> {
        let Self(times, [rows, k, n], from, then) = *self;
        let scratch = &mut LinearScratch::default();
        let (bias, values) = (numbers(n, 1, 1.0), numbers(rows * n, 2, 3.0));
        let (factors, columns) = (numbers(rows, 3, 1.0), numbers(n, 4, 1.0));
        let residual = match then {
            Then::Add | Then::AddThenGelu => Residual::Values(&values),
            Then::AddWithEdges => {
                Residual::WithProduct { values: &values, rows: &factors, columns: &columns }
            }
            _ => Residual::None,
        };
        let activation = match then {
            Then::GeluThenQuantize | Then::AddThenGelu => Activation::Gelu,
            Then::ReluThenQuantize => Activation::Relu,
            _ => Activation::Identity,
        };
        let epilogue = Epilogue { residual, activation };
        let quantized = matches!(then, Then::GeluThenQuantize | Then::ReluThenQuantize);
        let (mut real, mut int8) = (vec![0.0; rows * n], vec![0; rows * n]);
        let mut run = |run: &mut dyn FnMut(Output<'_>) -> Result<(), KernelError>| {
            if quantized && integer {
                run(Output::Quantized { scale: 0.03, values: &mut int8 })
            } else {
                run(Output::Real(&mut real))
            }
        };
        let x = numbers(rows * k, 5, 2.0);
        if integer {
            let bytes_in = bytes(rows * k, 6);
            // The sums' deviation becomes about 1.5.
            let scale = vec![1.5 / (74.0 * 74.0 * (k as f32).sqrt()); n];
            let layer = LinearI8::new(&bytes(k * n, 7), [k, n], &scale, &bias)?;
            let input = match from {
                From::Int8 => Input::Quantized(&bytes_in),
                From::Real => Input::Real { scale: 0.02, values: &x },
            };
            case(to, times, &self.name("int8"), || {
                run(&mut |out| layer.run(input, &epilogue, out, scratch))
            })
        } else {
            let weights = numbers(k * n, 7, 0.3);
            let layer = LinearF32::new(&weights, [k, n], &bias)?.in_halves(&weights);
            case(to, times, &self.name("f32"), || {
                run(&mut |out| layer.run(&x, &epilogue, out, scratch))
            })
        }
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut to = std::io::stdout().lock();
    for layer in LAYERS {
        layer.run(true, &mut to)?;
    }
    UPSCALING.run(false, &mut to)?;
    for layer in LAYERS {
        layer.run(false, &mut to)?;
    }

    let image = numbers(512 * 512, 1, 1.0);
    let window = Window { kernel: [7, 7], stride: [4, 4], padding: [3, 3] };
    let patches = Patches::new(&numbers(16 * 49, 2, 0.3), [16, 1], window, &numbers(16, 3, 1.0))?;
    let (added, mut out, mut band) = (numbers(16384 * 16, 4, 1.0), vec![0.0; 16384 * 16], vec![]);
    case(&mut to, E1, "patches 16384x49x16", || {
        patches.run(&image, [512, 512], [0, 128], &added, &mut out, &mut band)
    })?;

    for (times, pixels, k, n) in [
        (E1, 16384, 16, 32),
        (E1, 4096, 32, 64),
        (E1, 1024, 64, 256),
        (E1, 256, 128, 256),
        ((1, "click"), 16384, 32, 4),
    ] {
        let side = (pixels as f64).sqrt() as usize;
        let blocks = Blocks::new([side, side], 0)?;
        let tokens = numbers(pixels * k, 1, 1.0);
        let mut packed = vec![0.0; pixels.next_multiple_of(panel_pixels()) * k];
        case(&mut to, times, &format!("pack {pixels}x{k}"), || {
            pack_tokens(&blocks, &tokens, k, 0, &mut packed)
        })?;
        let (weight, bias, mut out) =
            (numbers(n * k, 2, 1.0), numbers(n, 3, 1.0), vec![0.0; n * pixels]);
        case(&mut to, times, &format!("planes {pixels}x{k}x{n}"), || {
            planes(&packed, &weight, [k, pixels], &bias, &mut out)
        })?;
    }

    for (times, rows, channels) in [
        ((3, "encode"), 16384, 16),
        ((4, "encode"), 4096, 32),
        ((14, "encode"), 1024, 64),
        ((3, "encode"), 256, 128),
        ((2, "click"), 1024, 256),
        ((1, "click"), 4096, 64),
    ] {
        let (x, mut out) = (numbers(rows * channels, 1, 3.0), vec![0.0; rows * channels]);
        let norm = LayerNorm { epsilon: 1e-6, affine: None };
        case(&mut to, times, &format!("norm {rows}x{channels}"), || {
            layer_norm(&norm, channels, &x, &mut out)
        })?;
        let mut int8 = vec![0; x.len()];
        case(&mut to, times, &format!("quantize {rows}x{channels}"), || {
            quantize(&out, 0.02, &mut int8)
        })?;
    }
    let (x, mut out) = (numbers(4096 * 64, 1, 3.0), vec![0.0; 4096 * 64]);
    case(&mut to, (1, "click"), "copy and gelu 4096x64", || {
        out.copy_from_slice(&x);
        gelu(&mut out);
        Ok(())
    })
}
