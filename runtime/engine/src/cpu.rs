//! What the engine is, and what it finds to run on.

/// Name and version of the engine.
#[must_use]
pub fn engine_name() -> &'static str {
    "tract 0.23.9"
}

/// The processor by name where the system tells it (`/proc/cpuinfo`), else the board's
/// (`/proc/device-tree/model`, for ARM kernels name boards and not processors), else the architecture.
#[must_use]
pub fn cpu_name() -> String {
    let read = |path: &str| std::fs::read_to_string(path).ok();
    let board = || {
        let name = read("/proc/device-tree/model")?;
        Some(name.trim_end_matches('\0').trim().to_string()).filter(|name| !name.is_empty())
    };
    read("/proc/cpuinfo")
        .and_then(|text| model_name(&text))
        .or_else(board)
        .unwrap_or_else(|| std::env::consts::ARCH.to_string())
}

fn model_name(cpuinfo: &str) -> Option<String> {
    let line = cpuinfo.lines().find_map(|line| line.strip_prefix("model name"))?;
    let name = line.split_once(':')?.1.trim();
    (!name.is_empty()).then(|| name.to_string())
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

    #[test]
    fn the_processor_s_name_is_the_kernel_s() {
        let text = "processor\t: 0\nmodel name\t: Some CPU @ 2.0GHz\nmodel name\t: Other\n";
        assert_eq!(model_name(text).as_deref(), Some("Some CPU @ 2.0GHz"));
        assert_eq!(model_name("processor\t: 0\nmodel name\t:\n"), None);
        assert!(!cpu_name().is_empty());
    }

    /// The name is a constant; the lock file says what is really built.
    #[test]
    fn engine_name_is_the_locked_version() {
        let lock = include_str!("../../../Cargo.lock");
        let version = engine_name().strip_prefix("tract ").unwrap();
        let entry = format!("name = \"tract-core\"\nversion = \"{version}\"");
        assert!(lock.contains(&entry), "{entry}");
    }
}
