//! The machine: transducer, receiver and their random settings.

use crate::geometry::{Geometry, GeometryKind};
use crate::noise::{Field, lerp};
use crate::stream::Stream;
use crate::tissue::amplitude;

/// Speed of sound in soft tissue, mm / us.
const SPEED_MM_PER_US: f32 = 1.54;

/// Time-gain sliders of the console.
pub(crate) const TGC_BANDS: usize = 8;

/// The transducer and its beam.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Probe {
    /// Centre frequency, MHz.
    pub(crate) frequency_mhz: f32,
    /// Standard deviation of the pulse's envelope in depth (two-way), mm.
    pub(crate) pulse_sigma_mm: f32,
    /// Relative growth of the pulse from the top to the bottom of the frame.
    pub(crate) pulse_growth: f32,
    /// Depth of the focus, mm.
    pub(crate) focus_mm: f32,
    /// Standard deviation of the beam at the focus, mm.
    pub(crate) focus_sigma_mm: f32,
    /// Distance from the focus at which the beam is wider by the square root of two, mm.
    pub(crate) focal_range_mm: f32,
    /// Amplitude of side lobes relative to the main lobe.
    pub(crate) side_lobes: f32,
    /// Beams across the frame.
    pub(crate) beams: usize,
    /// Samples along a beam.
    pub(crate) samples: usize,
    /// Independent transmissions that are averaged (compounding).
    pub(crate) looks: usize,
}

/// The receiver's gain and noise.
#[derive(Clone, Debug)]
pub(crate) struct Receiver {
    /// Attenuation that the time-gain compensation assumes, dB / cm / MHz.
    pub(crate) attenuation: f32,
    /// Error of each time-gain slider, dB.
    pub(crate) bands_db: [f32; TGC_BANDS],
    /// Loss that stays at the bottom of the frame, dB, and the share of depth where it sets in.
    pub(crate) fall_off: [f32; 2],
    /// Noise at the top and at the bottom of the frame, dB.
    pub(crate) noise_db: [f32; 2],
    /// Loss at the left and right edges through poor contact, dB.
    pub(crate) edge_loss_db: [f32; 2],
    /// Ringing of the transducer just below its face: level, dB, and decay and period, mm.
    pub(crate) ring: [f32; 3],
    /// Gives reflectors their phase.
    pub(crate) phase_field: Field,
}

impl Probe {
    /// Wavelength, mm.
    pub(crate) fn wavelength_mm(&self) -> f32 {
        SPEED_MM_PER_US / self.frequency_mhz
    }

    /// Standard deviation of the beam at a depth, mm: a Gaussian beam.
    pub(crate) fn beam_sigma_mm(&self, depth_mm: f32) -> f32 {
        self.focus_sigma_mm * ((depth_mm - self.focus_mm) / self.focal_range_mm).hypot(1.0)
    }

    /// A random transducer for a geometry.
    pub(crate) fn random(geometry: &Geometry, frequency_mhz: f32, stream: &mut Stream) -> Self {
        let wavelength = SPEED_MM_PER_US / frequency_mhz;
        let depth = geometry.depth_mm;
        // Pulse of 1 to 1.7 wavelengths (full width at half maximum), two-way.
        let pulse_sigma_mm = wavelength * stream.uniform(0.38, 0.6);
        let f_number = match geometry.kind {
            GeometryKind::Linear => stream.uniform(2.0, 3.4),
            GeometryKind::Convex => stream.uniform(2.2, 3.4),
            GeometryKind::Sector => stream.uniform(3.0, 4.2),
        };
        // Two-way beam width of a focused aperture: about 0.9 wavelengths x f-number.
        let focus_sigma_mm = 0.9 * wavelength * f_number / 2.355;
        let samples = (2.0 * depth / pulse_sigma_mm).clamp(360.0, 1400.0) as usize;
        let focus_mm = depth * stream.uniform(0.3, 0.65);
        let pitch = 0.8 * focus_sigma_mm;
        let span = 2.0 * geometry.half_span_mm(focus_mm);
        Self {
            frequency_mhz,
            pulse_sigma_mm,
            pulse_growth: stream.uniform(0.1, 0.5),
            focus_mm,
            focus_sigma_mm,
            // Dynamic receive focusing keeps the beam narrow well beyond the transmit focus.
            focal_range_mm: depth * stream.uniform(0.3, 0.6),
            side_lobes: stream.uniform(0.006, 0.03),
            beams: (span / pitch).clamp(112.0, 384.0) as usize,
            samples,
            looks: stream.weighted(&[(1, 0.12), (2, 0.33), (3, 0.3), (4, 0.25)], 1),
        }
    }
}

impl Probe {
    /// The same transducer on a grid that is only as fine as the frame's pixels need, so that a
    /// frame is fast; the pulse and the beam are never narrower than the grid can carry.
    pub(crate) fn for_cine(self, geometry: &Geometry) -> Self {
        let (width, height) = (geometry.width_px as f32, geometry.height_px as f32);
        let depth = geometry.depth_mm;
        let samples = self.samples.min((1.4 * height) as usize);
        let beams = self.beams.min((0.5 * width).max(96.0) as usize);
        let step_mm = depth / samples as f32;
        let pitch_mm = 2.0 * geometry.half_span_mm(self.focus_mm) / beams as f32;
        Self {
            pulse_sigma_mm: self.pulse_sigma_mm.max(1.3 * step_mm),
            focus_sigma_mm: self.focus_sigma_mm.max(1.1 * pitch_mm),
            beams,
            samples,
            looks: self.looks.min(2),
            ..self
        }
    }
}

