//! Computes the echo envelope from the tissue, beam by beam.
//!
//! Scatterers lie at random within each cell of the acquisition grid; the carrier turns the
//! position of each into a phase, so their sum over a resolution cell is fully developed speckle
//! (Wagner et al. 1983). Echoes are attenuated on the way there and back and amplified by the
//! time-gain compensation. The compensation also amplifies the receiver's noise, which therefore
//! grows with depth.

use crate::geometry::{Geometry, Place};
use crate::probe::{Probe, Receiver};
use crate::psf::Echoes;
use crate::stream::Stream;
use crate::tissue::{Local, amplitude};

/// Scatterers in one cell of the grid; a resolution cell covers ten cells or more.
const SCATTERERS_PER_CELL: usize = 3;

/// Echoes that add in phase over a resolution cell come out stronger than random ones by about the
/// square root of its cells; this brings reflectors back to their nominal level.
const IN_PHASE: f32 = 0.3;

/// Share of the amplitude that leaks to each neighbouring beam's path every sample, per beam^2:
/// blurs shadows with depth, as the beam's aperture looks around an obstacle.
const PENUMBRA: f32 = 0.06;

/// The tissue at every cell of the grid, and the path to it: everything that is not random.
pub(crate) struct Field {
    diffuse: Vec<f32>,
    specular: Vec<f32>,
    /// Phase of the reflectors' echo: varies slowly along them.
    phase: Vec<f32>,
}

/// Envelope of the echoes, `[samples, beams]`; 1 is the tissue reference (0 dB).
#[derive(Clone, Debug)]
pub(crate) struct Envelope {
    /// Beams (columns).
    pub(crate) beams: usize,
    /// Depth samples (rows).
    pub(crate) samples: usize,
    /// Magnitudes.
    pub(crate) values: Vec<f32>,
}

/// Reads the tissue at every cell and follows each beam down to it. `seat` gives the point of the
/// tissue that lies at a place of the scan; the two are the same but in a cine.
pub(crate) fn illuminate(
    tissue: impl Fn(&Place, &Place) -> Local,
    mut seat: impl FnMut(&Place) -> Place,
    geometry: &Geometry,
    probe: &Probe,
    receiver: &Receiver,
) -> Field {
    let (beams, samples) = (probe.beams, probe.samples);
    let step_mm = geometry.depth_mm / samples as f32;
    let mut field = Field {
        diffuse: Vec::with_capacity(beams * samples),
        specular: Vec::with_capacity(beams * samples),
        phase: Vec::with_capacity(beams * samples),
    };
    let mut reach = vec![1.0_f32; beams];
    let mut blurred = vec![1.0_f32; beams];
    let wobble = receiver.phase_field;
    // dB / cm / MHz, one way -> dB a sample, both ways.
    let to_db = 0.2 * step_mm * probe.frequency_mhz;
    for sample in 0..samples {
        let depth = (sample as f32 + 0.5) * step_mm;
        let gain_back = receiver.attenuation * to_db;
        let ringing = receiver.ringing(depth);
        for (beam, reached) in reach.iter_mut().enumerate() {
            let lateral = (2 * beam + 1) as f32 / beams as f32 - 1.0;
            let place = geometry.place(lateral, depth);
            let seated = seat(&place);
            let local = tissue(&place, &seated);
            field.diffuse.push(local.diffuse * *reached);
            field.specular.push(local.specular * *reached + ringing);
            field.phase.push(6.0 * wobble.at(seated.x / 5.0, seated.z / 5.0));
            *reached *= amplitude(gain_back - local.attenuation * to_db);
        }
        for (beam, out) in blurred.iter_mut().enumerate() {
            let left = reach[beam.saturating_sub(1)];
            let right = reach[(beam + 1).min(beams - 1)];
            *out = reach[beam] + PENUMBRA * (left + right - 2.0 * reach[beam]);
        }
        std::mem::swap(&mut reach, &mut blurred);
    }
    field
}

