//! Word of long work, for a progress bar.

/// Hears of stages and their steps; calls come from one thread.
pub trait Progress {
    /// A stage of that many steps begins.
    fn start(&self, stage: &str, steps: usize);
    /// One step is done.
    fn step(&self);
    /// The stage is done.
    fn finish(&self);
}

/// Hears nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct Silent;

impl Progress for Silent {
    fn start(&self, _stage: &str, _steps: usize) {}
    fn step(&self) {}
    fn finish(&self) {}
}
