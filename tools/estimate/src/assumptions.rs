//! What is believed, beside the figures of a core: ours, and stated in every report.

use crate::Range;
use serde::Serialize;

/// Shares and allowances that nobody has measured on the board.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, schemars::JsonSchema)]
pub struct Assumptions {
    /// Share of the theoretical peak of the DRAM interface that a program gets.
    pub memory_efficiency: Range,
    /// Share of an encode's work that threads divide among them (Amdahl's law).
    pub encode_parallel_share: Range,
    /// The same of a click.
    pub click_parallel_share: Range,
    /// What instructions scaled from another model may be off by, as a factor.
    pub scaling: Range,
    /// Share of their peak at which vector pipes work, where no instructions were counted.
    pub pipe_share: Range,
    /// What preprocessing and the mask's resizing add to encode and click, as a factor.
    pub frame_to_mask: Range,
    /// Pages of the program and its libraries that are resident, in MiB.
    pub program_mib: Range,
}

impl Default for Assumptions {
    fn default() -> Self {
        Self {
            memory_efficiency: Range::new(0.4, 0.8),
            encode_parallel_share: Range::new(0.8, 0.98),
            click_parallel_share: Range::new(0.3, 0.9),
            scaling: Range::new(0.8, 1.25),
            pipe_share: Range::new(0.08, 0.6),
            frame_to_mask: Range::new(1.0, 1.2),
            program_mib: Range::new(2.0, 12.0),
        }
    }
}

impl Assumptions {
    /// Names and values, for tables.
    pub(crate) fn each(&self) -> [(&'static str, Range); 7] {
        [
            ("share of the memory's theoretical peak that a program gets", self.memory_efficiency),
            ("share of an encode that threads divide among them", self.encode_parallel_share),
            ("share of a click that threads divide among them", self.click_parallel_share),
            ("instructions scaled from another model: factor", self.scaling),
            ("share of the vector pipes' peak, where nothing was counted", self.pipe_share),
            ("from frame to mask, over encode and click: factor", self.frame_to_mask),
            ("resident pages of the program itself, MiB", self.program_mib),
        ]
    }
}

/// How many times faster `threads` threads are than one, if they divide `share` of the work.
pub(crate) fn speed_up(threads: usize, share: f64) -> f64 {
    1.0 / (1.0 - share + share / threads.max(1) as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn threads_help_as_far_as_work_is_divided() {
        assert_eq!(speed_up(1, 0.9), 1.0);
        assert_eq!(speed_up(4, 1.0), 4.0);
        assert_eq!(speed_up(4, 0.0), 1.0);
        assert!((speed_up(2, 0.5) - 4.0 / 3.0).abs() < 1e-12);
    }

    #[test]
    fn bounds_are_in_order() {
        for (name, range) in Assumptions::default().each() {
            assert!(0.0 < range.low && range.low <= range.high, "{name}");
        }
    }
}
