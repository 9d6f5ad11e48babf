//! Work, and the shortest time that the machine's peaks allow for it.

use crate::Peaks;
use serde::{Deserialize, Serialize};
use uniultra_engine::OpRun;

/// What operations compute and move.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema,
)]
pub struct Work {
    /// Multiply-accumulates of floats.
    pub real_macs: u64,
    /// Multiply-accumulates of integers.
    pub integer_macs: u64,
    /// Bytes read.
    pub read_bytes: u64,
    /// Bytes written.
    pub written_bytes: u64,
}

/// How fast work was done, and how fast it could have been.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Pace {
    /// 10^9 operations a second, of floats and integers together; a multiply-accumulate is two.
    pub giga_ops_per_s: f64,
    /// 10^9 bytes a second, read and written together.
    pub gb_per_s: f64,
    /// Operations a byte.
    pub ops_per_byte: f64,
    /// The roof: the time of the work at the machine's peaks.
    pub roof_ms: f64,
    /// The roof over the time taken. Above 1 where bytes come from a cache and not from memory.
    pub roof_share: f64,
}

impl Work {
    pub(crate) fn from_op(op: &OpRun) -> Self {
        let &OpRun { real_macs, integer_macs, read_bytes, written_bytes, .. } = op;
        Self { real_macs, integer_macs, read_bytes, written_bytes }
    }

    pub(crate) fn sum(parts: impl Iterator<Item = Self>) -> Self {
        parts.fold(Self::default(), |a, b| Self {
            real_macs: a.real_macs + b.real_macs,
            integer_macs: a.integer_macs + b.integer_macs,
            read_bytes: a.read_bytes + b.read_bytes,
            written_bytes: a.written_bytes + b.written_bytes,
        })
    }

    /// Multiply-accumulates of both kinds.
    #[must_use]
    pub fn macs(&self) -> u64 {
        self.real_macs + self.integer_macs
    }

    /// Bytes read and written.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.read_bytes + self.written_bytes
    }

    /// The roof in milliseconds: the longer of the time to compute and the time to move.
    pub(crate) fn roof_ms(&self, peaks: &Peaks) -> f64 {
        let seconds = |ops: u64, giga_per_s: f64| ops as f64 / (giga_per_s * 1e9).max(1.0);
        let compute = seconds(2 * self.real_macs, peaks.real.giga_ops_per_s)
            + seconds(2 * self.integer_macs, peaks.integer.giga_ops_per_s);
        1e3 * compute.max(seconds(self.bytes(), peaks.memory_read_gb_per_s))
    }

    /// The pace of this work done in `ms`, whose roof is `roof_ms`.
    pub(crate) fn pace(&self, ms: f64, roof_ms: f64) -> Pace {
        let (ops, bytes) = (2.0 * self.macs() as f64, self.bytes() as f64);
        let over = |a: f64, b: f64| if b > 0.0 { a / b } else { 0.0 };
        Pace {
            giga_ops_per_s: over(ops, ms * 1e6),
            gb_per_s: over(bytes, ms * 1e6),
            ops_per_byte: over(ops, bytes),
            roof_ms,
            roof_share: over(roof_ms, ms),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Peak;

    #[test]
    fn the_roof_is_the_longer_of_computing_and_moving() {
        let peak = |giga_ops_per_s| Peak { giga_ops_per_s, shape: [1; 3] };
        let peaks = Peaks {
            threads: 1,
            real: peak(100.0),
            integer: peak(400.0),
            memory_read_gb_per_s: 10.0,
        };
        let work =
            Work { real_macs: 50_000_000, integer_macs: 0, read_bytes: 1_000, ..Work::default() };
        assert!((work.roof_ms(&peaks) - 1.0).abs() < 1e-9);
        let integers = Work { real_macs: 0, integer_macs: 50_000_000, ..work };
        assert!((integers.roof_ms(&peaks) - 0.25).abs() < 1e-9);
        let moved = Work { read_bytes: 15_000_000, written_bytes: 15_000_000, ..work };
        assert!((moved.roof_ms(&peaks) - 3.0).abs() < 1e-9);

        let pace = moved.pace(6.0, 3.0);
        assert!((pace.giga_ops_per_s - 100.0 / 6.0).abs() < 1e-9, "{pace:?}");
        assert!((pace.gb_per_s - 5.0).abs() < 1e-9 && pace.roof_share == 0.5, "{pace:?}");
        assert_eq!(Work::default().pace(0.0, 0.0), Pace::default());
    }
}
