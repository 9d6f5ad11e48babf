//! The mean of several weight files.
//!
//! Two runs that began from the same weights often lie in one valley of the loss. The mean of their weights then
//! keeps what each of them learned, and loses less of what the older weights knew (Wortsman et al., "Robust
//! fine-tuning of zero-shot models", CVPR 2022).

use crate::run::tensor_file::{Precision, load_weights, save_weights};
use anyhow::{Context, Result, ensure};
use std::path::{Path, PathBuf};
use tch::{Device, Tensor, no_grad};

/// Writes the mean of the tensors in `files` to `out`, as f32.
///
/// # Errors
/// If a file cannot be read or written, if there are fewer than two, or if they differ in the names or shapes of
/// their tensors.
pub fn average(files: &[PathBuf], out: &Path) -> Result<()> {
    ensure!(files.len() > 1, "expected at least two weight files, found {}", files.len());
    let read = |path: &PathBuf| {
        load_weights(path, Device::Cpu).with_context(|| path.display().to_string())
    };
    let mut sum = read(&files[0])?;
    for path in &files[1..] {
        let other = read(path)?;
        let differs = sum.keys().find(|&name| !other.contains_key(name));
        let differs = differs.or(other.keys().find(|&name| !sum.contains_key(name)));
        if let Some(name) = differs {
            let [first, path] = [&files[0], path].map(|path| path.display());
            anyhow::bail!(
                "expected the same tensors in all files: only one of {first} and {path} has {name}"
            );
        }
        for (name, tensor) in &mut sum {
            let added = &other[name];
            ensure!(
                tensor.size() == added.size(),
                "{}: {name}: expected shape {:?}, found {:?}",
                path.display(),
                tensor.size(),
                added.size()
            );
            *tensor = no_grad(|| &*tensor + added);
        }
    }
    let count = files.len() as f64;
    let mean = |(name, tensor): (String, Tensor)| (name, no_grad(|| tensor / count));
    let mean = sum.into_iter().map(mean).collect();
    Ok(save_weights(out, &mean, Precision::F32)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

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
        average(&[a, b], &out).unwrap();
        let mean = load_weights(&out, Device::Cpu).unwrap();
        assert_eq!(Vec::<f32>::try_from(&mean["w"]).unwrap(), [2.0, 0.0]);
        assert_eq!(Vec::<f32>::try_from(&mean["b"]).unwrap(), [0.5]);
    }

    #[test]
    fn files_that_differ_are_refused_by_name() {
        let folder = tempfile::tempdir().unwrap();
        let a = file(folder.path(), "a", &[("w", &[1.0, 2.0])]);
        let out = folder.path().join("mean.safetensors");
        let refused = |files: &[PathBuf]| format!("{:#}", average(files, &out).unwrap_err());
        assert!(refused(&[a.clone()]).contains("at least two"));
        let other = file(folder.path(), "other", &[("w", &[1.0, 2.0]), ("extra", &[1.0])]);
        assert!(refused(&[a.clone(), other]).contains("extra"));
        let shape = file(folder.path(), "shape", &[("w", &[1.0])]);
        assert!(refused(&[a, shape]).contains("expected shape [2], found [1]"));
        assert!(!out.exists());
    }
}
