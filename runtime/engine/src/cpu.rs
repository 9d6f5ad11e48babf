//! What the engine is, and what it finds to run on.

/// Name and version of the engine.
#[must_use]
pub fn engine_name() -> &'static str {
    "tract 0.23.9"
}

/// SIMD features of this processor that matter to the engine's kernels.
#[must_use]
pub fn cpu_features() -> Vec<&'static str> {
    let mut found = Vec::new();
    #[cfg(target_arch = "x86_64")]
    {
        macro_rules! detect {
            ($($name:tt),*) => { $( if std::arch::is_x86_feature_detected!($name) { found.push($name); } )* };
        }
        detect!(
            "sse4.2",
            "avx",
            "avx2",
            "fma",
            "f16c",
            "avx512f",
            "avx512bw",
            "avx512vnni",
            "avx512bf16"
        );
    }
    #[cfg(target_arch = "aarch64")]
    {
        macro_rules! detect {
            ($($name:tt),*) => { $( if std::arch::is_aarch64_feature_detected!($name) { found.push($name); } )* };
        }
        detect!("neon", "fp16", "dotprod", "i8mm", "bf16", "sve", "sve2");
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The name is a constant; the lock file says what is really built.
    #[test]
    fn engine_name_is_the_locked_version() {
        let lock = include_str!("../../../Cargo.lock");
        let version = engine_name().strip_prefix("tract ").unwrap();
        let entry = format!("name = \"tract-core\"\nversion = \"{version}\"");
        assert!(lock.contains(&entry), "{entry}");
    }
}
