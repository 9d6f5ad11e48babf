//! Unit tests, and the device binary on the sample frame, as on each kind of core.

use super::{TARGET, Toolchain, folder};
use anyhow::{Context, Result, ensure};
use std::path::Path;
use uniultra_checkout::workspace::{self, Workspace};
use uniultra_checkout::{SAMPLE, SAMPLE_POINT, npy, screen};

/// A model, and how far two kinds of processor may be apart on it.
#[derive(Debug)]
struct Pack {
    /// Of its results.
    name: &'static str,
    /// Its folder; without, the model inside the binary.
    folder: Option<&'static str>,
    /// Largest difference of a logit from this machine's, of the largest magnitude.
    logits_limit: f32,
    /// The same of a core that calculates in f16.
    halves_limit: f32,
    /// Least Dice between the masks of two processors.
    dice_limit: f64,
}

/// Cores with FEAT_FP16.
const IN_HALVES: [&str; 1] = ["cortex-a76"];

const PACKS: [Pack; 2] = [
    // Integer sums are equal everywhere; what is float around them (attention, LayerNorm, GELU) is summed
    // in the order of the vectors' width, and a value that 8 bits then round the other way moves what
    // follows by a step.
    // The weights of 0.2 gave 2.4e-2 and Dice 0.9995; those of 0.3 gave 2.7e-2 and 0.9967 on a Cortex-A53.
    // Attention in f16 moves no more of these values than that in f32: 2.8e-2 and 0.9985 were seen.
    Pack { name: "int8", folder: None, logits_limit: 5e-2, halves_limit: 5e-2, dice_limit: 0.995 },
    // 8e-7 was seen with the same masks; with attention and layers in f16 2.8e-3 and 0.9999.
    Pack {
        name: "f32",
        folder: Some("models/uniultra-mini"),
        logits_limit: 1e-5,
        halves_limit: 5e-3,
        dice_limit: 0.9995,
    },
];

/// Tests, then every pack as on every core, against this machine and against the first core that calculates
/// alike.
pub(super) fn run(
    workspace: &Workspace,
    toolchain: &Toolchain,
    binary: &Path,
    cores: &[&str],
) -> Result<()> {
    for core in cores {
        unit_tests(workspace, toolchain, core)?;
    }
    workspace::run(&mut workspace.cargo(&["build", "--locked", "--workspace", "--bins"]))?;
    let results = folder(workspace).join("emulated");
    std::fs::create_dir_all(&results)
        .with_context(|| format!("cannot create {}", results.display()))?;
    let host = workspace.binary("debug", "uniultra").display().to_string();
    for pack in &PACKS {
        let file = |kind: &str| results.join(format!("{kind}-{}.npy", pack.name));
        let expected = segment(workspace, std::slice::from_ref(&host), pack, &file("host"))?;
        let mut firsts: [Option<(&str, Vec<f32>)>; 2] = [None, None];
        for core in cores {
            let mut words = toolchain.emulator().words(core).to_vec();
            words.push(binary.display().to_string());
            let found = segment(workspace, &words, pack, &file(core))?;
            let (error, dice) = difference(&found, &expected)?;
            let name = pack.name;
            screen::line(&format!("{core}, {name}: logits differ by {error:.1e}, Dice {dice:.4}"));
            let in_halves = IN_HALVES.contains(core);
            let logits_limit = if in_halves { pack.halves_limit } else { pack.logits_limit };
            ensure!(
                error <= logits_limit && dice >= pack.dice_limit,
                "{core}, {name}: expected logits within {:.0e} and Dice of at least {}",
                logits_limit,
                pack.dice_limit
            );
            // Vectors are as wide on each of them, and the integer sums exact.
            let first = firsts[usize::from(in_halves)].get_or_insert((core, found.clone()));
            ensure!(first.1 == found, "{core}, {name}: expected the same bits as {}", first.0);
        }
    }
    Ok(())
}

/// The unit tests of the kernels, each SIMD path against its plain form, and of the core.
fn unit_tests(workspace: &Workspace, toolchain: &Toolchain, core: &str) -> Result<()> {
    let target = folder(workspace).join("tests");
    let args = ["test", "--locked", "--release", "--lib"];
    let mut command = toolchain.cargo(workspace, &target, &args);
    command.args(["-p", "uniultra-kernels", "-p", "uniultra-core"]);
    let runner = toolchain.emulator().words(core).join(" ");
    command.env("CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_RUNNER", runner);
    screen::line(&format!("{TARGET} as on {core}"));
    workspace::run(&mut command)
}

/// Logits of one click on the sample frame.
fn segment(
    workspace: &Workspace,
    words: &[String],
    pack: &Pack,
    logits: &Path,
) -> Result<Vec<f32>> {
    let (program, rest) = words.split_first().context("no program")?;
    let mut command = workspace.command(program);
    command.args(rest).args(["segment", SAMPLE, "--point", SAMPLE_POINT, "--logits"]).arg(logits);
    // The bits do not depend on them, and an emulated frame takes half a minute.
    command.args(["--threads", "2"]);
    if let Some(folder) = pack.folder {
        command.args(["--model", folder]);
    }
    workspace::run(&mut command)?;
    npy::read(logits)
}

/// The largest difference over the largest magnitude, and the Dice of what is above zero.
fn difference(found: &[f32], expected: &[f32]) -> Result<(f32, f64)> {
    let sizes = [found.len(), expected.len()];
    ensure!(sizes[0] == sizes[1], "expected {} logits, found {}", sizes[1], sizes[0]);
    let largest = expected.iter().fold(0.0_f32, |max, x| max.max(x.abs()));
    let pairs = || found.iter().zip(expected);
    let error = pairs().fold(0.0_f32, |max, (a, b)| max.max((a - b).abs()));
    let count = |set: &dyn Fn(f32, f32) -> bool| pairs().filter(|(a, b)| set(**a, **b)).count();
    let both = count(&|a, b| a > 0.0 && b > 0.0);
    let (ours, theirs) = (count(&|a, _| a > 0.0), count(&|_, b| b > 0.0));
    Ok((error / largest, 2.0 * both as f64 / (ours + theirs) as f64))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn differences_are_relative_and_masks_above_zero() {
        let (error, dice) = difference(&[1.0, -4.0, 2.0], &[1.0, -4.0, -2.0]).unwrap();
        assert_eq!((error, dice), (1.0, 2.0 / 3.0));
        assert!(difference(&[1.0], &[]).is_err());
        // NaN counts as a difference.
        assert!(difference(&[0.0], &[0.0]).unwrap().0.is_nan());
    }
}
