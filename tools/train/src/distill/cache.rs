//! The teacher's features on disk, so that an image seen again does not cost a forward pass again.

use crate::model::Stages;
use anyhow::{Context, Result};
use sha2::{Digest, Sha256};
use std::fmt::Write;
use std::path::{Path, PathBuf};
use tch::{Device, Kind, Tensor};
use uniultra_dataset::Example;

const GIB: f64 = (1_u64 << 30) as f64;

/// A folder of feature files, one an image, named by a hash of the teacher and the image's pixels:
/// another augmentation is another image. It never grows beyond its limit, and goes away with this
/// value.
#[derive(Debug)]
pub struct FeatureCache {
    folder: PathBuf,
    teacher: String,
    limit_bytes: u64,
    used_bytes: u64,
}

impl FeatureCache {
    /// A cache in `folder`, which is made anew; `teacher` tells teachers apart.
    ///
    /// # Errors
    /// The folder cannot be made.
    pub fn create(folder: &Path, teacher: &str, limit_gib: f64) -> Result<Self> {
        let shown = folder.display();
        if folder.exists() {
            std::fs::remove_dir_all(folder)
                .with_context(|| format!("cannot empty the feature cache {shown}"))?;
        }
        std::fs::create_dir_all(folder)
            .with_context(|| format!("cannot make the feature cache {shown}"))?;
        Ok(Self {
            folder: folder.to_path_buf(),
            teacher: teacher.to_string(),
            limit_bytes: (limit_gib * GIB) as u64,
            used_bytes: 0,
        })
    }

    /// The stages of a batch. Features that are missing are computed in one pass, and kept while
    /// there is room. Kept features are 16-bit floats; the others are rounded in the same way, so
    /// that a step does not depend on the cache.
    ///
    /// # Errors
    /// A feature file cannot be read or written.
    pub fn stages(
        &mut self,
        examples: &[Example],
        images: &Tensor,
        keep_streams: bool,
        compute: impl FnOnce(&Tensor) -> Stages,
    ) -> Result<Stages> {
        let paths: Vec<PathBuf> = examples.iter().map(|example| self.path(example)).collect();
        let absent: Vec<i64> =
            (0_i64..).zip(&paths).filter(|(_, path)| !path.is_file()).map(|(at, _)| at).collect();
        let mut rows: Vec<Option<Vec<Tensor>>> = Vec::with_capacity(paths.len());
        for path in &paths {
            rows.push(if path.is_file() { Some(read(path, images.device())?) } else { None });
        }
        if !absent.is_empty() {
            let chosen = Tensor::from_slice(&absent).to_device(images.device());
            let stages = compute(&images.index_select(0, &chosen));
            let maps: Vec<&Tensor> = match &stages.streams {
                Some([hiera, adapter]) if keep_streams => hiera.iter().chain(adapter).collect(),
                _ => stages.sum.iter().collect(),
            };
            for (place, &at) in (0_i64..).zip(&absent) {
                let row: Vec<Tensor> = maps
                    .iter()
                    .map(|map| map.narrow(0, place, 1).contiguous().to_kind(Kind::Half))
                    .collect();
                self.keep(&paths[at as usize], &row)?;
                rows[at as usize] = Some(row);
            }
        }
        let rows: Vec<Vec<Tensor>> = rows.into_iter().flatten().collect();
        Ok(join(&rows, keep_streams))
    }

    fn path(&self, example: &Example) -> PathBuf {
        let mut hash = Sha256::new();
        hash.update(self.teacher.as_bytes());
        for value in &example.image {
            hash.update(value.to_le_bytes());
        }
        let mut name = String::new();
        for byte in &hash.finalize()[..16] {
            // Writing to a string cannot fail.
            let _ = write!(name, "{byte:02x}");
        }
        self.folder.join(name + ".safetensors")
    }

