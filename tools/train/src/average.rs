//! The weighted mean of several weight files, with the widest of their ranges for 8 bits.
//!
//! Two runs that began from the same weights often lie in one valley of the loss. The mean of their weights then
//! keeps what each of them learned, and loses less of what the older weights knew (Wortsman et al., "Robust
//! fine-tuning of zero-shot models", CVPR 2022).

use crate::run::tensor_file::{Precision, Tensors, load_weights, save_weights};
use anyhow::{Context, Result, ensure};
use std::path::{Path, PathBuf};
use tch::{Device, no_grad};

/// Ranges of inputs, for 8 bits. Of these the widest is taken: a mixed network must not be clipped where one of its
/// parents was not.
const RANGES: &str = "quantization.";

/// How far the sum of the shares may be from 1.
const SHARES_TOLERANCE: f64 = 1e-6;

/// Writes the mean of the tensors in `files` to `out`, as f32. `shares` says how much each file counts; empty for
/// equal shares.
///
/// # Errors
/// If a file cannot be read or written, if there are fewer than two, if the shares are not one a file or do not add
/// up to 1, or if the files differ in the names or shapes of their tensors.
pub fn average(files: &[PathBuf], shares: &[f64], out: &Path) -> Result<()> {
    ensure!(files.len() > 1, "expected at least two weight files, found {}", files.len());
    let equal = vec![1.0 / files.len() as f64; files.len()];
    let shares = if shares.is_empty() { &equal } else { shares };
    let sum: f64 = shares.iter().sum();
    ensure!(
        shares.len() == files.len() && (sum - 1.0).abs() < SHARES_TOLERANCE,
        "expected {} shares that add up to 1, found {shares:?}",
        files.len()
    );
    let mut mean: Tensors = Tensors::new();
    for (path, &share) in files.iter().zip(shares) {
        let tensors = load_weights(path, Device::Cpu)?;
        if !mean.is_empty() {
            same_tensors(&mean, &tensors).with_context(|| path.display().to_string())?;
        }
        for (name, tensor) in tensors {
            let before = mean.get(&name);
            let mixed = no_grad(|| match before {
                Some(before) if name.starts_with(RANGES) => before.maximum(&tensor),
                None if name.starts_with(RANGES) => tensor,
                Some(before) => before + tensor * share,
                None => tensor * share,
            });
            mean.insert(name, mixed);
        }
    }
    Ok(save_weights(out, &mean, Precision::F32)?)
}

/// Refuses tensors that are not those of the files before.
fn same_tensors(before: &Tensors, tensors: &Tensors) -> Result<()> {
    let missing = before.keys().find(|&name| !tensors.contains_key(name));
    let missing = missing.or(tensors.keys().find(|&name| !before.contains_key(name)));
    ensure!(missing.is_none(), "expected the same tensors in all files: {missing:?} is not in all");
    for (name, tensor) in tensors {
        let (expected, found) = (before[name].size(), tensor.size());
        ensure!(expected == found, "{name}: expected shape {expected:?}, found {found:?}");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;
    use tch::Tensor;

    fn file(folder: &Path, name: &str, tensors: &[(&str, &[f32])]) -> PathBuf {
        let path = folder.join(name);
        let tensors: BTreeMap<_, _> = tensors
            .iter()
            .map(|(name, values)| (name.to_string(), Tensor::from_slice(values)))
            .collect();
        save_weights(&path, &tensors, Precision::F32).unwrap();
        path
    }

    #[test]
    fn every_value_is_the_mean() {
        let folder = tempfile::tempdir().unwrap();
        let a = file(folder.path(), "a", &[("w", &[1.0, 2.0]), ("b", &[0.0])]);
        let b = file(folder.path(), "b", &[("w", &[3.0, -2.0]), ("b", &[1.0])]);
        let out = folder.path().join("mean.safetensors");
        average(&[a.clone(), b.clone()], &[], &out).unwrap();
        let mean = load_weights(&out, Device::Cpu).unwrap();
        assert_eq!(Vec::<f32>::try_from(&mean["w"]).unwrap(), [2.0, 0.0]);
        assert_eq!(Vec::<f32>::try_from(&mean["b"]).unwrap(), [0.5]);
        average(&[a, b], &[0.75, 0.25], &out).unwrap();
        let mean = load_weights(&out, Device::Cpu).unwrap();
        assert_eq!(Vec::<f32>::try_from(&mean["w"]).unwrap(), [1.5, 1.0]);
    }

    #[test]
    fn the_widest_range_counts() {
        let folder = tempfile::tempdir().unwrap();
        let name = "quantization.blocks.0/attn/qkv.input_range";
        let [a, b] = [("a", 2.0), ("b", 3.0)].map(|(file_name, range)| {
            file(folder.path(), file_name, &[("w", &[1.0]), (name, &[range])])
        });
        let out = folder.path().join("mean.safetensors");
        average(&[b, a], &[], &out).unwrap();
        let mean = load_weights(&out, Device::Cpu).unwrap();
        assert_eq!(Vec::<f32>::try_from(&mean[name]).unwrap(), [3.0]);
    }

    #[test]
    fn files_that_differ_are_refused_by_name() {
        let folder = tempfile::tempdir().unwrap();
        let a = file(folder.path(), "a", &[("w", &[1.0, 2.0])]);
        let out = folder.path().join("mean.safetensors");
        let refused = |files: &[PathBuf]| format!("{:#}", average(files, &[], &out).unwrap_err());
        assert!(refused(std::slice::from_ref(&a)).contains("at least two"));
        let other = file(folder.path(), "other", &[("w", &[1.0, 2.0]), ("extra", &[1.0])]);
        assert!(refused(&[a.clone(), other]).contains("extra"));
        let shape = file(folder.path(), "shape", &[("w", &[1.0])]);
        assert!(refused(&[a.clone(), shape]).contains("expected shape [2], found [1]"));
        let shares = average(&[a.clone(), a], &[0.5, 0.4], &out).unwrap_err().to_string();
        assert!(shares.contains("2 shares that add up to 1"), "{shares}");
        assert!(!out.exists());
    }
}
