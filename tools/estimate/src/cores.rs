//! Kinds of core: how wide they are, and how much of that a program gets.
//!
//! Widths and vector pipes are from Arm's documents, named with each. Sustained instructions a cycle are
//! nobody's figure but ours: what dense loops with few branches keep up between bad and good days of
//! caches. They are bounds for an estimate, not a property of a core.

use crate::Range;
use serde::Serialize;

/// What an estimate needs of a kind of core.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, schemars::JsonSchema)]
pub struct CoreKind {
    /// Name in board profiles.
    pub kind: &'static str,
    /// The kind whose instructions were counted: one with the same SIMD features runs the same code.
    pub counted_as: &'static str,
    /// Whether instructions start in the program's order.
    pub in_order: bool,
    /// Most instructions that can start in a cycle, for any length of time.
    pub width: f64,
    /// Instructions a cycle that this kind of code keeps up: our assumption.
    pub sustained_ipc: Range,
    /// Most f32 multiply-accumulates a cycle: vector pipes times lanes.
    pub real_macs_per_cycle: f64,
    /// Most int8 multiply-accumulates a cycle with what the kernels use there.
    pub integer_macs_per_cycle: f64,
    /// Instructions of those products.
    pub integer_path: &'static str,
    /// Where width and pipes are from.
    pub source: &'static str,
}

/// f32 lanes of a 128-bit vector.
const LANES: f64 = 4.0;
/// Products of one SDOT on 128-bit vectors.
const SDOT: f64 = 16.0;
/// Products of SMULL, SMLAL2 and SADALP together, by instruction.
const SMULL: f64 = 16.0 / 3.0;

/// Kinds that there are figures for.
pub static CORE_KINDS: [CoreKind; 9] = [
    CoreKind {
        sustained_ipc: Range::new(0.6, 1.4),
        ..in_order("cortex-a53", "cortex-a53", SMULL, "SMULL", A53)
    },
    CoreKind {
        sustained_ipc: Range::new(0.7, 1.6),
        ..in_order("cortex-a55", "cortex-a76", SDOT, "SDOT", A55)
    },
    out_of_order("cortex-a57", "cortex-a72", 3.0, Range::new(0.9, 2.2), SMULL, "SMULL", A57),
    out_of_order("cortex-a72", "cortex-a72", 3.0, Range::new(1.0, 2.4), SMULL, "SMULL", A72),
    out_of_order("cortex-a73", "cortex-a72", 2.0, Range::new(0.9, 1.9), SMULL, "SMULL", A73),
    out_of_order("cortex-a76", "cortex-a76", 4.0, Range::new(1.4, 3.2), SDOT, "SDOT", A76),
    out_of_order("cortex-a78", "cortex-a76", 6.0, Range::new(1.5, 3.6), SDOT, "SDOT", A78),
    out_of_order("cortex-a78ae", "cortex-a76", 6.0, Range::new(1.5, 3.6), SDOT, "SDOT", A78AE),
    CoreKind {
        kind: "x86-64",
        counted_as: "x86-64",
        in_order: false,
        width: 6.0,
        sustained_ipc: Range::new(1.4, 3.6),
        // Two 256-bit pipes, eight lanes each.
        real_macs_per_cycle: 16.0,
        // VPMADDWD on 16-bit halves: sixteen products an instruction.
        integer_macs_per_cycle: 32.0,
        integer_path: "AVX2",
        source: "AMD, Software Optimization Guide for the AMD Zen3 Microarchitecture: six macro-ops \
                 dispatched a cycle, two 256-bit multiply-accumulates",
    },
];

const A53: &str = "Arm Cortex-A53 MPCore Processor Technical Reference Manual: in-order, two \
                   instructions a cycle; two 64-bit NEON pipes taken as one of 128 bits";
const A55: &str = "Arm Cortex-A55 Software Optimization Guide: in-order, dual issue; a 128-bit vector \
                   operation takes both 64-bit pipes";
const A57: &str = "Arm Cortex-A57 Software Optimization Guide: three micro-ops decoded and dispatched \
                   a cycle, two vector pipes";
const A72: &str = "Arm Cortex-A72 Software Optimization Guide: three instructions decoded a cycle, two \
                   vector pipes";
const A73: &str = "Arm Cortex-A73 Technical Reference Manual: two instructions decoded a cycle, two \
                   vector pipes";
const A76: &str = "Arm Cortex-A76 Software Optimization Guide: four instructions decoded a cycle, two \
                   128-bit vector pipes, either of which takes FMLA and SDOT";
const A78: &str = "Arm Cortex-A78 Software Optimization Guide: six macro-ops a cycle from the \
                   macro-op cache, two 128-bit vector pipes";
const A78AE: &str = "as the Cortex-A78, of which it is the variant for functional safety";

const fn in_order(
    kind: &'static str,
    counted_as: &'static str,
    products: f64,
    integer_path: &'static str,
    source: &'static str,
) -> CoreKind {
    CoreKind {
        kind,
        counted_as,
        in_order: true,
        width: 2.0,
        sustained_ipc: Range::new(0.0, 0.0),
        real_macs_per_cycle: LANES,
        integer_macs_per_cycle: products,
        integer_path,
        source,
    }
}

const fn out_of_order(
    kind: &'static str,
    counted_as: &'static str,
    width: f64,
    sustained_ipc: Range,
    products: f64,
    integer_path: &'static str,
    source: &'static str,
) -> CoreKind {
    CoreKind {
        kind,
        counted_as,
        in_order: false,
        width,
        sustained_ipc,
        real_macs_per_cycle: 2.0 * LANES,
        integer_macs_per_cycle: 2.0 * products,
        integer_path,
        source,
    }
}

/// The figures of a kind, by its name in board profiles.
#[must_use]
pub fn core_kind(kind: &str) -> Option<&'static CoreKind> {
    CORE_KINDS.iter().find(|core| core.kind == kind)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_possible() {
        for core in &CORE_KINDS {
            let Range { low, high } = core.sustained_ipc;
            assert!(0.0 < low && low < high && high <= core.width, "{}", core.kind);
            let counted = core_kind(core.counted_as).unwrap();
            assert_eq!(counted.integer_path, core.integer_path, "{}", core.kind);
            assert_eq!(counted.counted_as, counted.kind, "{}", core.kind);
            assert!(core.real_macs_per_cycle < core.integer_macs_per_cycle, "{}", core.kind);
        }
        assert!(core_kind("cortex-a5").is_none());
    }
}