/// Scatterers drawn anew: the sum of the echoes in each cell (sample, beam), whose mean power is
/// [`SCATTERERS_PER_CELL`], and the factor that brings it to 1.
pub(crate) fn drawn_anew<'a>(
    geometry: &Geometry,
    probe: &Probe,
    scatterers: &'a mut Stream,
) -> (impl FnMut(usize, usize) -> (f32, f32) + 'a, f32) {
    let step_mm = geometry.depth_mm / probe.samples as f32;
    let turns_per_mm = 4.0 * std::f32::consts::PI / probe.wavelength_mm();
    let draw = move |sample: usize, _beam: usize| {
        // The phase at the cell's top, wrapped early so that f32 stays exact.
        let start = (sample as f32 * step_mm * turns_per_mm) % std::f32::consts::TAU;
        let (mut re, mut im) = (0.0, 0.0);
        for _ in 0..SCATTERERS_PER_CELL {
            let echo = scatterers.normal();
            let within = scatterers.unit() * step_mm;
            let (sin, cos) = (start + within * turns_per_mm).sin_cos();
            re += echo * cos;
            im += echo * sin;
        }
        (re, im)
    };
    (draw, (SCATTERERS_PER_CELL as f32).sqrt().recip())
}

/// One transmission: the scatterers' echoes (each cell's sum, and a factor), point spread, noise,
/// gain.
pub(crate) fn receive(
    field: &Field,
    geometry: &Geometry,
    probe: &Probe,
    receiver: &Receiver,
    (mut scatterers, strength): (impl FnMut(usize, usize) -> (f32, f32), f32),
    noise: &mut Stream,
) -> Envelope {
    let (beams, samples) = (probe.beams, probe.samples);
    let step_mm = geometry.depth_mm / samples as f32;
    let mut echoes = Echoes::silent(beams, samples);
    for sample in 0..samples {
        for beam in 0..beams {
            let cell = sample * beams + beam;
            let (re, im) = scatterers(sample, beam);
            let diffuse = field.diffuse[cell] * strength;
            let (sin, cos) = field.phase[cell].sin_cos();
            let specular = field.specular[cell] * IN_PHASE;
            echoes.re[cell] = diffuse * re + specular * cos;
            echoes.im[cell] = diffuse * im + specular * sin;
        }
    }
    echoes.blur_lateral(
        |sample| {
            let depth = (sample as f32 + 0.5) * step_mm;
            let pitch_mm = 2.0 * geometry.half_span_mm(depth) / beams as f32;
            probe.beam_sigma_mm(depth) / pitch_mm.max(1e-3)
        },
        probe.side_lobes,
    );
    add_noise(&mut echoes, probe, receiver, noise);
    echoes.blur_axial(|sample| {
        let share = sample as f32 / samples as f32;
        probe.pulse_sigma_mm * (1.0 + probe.pulse_growth * share) / step_mm
    });
    let mut values = echoes.envelope();
    for (sample, row) in values.chunks_exact_mut(beams).enumerate() {
        let share = sample as f32 / samples as f32;
        let gain = receiver.gain_db(share);
        for (beam, value) in row.iter_mut().enumerate() {
            let lateral = (2 * beam + 1) as f32 / beams as f32 - 1.0;
            *value *= amplitude(gain + receiver.contact_db(lateral));
        }
    }
    Envelope { beams, samples, values }
}

/// Adds the receiver's noise before the pulse's matched filter, which colours it along depth.
fn add_noise(echoes: &mut Echoes, probe: &Probe, receiver: &Receiver, noise: &mut Stream) {
    let beams = echoes.beams;
    for sample in 0..probe.samples {
        let share = sample as f32 / probe.samples as f32;
        let level = amplitude(receiver.noise_db(share)) * std::f32::consts::FRAC_1_SQRT_2;
        for cell in sample * beams..(sample + 1) * beams {
            echoes.re[cell] += level * noise.normal();
            echoes.im[cell] += level * noise.normal();
        }
    }
}

/// The mean of several envelopes: spatial compounding.
pub(crate) fn compound(mut first: Envelope, others: impl Iterator<Item = Envelope>) -> Envelope {
    let mut count = 1.0;
    for look in others {
        first.values.iter_mut().zip(&look.values).for_each(|(sum, value)| *sum += value);
        count += 1.0;
    }
    first.values.iter_mut().for_each(|value| *value /= count);
    first
}
