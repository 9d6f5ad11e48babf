//! What the scans of a file have brought so far.

use super::Fault;
use super::scan::Scan;

/// In place of a bit's number: nothing of the coefficient was there yet.
const NOTHING: u8 = u8::MAX;

/// For each component and coefficient, in zigzag order: the lowest bit that the scans have brought.
pub(super) struct Progress(Vec<[u8; 64]>);

impl Progress {
    pub(super) fn new(components: usize) -> Self {
        Self(vec![[NOTHING; 64]; components])
    }

    /// Takes account of a scan. It must go on where the scans before it ended.
    pub(super) fn add(&mut self, scan: &Scan) -> Result<(), Fault> {
        for component in &scan.components {
            for low in &mut self.0[component.index][scan.band.clone()] {
                if *low != scan.high_bit.unwrap_or(NOTHING) {
                    return Err(Fault::Damaged("a scan does not continue those before it"));
                }
                *low = scan.low_bit;
            }
        }
        Ok(())
    }

    /// Whether every coefficient is there to its last bit.
    pub(super) fn is_complete(&self) -> bool {
        self.0.iter().flatten().all(|&low| low == 0)
    }
}
