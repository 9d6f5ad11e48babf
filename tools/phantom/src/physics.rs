//! Does the simulated echo behave like ultrasound? Tests of the whole acquisition.

use crate::acquire::{Envelope, drawn_anew, illuminate, receive};
use crate::geometry::{Geometry, Place};
use crate::noise::Field;
use crate::probe::{Probe, Receiver, TGC_BANDS};
use crate::scene::{Scene, Target};
use crate::shape::{Blob, Shape};
use crate::stream::{Purpose, Stream};
use crate::target::{TargetKind, fill};
use crate::tissue::{Layer, LayerStack, Local, Material};

const DEPTH_MM: f32 = 40.0;

fn geometry() -> Geometry {
    Geometry::linear([400, 400], DEPTH_MM, 0.0)
}

fn probe() -> Probe {
    Probe {
        frequency_mhz: 7.5,
        pulse_sigma_mm: 0.1,
        pulse_growth: 0.0,
        focus_mm: 20.0,
        focus_sigma_mm: 0.25,
        focal_range_mm: 8.0,
        side_lobes: 0.0,
        beams: 200,
        samples: 800,
        looks: 1,
    }
}

fn quiet() -> Receiver {
    Receiver {
        attenuation: 0.5,
        bands_db: [0.0; TGC_BANDS],
        fall_off: [0.0, 0.5],
        noise_db: [-150.0, -150.0],
        edge_loss_db: [0.0, 0.0],
        ring: [-200.0, 1.0, 1.0],
        phase_field: Field::new(4),
    }
}

fn acquire(tissue: impl Fn(&Place) -> Local, receiver: &Receiver) -> Envelope {
    let field =
        illuminate(|_, seated| tissue(seated), |place| *place, &geometry(), &probe(), receiver);
    let mut scatterers = Stream::new(11, 0, Purpose::Scatterers);
    let mut noise = Stream::new(11, 0, Purpose::Noise);
    let drawn = drawn_anew(&geometry(), &probe(), &mut scatterers);
    receive(&field, &geometry(), &probe(), receiver, drawn, &mut noise)
}

fn homogeneous(_: &Place) -> Local {
    Local { diffuse: 1.0, specular: 0.0, attenuation: 0.5 }
}

/// Envelope values in a box given in mm (x from the left edge).
fn region(envelope: &Envelope, x: [f32; 2], z: [f32; 2]) -> Vec<f32> {
    let beams = x.map(|x| (x / DEPTH_MM * envelope.beams as f32) as usize);
    let samples = z.map(|z| (z / DEPTH_MM * envelope.samples as f32) as usize);
    (samples[0]..samples[1])
        .flat_map(|s| {
            &envelope.values[s * envelope.beams + beams[0]..s * envelope.beams + beams[1]]
        })
        .copied()
        .collect()
}

fn mean(values: &[f32]) -> f32 {
    (values.iter().map(|&v| f64::from(v)).sum::<f64>() / values.len() as f64) as f32
}

fn mean_db(envelope: &Envelope, x: [f32; 2], z: [f32; 2]) -> f32 {
    let values = region(envelope, x, z);
    let power: Vec<f32> = values.iter().map(|v| v * v).collect();
    10.0 * mean(&power).log10()
}

fn scene(kind: TargetKind) -> Scene {
    let layer = Layer {
        top_mm: -50.0,
        waves_mm: [0.0, 10.0],
        slope: 0.0,
        boundary_db: -99.0,
        boundary_mm: 0.1,
        material: Material::plain(0.0, 0.5, Field::new(1)),
    };
    let layers = LayerStack {
        layers: vec![layer],
        conform_mm: 10.0,
        field: Field::new(2),
        warp_mm: 0.0,
        spotty_attenuation: 0.0,
    };
    let shape = Shape::Blob(Blob::ellipse([0.0, 15.0], [5.0, 5.0], 0.0));
    let mut stream = Stream::new(3, 0, Purpose::Anatomy);
    let (structure, contrast_db) = fill(kind, shape, 0.0, 7.5, &mut stream);
    Scene {
        layers,
        distractors: Vec::new(),
        targets: vec![Target { kind, contrast_db, structure }],
        details: Vec::new(),
        field: Field::new(3),
    }
}

