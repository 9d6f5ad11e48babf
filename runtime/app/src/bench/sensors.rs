//! Temperature and clock, from Linux's sysfs.

use std::fs;
use std::path::{Path, PathBuf};

/// Most files of a kind to read: more than any board has.
const MAX_FILES: usize = 64;

/// Plausible temperatures, in degrees Celsius: a sensor that is off may report anything.
const BELIEVABLE_C: std::ops::RangeInclusive<f32> = -40.0..=150.0;

/// The files to read for each sample.
#[derive(Clone, Debug)]
pub(super) struct Sensors {
    /// `thermal_zone*/temp`, thousandths of a degree.
    temperatures: Vec<PathBuf>,
    /// `policy*/scaling_cur_freq`, kHz.
    clocks: Vec<PathBuf>,
}

impl Sensors {
    /// Finds the sensors below `sys`, which is `/sys` except in tests. Clocks are those of `cpus`,
    /// or of all CPUs if that is empty.
    pub(super) fn find(sys: &Path, cpus: &[usize]) -> Self {
        let temperatures = folders(&sys.join("class/thermal"), "thermal_zone");
        let temperatures = temperatures.into_iter().map(|zone| zone.join("temp")).collect();
        let clocks = folders(&sys.join("devices/system/cpu/cpufreq"), "policy");
        let used = |policy: &PathBuf| {
            let affected = fs::read_to_string(policy.join("affected_cpus")).unwrap_or_default();
            let mut affected = affected.split_whitespace().filter_map(|cpu| cpu.parse().ok());
            cpus.is_empty() || affected.any(|cpu: usize| cpus.contains(&cpu))
        };
        let clocks = clocks.into_iter().filter(used);
        let clocks = clocks.map(|policy| policy.join("scaling_cur_freq")).collect();
        Self { temperatures, clocks }
    }

    /// The hottest zone, in degrees Celsius.
    pub(super) fn temperature_c(&self) -> Option<f32> {
        let degrees = numbers(&self.temperatures).map(|thousandths| thousandths / 1e3);
        degrees.filter(|degrees| BELIEVABLE_C.contains(degrees)).reduce(f32::max)
    }

    /// The slowest of the clocks, in MHz.
    pub(super) fn clock_mhz(&self) -> Option<f32> {
        numbers(&self.clocks).map(|khz| khz / 1e3).filter(|mhz| *mhz > 0.0).reduce(f32::min)
    }
}

/// Folders called `name` and a number: the [`MAX_FILES`] with the smallest numbers, in order.
fn folders(parent: &Path, name: &str) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(parent) else { return Vec::new() };
    let number = |path: &Path| -> Option<u32> {
        path.file_name()?.to_str()?.strip_prefix(name)?.parse().ok()
    };
    let numbered =
        entries.flatten().filter_map(|entry| Some((number(&entry.path())?, entry.path())));
    let mut numbered: Vec<_> = numbered.collect();
    // Folders are listed in any order; without sorting, chance would decide which ones are read.
    numbered.sort();
    numbered.truncate(MAX_FILES);
    numbered.into_iter().map(|(_, path)| path).collect()
}

/// The values that can be read: a zone may return an error.
fn numbers(files: &[PathBuf]) -> impl Iterator<Item = f32> {
    files.iter().filter_map(|file| fs::read_to_string(file).ok()?.trim().parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sys(files: &[(&str, &str)]) -> tempfile::TempDir {
        let sys = tempfile::tempdir().unwrap();
        for (path, text) in files {
            let path = sys.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        sys
    }

    #[test]
    fn the_hottest_zone_and_the_slowest_clock_in_use() {
        let sys = sys(&[
            ("class/thermal/thermal_zone0/temp", "41500\n"),
            ("class/thermal/thermal_zone1/temp", "62250\n"),
            ("class/thermal/thermal_zone2/temp", "nothing\n"),
            ("class/thermal/thermal_zone3/temp", "999999\n"),
            ("class/thermal/cooling_device0/temp", "90000\n"),
            ("devices/system/cpu/cpufreq/policy0/affected_cpus", "0 1 2 3\n"),
            ("devices/system/cpu/cpufreq/policy0/scaling_cur_freq", "600000\n"),
            ("devices/system/cpu/cpufreq/policy4/affected_cpus", "4 5\n"),
            ("devices/system/cpu/cpufreq/policy4/scaling_cur_freq", "2400000\n"),
        ]);
        let all = Sensors::find(sys.path(), &[]);
        assert_eq!((all.temperature_c(), all.clock_mhz()), (Some(62.25), Some(600.0)));
        assert_eq!(Sensors::find(sys.path(), &[5, 4]).clock_mhz(), Some(2400.0));
        assert_eq!(Sensors::find(sys.path(), &[9]).clock_mhz(), None);
    }

    #[test]
    fn of_too_many_zones_the_first_by_number_are_read() {
        // Created in descending order; and as text, `100` comes before `9`.
        let names: Vec<_> = (0..MAX_FILES + 40)
            .rev()
            .map(|zone| format!("class/thermal/thermal_zone{zone}/temp"))
            .collect();
        let files: Vec<_> = names.iter().map(|name| (name.as_str(), "41000\n")).collect();
        let sensors = Sensors::find(sys(&files).path(), &[]);
        let zone = |path: &PathBuf| path.iter().rev().nth(1).unwrap().to_str().unwrap().to_string();
        let found: Vec<_> = sensors.temperatures.iter().map(zone).collect();
        let expected: Vec<_> = (0..MAX_FILES).map(|n| format!("thermal_zone{n}")).collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn a_system_that_does_not_tell_is_no_error() {
        let sys = sys(&[]);
        let sensors = Sensors::find(sys.path(), &[]);
        assert_eq!((sensors.temperature_c(), sensors.clock_mhz()), (None, None));
    }
}
