//! Scatterers that are fixed in the tissue.
//!
//! The tissue is divided into sheets, one elevation beam width apart. A sheet is a lattice of complex
//! normal numbers, as fine as the acquisition grid in the first frame: each is the sum of the
//! scatterers around it, whose phases are random. A cell of the grid reads the two sheets next to
//! its height where the tissue lies. So speckle moves with the tissue without a carrier's phase
//! (only a rotation of all phases is lost, which the envelope does not show), and decorrelates as
//! the plane moves to other sheets.

use super::pose::Seat;
use crate::geometry::{Geometry, Place};
use crate::noise::below;
use crate::probe::Probe;
use crate::stream::{Purpose, Stream};

/// Free lattice points beside the scan before the lattice repeats.
const MARGIN: usize = 32;

#[derive(Clone, Debug)]
pub(super) struct Speckle {
    seed: u64,
    index: u32,
    beams: usize,
    samples: usize,
    looks: usize,
    /// Distance of two sheets, mm.
    sheet_mm: f32,
    /// Sides of the lattice, powers of two; it repeats beyond them.
    sides: [usize; 2],
    /// Number of the lowest sheet that is held, and for each sheet one lattice a look.
    lowest: i32,
    sheets: Vec<Vec<Vec<[f32; 2]>>>,
    /// Where each cell reads: beam and sample on the lattice, and sheet.
    places: Vec<[f32; 3]>,
}

impl Speckle {
    pub(super) fn new(seed: u64, index: u32, probe: &Probe, sheet_mm: f32) -> Self {
        let Probe { beams, samples, looks, .. } = *probe;
        Self {
            seed,
            index,
            beams,
            samples,
            looks,
            sheet_mm,
            sides: [beams, samples].map(|side| (side + MARGIN).next_power_of_two()),
            lowest: 0,
            sheets: Vec::new(),
            places: Vec::new(),
        }
    }

    /// Moves the tissue to where it is in a frame: `places` are the points of the tissue at the cells
    /// of the grid.
    pub(super) fn place(&mut self, geometry: &Geometry, seat: &Seat, places: &[Place]) {
        let (beams, samples) = (self.beams as f32, self.samples as f32);
        self.places.clear();
        let (mut low, mut high) = (f32::INFINITY, f32::NEG_INFINITY);
        for (sample, row) in places.chunks_exact(self.beams).enumerate() {
            let depth = (sample as f32 + 0.5) * geometry.depth_mm / samples;
            let sheet = seat.height_mm(depth) / self.sheet_mm;
            (low, high) = (low.min(sheet), high.max(sheet));
            for at in row {
                let (lateral, depth) = geometry.beam_position(at.x, at.z);
                let column = 0.5 * (lateral + 1.0) * beams - 0.5;
                let row = depth / geometry.depth_mm * samples - 0.5;
                self.places.push([column, row, sheet]);
            }
        }
        self.hold(below(low), below(high) + 1);
    }

    /// Echoes of the cell's scatterers in one look; the mean power is 1.
    pub(super) fn at(&self, look: usize, sample: usize, beam: usize) -> (f32, f32) {
        let [column, row, sheet] = self.places[sample * self.beams + beam];
        let number = below(sheet);
        let share = sheet - number as f32;
        let at = (number - self.lowest) as usize;
        let lower = self.read(&self.sheets[at][look], column, row);
        if share == 0.0 {
            return (lower[0], lower[1]);
        }
        let upper = self.read(&self.sheets[at + 1][look], column, row);
        // Sheets are independent: their powers add.
        let scale = ((1.0 - share) * (1.0 - share) + share * share).sqrt().recip();
        let (a, b) = (scale * (1.0 - share), scale * share);
        (a * lower[0] + b * upper[0], a * lower[1] + b * upper[1])
    }

    /// Between lattice points the power is lower than at them, but what the beam and the pulse let
    /// through is almost the same (within 0.5 dB), which is what counts.
    fn read(&self, lattice: &[[f32; 2]], column: f32, row: f32) -> [f32; 2] {
        let [width, height] = self.sides;
        let (c, r) = (below(column), below(row));
        let (fc, fr) = (column - c as f32, row - r as f32);
        // Two's complement: the mask wraps negative places, too.
        let wrap = |at: i32, side: usize| (at as usize) & (side - 1);
        let (c0, c1) = (wrap(c, width), wrap(c + 1, width));
        let (r0, r1) = (wrap(r, height) * width, wrap(r + 1, height) * width);
        let [p, q, s, t] = [lattice[r0 + c0], lattice[r0 + c1], lattice[r1 + c0], lattice[r1 + c1]];
        [0, 1].map(|part| {
            let upper = p[part] + fc * (q[part] - p[part]);
            let lower = s[part] + fc * (t[part] - s[part]);
            upper + fr * (lower - upper)
        })
    }

    /// Draws the sheets `low` to `high` and drops all others.
    fn hold(&mut self, low: i32, high: i32) {
        let mut old = std::mem::take(&mut self.sheets);
        let mut held = |number: i32| {
            let at = usize::try_from(number - self.lowest).ok()?;
            old.get_mut(at).map(std::mem::take).filter(|sheet| !sheet.is_empty())
        };
        let sheets =
            (low..=high).map(|number| held(number).unwrap_or_else(|| self.draw(number))).collect();
        (self.lowest, self.sheets) = (low, sheets);
    }

    fn draw(&self, number: i32) -> Vec<Vec<[f32; 2]>> {
        const HALF: f32 = std::f32::consts::FRAC_1_SQRT_2;
        let looks = 0..self.looks;
        looks
            .map(|look| {
                let branch = (u64::from(number as u32) << 8) | look as u64;
                let mut stream = Stream::branch(self.seed, self.index, Purpose::Tissue, branch);
                let count = self.sides[0] * self.sides[1];
                (0..count).map(|_| [HALF * stream.normal(), HALF * stream.normal()]).collect()
            })
            .collect()
    }
}
