//! Something between probe and tissue that passes and takes the sound away: a rib, a bubble.

use crate::noise::smoothstep;
use crate::tissue::{Local, amplitude};

#[derive(Clone, Copy, Debug)]
pub(super) struct Shadow {
    /// Middle and half the width, lateral (-1 to 1 across the scan).
    pub(super) middle: f32,
    pub(super) half_width: f32,
    /// Depth and thickness of the obstacle, mm.
    pub(super) top_mm: f32,
    pub(super) thickness_mm: f32,
    /// Loss of the echoes below it, dB.
    pub(super) loss_db: f32,
}

impl Shadow {
    /// Puts the obstacle into the tissue at a place (lateral, depth).
    pub(super) fn cast(&self, at: (f32, f32), frequency_mhz: f32, local: &mut Local) {
        let (lateral, depth) = at;
        let aside = (lateral - self.middle).abs() / self.half_width;
        let into = depth - self.top_mm;
        if aside > 1.2 || into.abs() > 2.0 * self.thickness_mm {
            return;
        }
        let share = 1.0 - smoothstep(0.8, 1.2, aside);
        if (0.0..self.thickness_mm).contains(&into) {
            // dB there and back over the thickness -> dB / cm / MHz one way.
            let loss = self.loss_db / (0.2 * self.thickness_mm * frequency_mhz);
            local.attenuation += share * loss;
        }
        let ratio = into / (0.25 * self.thickness_mm);
        local.specular += amplitude(9.0) * share * (-ratio * ratio).exp();
    }

    /// Whether a place (lateral, depth) lies in the shadow.
    pub(super) fn covers(&self, (lateral, depth): (f32, f32)) -> bool {
        (lateral - self.middle).abs() <= self.half_width && depth > self.top_mm
    }
}
