//! Compares this machine with the requirements of a profile.

use crate::meminfo::MemInfo;
use uniultra_engine::{allowed_cpus, cpu_features};
use uniultra_manifest::Board;

/// The facts that a profile can require.
#[derive(Debug)]
pub(super) struct Machine {
    /// Architecture that this program was built for.
    arch: &'static str,
    /// SIMD features of the processor.
    cpu_features: Vec<&'static str>,
    /// CPUs that this process may run on; `None` if the system does not say.
    cpus: Option<Vec<usize>>,
    /// Memory of the machine, in MiB; `None` if the system does not say.
    memory_mib: Option<f32>,
}

impl Machine {
    pub(super) fn here() -> Self {
        Self {
            arch: std::env::consts::ARCH,
            cpu_features: cpu_features(),
            cpus: allowed_cpus(),
            memory_mib: MemInfo::now().total_mib(),
        }
    }

    /// A sentence for each requirement of `board` that the machine does not meet: what was expected
    /// and what was found.
    pub(super) fn misfits(&self, board: &Board) -> Vec<String> {
        let mut misfits = Vec::new();
        if board.target.arch() != self.arch {
            let expected = board.target.arch();
            misfits.push(format!("expected a program for {expected}, found one for {}", self.arch));
            // On another architecture all features are missing: reporting them would add nothing.
            return misfits;
        }
        let required = board.cpu.required_features.iter().map(String::as_str);
        let missing: Vec<_> = required.filter(|name| !self.cpu_features.contains(name)).collect();
        if !missing.is_empty() {
            let (missing, found) = (missing.join(", "), self.cpu_features.join(", "));
            misfits.push(format!("expected a processor with {missing}, found {found}"));
        }
        if let Some(cpus) = &self.cpus {
            let missing: Vec<_> =
                board.pins().into_iter().filter(|cpu| !cpus.contains(cpu)).collect();
            if !missing.is_empty() {
                misfits.push(format!("expected CPUs {missing:?} to pin to, found {cpus:?}"));
            }
        }
        let needed = board.budget.rss_mib;
        if let Some(found) = self.memory_mib.filter(|found| f64::from(*found) < f64::from(needed)) {
            misfits.push(format!("expected memory of {needed} MiB or more, found {found:.0} MiB"));
        }
        misfits
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn board(name: &str) -> Board {
        let path = format!("{}/../../boards/{name}.toml", env!("CARGO_MANIFEST_DIR"));
        Board::parse(&std::fs::read_to_string(path).unwrap()).unwrap()
    }

    fn machine() -> Machine {
        Machine {
            arch: "aarch64",
            cpu_features: vec!["neon", "fp16", "dotprod"],
            cpus: Some((0..8).collect()),
            memory_mib: Some(4096.0),
        }
    }

    #[test]
    fn a_machine_as_the_profile_says_fits() {
        for name in ["rk3588", "qcs6490", "raspberry-pi-5", "am62x"] {
            assert_eq!(machine().misfits(&board(name)), [] as [&str; 0], "{name}");
        }
    }

    #[test]
    fn every_misfit_is_named() {
        let found = Machine {
            cpu_features: vec!["neon"],
            cpus: Some(vec![0, 1, 4]),
            memory_mib: Some(24.0),
            ..machine()
        };
        let misfits = found.misfits(&board("rk3588"));
        assert_eq!(misfits.len(), 3, "{misfits:?}");
        for (misfit, words) in misfits.iter().zip([
            ["with dotprod", "found neon"],
            ["CPUs [5, 6, 7]", "found [0, 1, 4]"],
            ["MiB or more", "found 24 MiB"],
        ]) {
            assert!(words.iter().all(|word| misfit.contains(word)), "{misfit}");
        }
        let other = Machine { arch: "x86_64", ..machine() }.misfits(&board("rk3588"));
        assert_eq!(other, ["expected a program for aarch64, found one for x86_64"]);
    }

    #[test]
    fn what_the_system_does_not_tell_is_no_misfit() {
        let silent = Machine { cpus: None, memory_mib: None, ..machine() };
        assert_eq!(silent.misfits(&board("rk3588")), [] as [&str; 0]);
    }

    /// A profile can require every feature that the engine detects: otherwise its list of names is
    /// outdated.
    #[test]
    fn profiles_know_every_feature_of_this_processor() {
        let host = board("host");
        let here = Machine::here();
        if here.arch == host.target.arch() {
            let known = host.target.cpu_features();
            assert!(here.cpu_features.iter().all(|name| known.contains(name)), "{here:?}");
        }
    }
}