#[test]
fn homogeneous_tissue_gives_fully_developed_speckle() {
    let envelope = acquire(homogeneous, &quiet());
    let values = region(&envelope, [2.0, 38.0], [10.0, 30.0]);
    let average = mean(&values);
    let variance = mean(&values.iter().map(|v| (v - average).powi(2)).collect::<Vec<_>>());
    // A Rayleigh variable has mean / deviation = sqrt(pi / (4 - pi)) = 1.913. The region holds
    // about 3,000 independent cells, so the estimate scatters by 0.03: three times that is allowed.
    let ratio = average / variance.sqrt();
    assert!((ratio - 1.913).abs() < 0.09, "mean / deviation = {ratio}");
    // Unit mean power: 0 dB of tissue is 0 dB of echo.
    let power = mean_db(&envelope, [2.0, 38.0], [10.0, 30.0]);
    assert!(power.abs() < 0.4, "{power} dB");
}

#[test]
fn speckle_is_as_wide_as_the_beam_and_narrowest_at_the_focus() {
    let envelope = acquire(homogeneous, &quiet());
    let pitch = DEPTH_MM / 200.0;
    // Correlation of intensity one lag apart falls as exp(-lag^2 / (2 sigma^2)) for a Gaussian
    // beam.
    let width = |z: [f32; 2]| {
        let samples = z.map(|z| (z / DEPTH_MM * 800.0) as usize);
        let lag = 2;
        let power = |s: usize, b: usize| f64::from(envelope.values[s * 200 + b]).powi(2);
        let (mut sum, mut squares, mut product, mut count) = (0.0, 0.0, 0.0, 0.0);
        for s in samples[0]..samples[1] {
            for b in 10..190 - lag {
                sum += power(s, b);
                squares += power(s, b).powi(2);
                product += power(s, b) * power(s, b + lag);
                count += 1.0;
            }
        }
        let average = sum / count;
        let correlation =
            (product / count - average * average) / (squares / count - average * average);
        let distance = f64::from(lag as f32 * pitch);
        (distance / (-2.0 * correlation.ln()).sqrt()) as f32
    };
    let (near, focus, far) = (width([2.0, 5.0]), width([18.5, 21.5]), width([35.0, 38.0]));
    assert!(near > 1.5 * focus && far > 1.5 * focus, "{near} {focus} {far} mm");
    // 20 % covers the scatter of the estimate over about 500 cells.
    for (found, depth) in [(near, 3.5), (focus, 20.0), (far, 36.5)] {
        let expected = probe().beam_sigma_mm(depth);
        assert!((found / expected - 1.0).abs() < 0.2, "{found} mm, expected {expected} mm");
    }
}

#[test]
fn a_cyst_is_dark_and_enhances_what_lies_below() {
    let scene = scene(TargetKind::Cyst);
    let bounds = scene.bounds();
    let envelope = acquire(|place| scene.at(place, &bounds), &quiet());
    let beside = [3.0, 12.0];
    let inside = mean_db(&envelope, [18.0, 22.0], [14.0, 18.0]);
    let level = mean_db(&envelope, beside, [14.0, 18.0]);
    assert!(inside < level - 12.0, "inside {inside} dB, beside {level} dB");
    let below = mean_db(&envelope, [18.5, 21.5], [24.0, 34.0]);
    let level = mean_db(&envelope, beside, [24.0, 34.0]);
    // 1 cm of fluid spares 2 x 0.47 dB / cm / MHz x 7.5 MHz = 7 dB; the penumbra takes some.
    assert!((3.0..9.0).contains(&(below - level)), "below {below} dB, beside {level} dB");
}

#[test]
fn a_calcification_is_bright_and_casts_a_shadow() {
    let scene = scene(TargetKind::Calcification);
    let bounds = scene.bounds();
    let envelope = acquire(|place| scene.at(place, &bounds), &quiet());
    let front = mean_db(&envelope, [18.5, 21.5], [10.0, 11.5]);
    let level = mean_db(&envelope, [3.0, 12.0], [10.0, 11.5]);
    assert!(front > level + 6.0, "front {front} dB, beside {level} dB");
    let below = mean_db(&envelope, [18.5, 21.5], [24.0, 34.0]);
    let level = mean_db(&envelope, [3.0, 12.0], [24.0, 34.0]);
    assert!(below < level - 10.0, "below {below} dB, beside {level} dB");
}

#[test]
fn noise_grows_with_depth() {
    let receiver = Receiver { noise_db: [-50.0, -20.0], ..quiet() };
    let envelope = acquire(|_| Local { diffuse: 0.0, specular: 0.0, attenuation: 0.5 }, &receiver);
    let top = mean_db(&envelope, [0.0, 40.0], [0.5, 2.0]);
    let bottom = mean_db(&envelope, [0.0, 40.0], [38.0, 39.5]);
    // 37 of the 40 mm of a rise of 30 dB.
    assert!((bottom - top - 28.0).abs() < 1.5, "top {top} dB, bottom {bottom} dB");
}