    fn keep(&mut self, path: &Path, row: &[Tensor]) -> Result<()> {
        let bytes: usize = row.iter().map(|map| 2 * map.numel()).sum();
        if self.used_bytes + bytes as u64 > self.limit_bytes {
            return Ok(());
        }
        let named: Vec<(String, Tensor)> = row
            .iter()
            .enumerate()
            .map(|(at, map)| (format!("{at}"), map.to_device(Device::Cpu)))
            .collect();
        let temporary = path.with_extension("part");
        Tensor::write_safetensors(&named, &temporary)
            .with_context(|| format!("cannot write {}", temporary.display()))?;
        std::fs::rename(&temporary, path)
            .with_context(|| format!("cannot rename {} to its place", temporary.display()))?;
        self.used_bytes += bytes as u64;
        Ok(())
    }
}

impl Drop for FeatureCache {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_dir_all(&self.folder) {
            log::warn!("cannot remove the feature cache {}: {error}", self.folder.display());
        }
    }
}

/// The maps of one image, in the order in which they were written.
fn read(path: &Path, device: Device) -> Result<Vec<Tensor>> {
    let named = Tensor::read_safetensors(path)
        .with_context(|| format!("cannot read the features {}", path.display()))?;
    let mut placed: Vec<(usize, Tensor)> = named
        .into_iter()
        .filter_map(|(name, map)| Some((name.parse().ok()?, map.to_device(device))))
        .collect();
    placed.sort_by_key(|(place, _)| *place);
    Ok(placed.into_iter().map(|(_, map)| map).collect())
}

/// Rows of single images as one batch.
fn join(rows: &[Vec<Tensor>], keep_streams: bool) -> Stages {
    let column = |at: usize| {
        let maps: Vec<&Tensor> = rows.iter().filter_map(|row| row.get(at)).collect();
        Tensor::cat(&maps, 0).to_kind(Kind::Float)
    };
    if !keep_streams {
        return Stages { sum: std::array::from_fn(column), streams: None };
    }
    let hiera: [Tensor; 4] = std::array::from_fn(column);
    let adapter: [Tensor; 4] = std::array::from_fn(|at| column(4 + at));
    let sum = std::array::from_fn(|at| &hiera[at] + &adapter[at]);
    Stages { sum, streams: Some([hiera, adapter]) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::batch;
    use std::cell::Cell;

    fn example(value: f32) -> Example {
        Example { set: 0, stem: String::new(), image: vec![value; 4], objects: Vec::new() }
    }

    /// Stages whose maps hold each image's own value.
    fn stages(images: &Tensor) -> Stages {
        let map = |_| images.mean_dim([1_i64, 2, 3].as_slice(), true, Kind::Float);
        let streams = [0.75, 0.25].map(|part| std::array::from_fn(|at| map(at) * part));
        Stages { sum: std::array::from_fn(map), streams: Some(streams) }
    }

    #[test]
    fn an_image_is_computed_once_while_there_is_room() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path().join("cache");
        let examples = [example(0.5), example(0.25)];
        let images = batch::images(&examples, 2, Device::Cpu);
        for (limit_gib, computed) in [(1.0, 2), (0.0, 4)] {
            let mut cache = FeatureCache::create(&folder, "t", limit_gib).unwrap();
            let count = Cell::new(0);
            let mut answers = Vec::new();
            for _ in 0..2 {
                let answer = cache.stages(&examples, &images, true, |images| {
                    count.set(count.get() + images.size()[0]);
                    stages(images)
                });
                answers.push(batch::host(&answer.unwrap().sum[2]));
            }
            assert_eq!(count.get(), computed);
            assert_eq!(answers[0], answers[1]);
            let expected =
                batch::host(&images.mean_dim([1_i64, 2, 3].as_slice(), true, Kind::Float));
            // Half precision keeps 11 bits.
            for (found, expected) in answers[0].iter().zip(expected) {
                assert!((found - expected).abs() <= expected.abs() * 2e-3, "{found} {expected}");
            }
        }
        assert!(!folder.exists(), "the cache cleans up after itself");
    }
}