impl Receiver {
    /// Random settings for tissue of a usual attenuation (dB / cm / MHz).
    pub(crate) fn random(kind: GeometryKind, attenuation: f32, stream: &mut Stream) -> Self {
        let spread = stream.uniform(0.4, 2.0);
        let bottom = stream.uniform(-34.0, -12.0);
        let mut edge = || if stream.chance(0.25) { stream.uniform(4.0, 22.0) } else { 0.0 };
        let edge_loss_db = [edge(), edge()];
        Self {
            attenuation: attenuation * stream.uniform(0.85, 1.12),
            bands_db: std::array::from_fn(|_| spread * stream.normal().clamp(-2.0, 2.0)),
            fall_off: if stream.chance(0.55) {
                let most = if kind == GeometryKind::Linear { 24.0 } else { 12.0 };
                [stream.uniform(4.0, most), stream.uniform(0.35, 0.75)]
            } else {
                [0.0, 0.5]
            },
            noise_db: [bottom - stream.uniform(24.0, 40.0), bottom],
            edge_loss_db,
            ring: [stream.uniform(2.0, 14.0), stream.uniform(0.3, 1.0), stream.uniform(0.5, 1.1)],
            phase_field: Field::new(stream.field_seed()),
        }
    }

    /// Random settings for scenes with organs: deep scans often end in the dark.
    pub(crate) fn of_organs(geometry: &Geometry, attenuation: f32, stream: &mut Stream) -> Self {
        let usual = Self::random(geometry.kind, attenuation, stream);
        let late = [stream.uniform(4.0, 20.0), stream.uniform(0.25, 0.6)];
        let fades = geometry.kind == GeometryKind::Convex && stream.chance(0.5);
        Self { fall_off: if fades { late } else { usual.fall_off }, ..usual }
    }

    /// Gain error at a share (0 to 1) of the depth, dB.
    pub(crate) fn gain_db(&self, share: f32) -> f32 {
        let band = (share * TGC_BANDS as f32 - 0.5).clamp(0.0, (TGC_BANDS - 1) as f32);
        let lower = (band as usize).min(TGC_BANDS - 2);
        let t = band - lower as f32;
        let smooth = t * t * (3.0 - 2.0 * t);
        let slider = lerp(self.bands_db[lower], self.bands_db[lower + 1], smooth);
        let [loss, from] = self.fall_off;
        let late = ((share - from) / (1.0 - from)).max(0.0);
        slider - loss * late * (2.0 - late)
    }

    /// Noise at a share (0 to 1) of the depth, dB, before the gain error.
    pub(crate) fn noise_db(&self, share: f32) -> f32 {
        lerp(self.noise_db[0], self.noise_db[1], share)
    }

    /// Amplitude of the transducer's ringing at a depth.
    pub(crate) fn ringing(&self, depth_mm: f32) -> f32 {
        let [level, decay, period] = self.ring;
        let wave = 0.55 + 0.45 * (std::f32::consts::TAU * depth_mm / period).cos();
        amplitude(level - 8.7 * depth_mm / decay) * wave
    }

    /// Loss through poor contact at a lateral position (-1 to 1), dB.
    pub(crate) fn contact_db(&self, lateral: f32) -> f32 {
        const EDGE: f32 = 0.72;
        let loss = self.edge_loss_db[usize::from(lateral > 0.0)];
        let share = ((lateral.abs() - EDGE) / (1.0 - EDGE)).max(0.0);
        -loss * share * share
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stream::Purpose;

    #[test]
    fn the_beam_is_narrowest_at_its_focus() {
        let geometry = Geometry::linear([500, 400], 40.0, 0.0);
        let mut stream = Stream::new(1, 0, Purpose::Setup);
        let probe = Probe::random(&geometry, 8.0, &mut stream);
        let at_focus = probe.beam_sigma_mm(probe.focus_mm);
        assert!(probe.beam_sigma_mm(1.0) > at_focus);
        assert!(probe.beam_sigma_mm(39.0) > at_focus);
        assert!((0.1..0.4).contains(&at_focus), "{at_focus} mm");
    }

    #[test]
    fn noise_grows_with_depth_and_bands_pass_through_their_sliders() {
        let mut stream = Stream::new(2, 0, Purpose::Setup);
        let receiver = Receiver {
            fall_off: [0.0, 0.5],
            ..Receiver::random(GeometryKind::Linear, 0.5, &mut stream)
        };
        assert!(receiver.noise_db(0.9) > receiver.noise_db(0.1) + 15.0);
        for (band, &error) in receiver.bands_db.iter().enumerate() {
            let share = (band as f32 + 0.5) / TGC_BANDS as f32;
            assert!((receiver.gain_db(share) - error).abs() < 1e-3);
        }
    }
}
