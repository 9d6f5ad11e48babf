//! What the packs are compared on: a data folder, or phantoms simulated for the purpose.

use crate::CompareError;
use tempfile::TempDir;
use uniultra_evaluate::{Found, Query, Shard, SplitPart, find_cases};
use uniultra_phantom::{DatasetConfig, PhantomConfig, write_dataset};

/// Seed of the phantoms: the same frames every time.
pub const PHANTOM_SEED: u64 = 20_250_301;

/// Phantoms where nothing else is asked for.
pub const DEFAULT_PHANTOMS: u32 = 8;

/// Images with masks, and the scratch folder that holds them if they were simulated.
#[derive(Debug)]
pub struct Images {
    /// The images.
    pub found: Found,
    /// Deleted with this value.
    _scratch: Option<TempDir>,
}

impl Images {
    /// The images that a query asks for.
    ///
    /// # Errors
    /// [`CompareError::Evaluate`] if the folder cannot be used.
    pub fn find(query: &Query<'_>) -> Result<Self, CompareError> {
        Ok(Self { found: find_cases(query)?, _scratch: None })
    }

    /// Simulates `count` phantoms, the first of [`PHANTOM_SEED`]'s, in a scratch folder.
    ///
    /// # Errors
    /// [`CompareError::Phantom`] or [`CompareError::Scratch`].
    pub fn simulate(count: u32, threads: usize) -> Result<Self, CompareError> {
        let scratch = tempfile::tempdir().map_err(CompareError::Scratch)?;
        let config = DatasetConfig {
            seed: PHANTOM_SEED,
            count,
            set_name: "phantom".to_string(),
            phantom: PhantomConfig::default(),
            force: false,
            threads: Some(threads),
        };
        write_dataset(scratch.path(), &config, &|| ())?;
        let found = find_cases(&Query {
            data: scratch.path(),
            sets: &[],
            split: SplitPart::All,
            limit: None,
            shard: Shard::WHOLE,
        })?;
        Ok(Self { found, _scratch: Some(scratch) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn phantoms_are_there_as_long_as_they_are_needed() {
        let images = Images::simulate(2, 2).unwrap();
        let paths: Vec<_> = images.found.cases.iter().map(|case| case.image.clone()).collect();
        assert_eq!(paths.len(), 2);
        assert!(paths.iter().all(|path| path.is_file()));
        drop(images);
        assert!(paths.iter().all(|path| !path.exists()));
    }
}
