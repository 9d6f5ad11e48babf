//! Do sequences show what they state?

use super::script::{Excursion, GainStep, Passing, Script, Wave};
use super::shadow::Shadow;
use super::*;
use crate::config::{GeometryChoice, Scenes};
use std::f32::consts::FRAC_PI_2;

const WIDTH: u32 = 240;

fn config(geometry: GeometryChoice) -> CineConfig {
    let phantom =
        PhantomConfig { geometry, size_px: Some([WIDTH, 192]), ..PhantomConfig::default() };
    CineConfig { frames: 40, phantom, ..CineConfig::default() }
}

/// The first sequence of a linear array with such a target, and nothing happens in it but `script`.
fn staged(kind: TargetKind, script: Script) -> Cine {
    let config = config(GeometryChoice::Linear);
    let mut cines = (0..80).map(|index| Cine::new(3, index, &config));
    let mut cine = cines.find(|cine| cine.kind() == kind).unwrap();
    cine.script = script;
    cine
}

/// Mask and state of a frame without its picture, which takes most of the time.
fn truth(cine: &Cine, number: u32) -> (GrayImage, FrameState) {
    let seat = cine.seat(cine.script.shown(number));
    cine.truth(number, &seat, &cine.body.view(&seat))
}

/// A motion that grows for all of the 40 frames and ends at `total`.
fn drift(total: f32) -> Wave {
    Wave { amplitude: total, frequency_hz: 0.25 / 1.95, phase: 0.0 }
}

fn mean(image: &GrayImage, mask: &GrayImage, chosen: impl Fn(u8) -> bool) -> f32 {
    let (mut sum, mut count) = (0.0, 0.0);
    for (pixel, mask) in image.pixels().zip(mask.pixels()) {
        if chosen(mask.0[0]) {
            sum += f32::from(pixel.0[0]);
            count += 1.0;
        }
    }
    sum / f32::max(count, 1.0)
}

/// Correlation of what is left of two pictures without their slow variation, over the middle of the
/// frame; `second` is read `shift` pixels to the right.
fn correlation(first: &GrayImage, second: &GrayImage, shift: i32) -> f32 {
    let detail = |image: &GrayImage, x: i32, y: i32| {
        let at = |x: i32, y: i32| f32::from(image.get_pixel(x as u32, y as u32).0[0]);
        let around: f32 = (-3..=3)
            .flat_map(|v| (-3..=3).map(move |u| (u, v)))
            .map(|(u, v)| at(x + u, y + v))
            .sum();
        at(x, y) - around / 49.0
    };
    let (mut ab, mut aa, mut bb) = (0.0, 0.0, 0.0);
    for y in 60..150 {
        for x in 40..WIDTH as i32 - 40 {
            let (a, b) = (detail(first, x, y), detail(second, x + shift, y));
            ab += a * b;
            aa += a * a;
            bb += b * b;
        }
    }
    ab / (aa * bb).sqrt()
}

#[test]
fn a_frame_is_fixed_by_seed_index_and_number_in_any_order() {
    let config = config(GeometryChoice::Any);
    let mut cine = Cine::new(9, 4, &config);
    let backwards: Vec<CineFrame> = [30, 7, 0].map(|number| cine.frame(number)).into();
    for (frame, number) in backwards.iter().zip([30, 7, 0]) {
        let again = Cine::new(9, 4, &config).frame(number);
        assert!(frame.image == again.image && frame.mask == again.mask, "{number}");
        assert_eq!(frame.state, again.state);
    }
    assert!(backwards[2].image != Cine::new(9, 5, &config).frame(0).image);
    assert!(backwards[2].image != Cine::new(10, 4, &config).frame(0).image);
}

#[test]
fn the_centre_of_every_mask_is_where_it_is_stated_to_be() {
    let mut checked = 0;
    for index in 0..40 {
        let cine = Cine::new(11, index, &config(GeometryChoice::Any));
        if !cine.body.bounded {
            // A strip's stated point is not the middle of what is seen of it.
            continue;
        }
        let geometry = cine.geometry();
        let mut before = None;
        for number in (0..40).step_by(3) {
            let (mask, state) = truth(&cine, number);
            let pixels: Vec<[f32; 2]> = mask
                .enumerate_pixels()
                .filter(|(_, _, pixel)| pixel.0[0] > 0)
                .map(|(x, y, _)| [x as f32, y as f32])
                .collect();
            assert_eq!(state.area_px as usize, pixels.len());
            // A mask that is cut off by the scan's side has another centre.
            let whole = pixels.iter().all(|&[x, y]| {
                let [x, z] = geometry.pixel_to_mm(x as u32, y as u32);
                geometry.shows(x, z, 2.0 * geometry.mm_per_px)
            });
            let Some(step) = whole.then_some(pixels.len()).filter(|&count| count > 100) else {
                before = None;
                continue;
            };
            let centre =
                [0, 1].map(|axis| pixels.iter().map(|p| p[axis]).sum::<f32>() / step as f32);
            let off = [0, 1].map(|axis| centre[axis] - state.centre_px[axis]);
            assert!(off[0].hypot(off[1]) < 0.6, "{index} {number} {:?}: {off:?}", cine.kind());
            if let Some((mask, stated)) = before.replace((centre, state.centre_px)) {
                let moved = [0, 1].map(|axis| centre[axis] - mask[axis]);
                let told = [0, 1].map(|axis| state.centre_px[axis] - stated[axis]);
                assert!((moved[0] - told[0]).hypot(moved[1] - told[1]) < 0.6, "{index} {number}");
                checked += 1;
            }
        }
    }
    assert!(checked > 120, "only {checked} steps could be checked");
}

#[test]
fn motions_add_up_to_the_way_of_the_centre() {
    let cine = Cine::new(5, 3, &config(GeometryChoice::Any));
    let mut at = truth(&cine, 0).1.centre_px;
    for number in 1..8 {
        let FrameState { centre_px, motion_px, .. } = truth(&cine, number).1;
        at = [at[0] + motion_px[0], at[1] + motion_px[1]];
        assert!((at[0] - centre_px[0]).hypot(at[1] - centre_px[1]) < 1e-2);
    }
}

#[test]
fn an_anechoic_target_is_dark_in_every_frame() {
    let mut checked = 0;
    for index in 0..60 {
        let mut cine = Cine::new(21, index, &config(GeometryChoice::Linear));
        if cine.kind() != TargetKind::Cyst {
            continue;
        }
        // Gain and depth decide how bright the tissue is; a dark frame says nothing.
        for number in [0, 13, 26, 39] {
            let CineFrame { image, mask, state, .. } = cine.frame(number);
            let rim = ring(&mask);
            let (inside, around) = (mean(&image, &mask, |m| m > 0), mean(&image, &rim, |m| m > 0));
            if state.area_px > 150 && state.in_plane > 0.5 && state.shadow == 0.0 && around > 50.0 {
                assert!(inside < 0.6 * around, "{index} {number}: {inside} in {around}");
                checked += 1;
            }
        }
    }
    assert!(checked >= 20, "only {checked} frames could be checked");
}

/// Pixels 3 to 8 px outside a mask.
fn ring(mask: &GrayImage) -> GrayImage {
    let (width, height) = (mask.width() as i32, mask.height() as i32);
    let near = |x: i32, y: i32, reach: i32| {
        (-reach..=reach).step_by(2).any(|v| {
            (-reach..=reach).step_by(2).any(|u| {
                let (x, y) = (x + u, y + v);
                let inside = (0..width).contains(&x) && (0..height).contains(&y);
                inside && mask.get_pixel(x as u32, y as u32).0[0] > 0
            })
        })
    };
    GrayImage::from_fn(mask.width(), mask.height(), |x, y| {
        let (x, y) = (x as i32, y as i32);
        Luma([if near(x, y, 8) && !near(x, y, 3) { 255 } else { 0 }])
    })
}

#[test]
fn speckle_moves_with_the_tissue_and_changes_as_the_plane_rises() {
    let mut cine = staged(TargetKind::HypoechoicLesion, Script::default());
    cine.receiver.noise_db = [-150.0, -150.0];
    cine.receiver.edge_loss_db = [0.0, 0.0];
    let rest = cine.frame(0).image;
    assert!(rest == cine.frame(20).image, "without motion and noise, frames are equal");
    // The probe slides by 9 pixels to the left: the tissue moves to the right.
    cine.script.slide = drift(-9.0 * cine.pixel_spacing_mm());
    let slid = cine.frame(39).image;
    let (along, still) = (correlation(&rest, &slid, 9), correlation(&rest, &slid, 0));
    assert!(along > 0.85 && still < 0.4, "along {along}, still {still}");
    cine.script = Script { height: drift(3.0 * cine.body.blur_mm()), ..Script::default() };
    let risen = cine.frame(39).image;
    assert!(correlation(&rest, &risen, 0) < 0.45, "{}", correlation(&rest, &risen, 0));
    let little = correlation(&rest, &cine.frame(4).image, 0);
    assert!(little > 0.6, "{little}");
}

#[test]
fn breathing_moves_the_mask_towards_the_probe() {
    let script = Script { breath: drift(1.2), ..Script::default() };
    let cine = staged(TargetKind::HypoechoicLesion, script);
    let [first, last] = [0, 39].map(|number| truth(&cine, number).1);
    let moved = last.centre_px[1] - first.centre_px[1];
    let expected = -1.2 / cine.pixel_spacing_mm();
    assert!((moved - expected).abs() < 0.3, "{moved} px, expected {expected} px");
    assert!(first.area_px.abs_diff(last.area_px) * 50 < first.area_px);
}

#[test]
fn the_plane_leaves_the_target_and_returns() {
    let mut cine = staged(TargetKind::Cyst, Script::default());
    let height_mm = 2.0 * cine.body.half_height_mm;
    let excursion = Excursion { start_s: 0.4, way_s: 0.3, away_s: 0.5, height_mm };
    cine.script.excursion = Some(excursion);
    let shows: Vec<bool> = (0..40).map(|number| truth(&cine, number).1.area_px > 0).collect();
    // Away from 0.7 s to 1.2 s, back at 1.5 s; 20 frames a second.
    assert!(shows[..8].iter().chain(&shows[30..]).all(|&shown| shown), "{shows:?}");
    assert!(shows[14..=24].iter().all(|&shown| !shown), "{shows:?}");
    let away = cine.frame(18);
    assert!(!away.visible && cine.frame(0).visible);
    assert!(away.mask.pixels().all(|pixel| pixel.0[0] == 0));
    assert_eq!((away.state.in_plane, away.state.area_px), (0.0, 0));
    // The cut shrinks on the way out, and the dark of the cyst goes with it.
    let areas: Vec<u32> = (9..15).map(|number| truth(&cine, number).1.area_px).collect();
    assert!(areas.windows(2).all(|pair| pair[1] <= pair[0]), "{areas:?}");
    let first = cine.frame(0);
    let dark = mean(&first.image, &first.mask, |m| m > 0);
    let filled = mean(&away.image, &first.mask, |m| m > 0);
    assert!(filled > 2.0 * dark, "{dark} with the cyst, {filled} without");
}

#[test]
fn a_frozen_console_shows_one_picture_and_noise_is_new_in_all_others() {
    let mut cine = staged(TargetKind::Cyst, Script::default());
    cine.script.slide = drift(4.0);
    cine.script.freeze = Some([10, 20]);
    let first = cine.frame(10);
    assert!(!first.state.frozen);
    for number in 11..=20 {
        let frame = cine.frame(number);
        assert!(frame.image == first.image && frame.mask == first.mask, "{number}");
        assert!(frame.state.frozen && frame.state.motion_px == [0.0, 0.0]);
    }
    let next = cine.frame(21);
    assert!(!next.state.frozen && next.image != first.image);
    // Its motion is that of all the time the console was frozen.
    assert!(next.state.motion_px[0] < -0.4 * 4.0 / cine.pixel_spacing_mm() * 11.0 / 39.0);
    cine.script = Script::default();
    assert!(cine.frame(3).image != cine.frame(4).image, "noise repeats");
}

#[test]
fn a_pulsating_target_grows_by_what_is_stated() {
    let pulse = Wave { amplitude: 0.18, frequency_hz: 1.25, phase: 0.0 };
    let cine = staged(TargetKind::Vessel, Script { pulse, ..Script::default() });
    let area = |state: &FrameState| f64::from(state.area_px);
    let rest = area(&truth(&cine, 0).1);
    for (number, swell) in [(4, 0.18), (12, -0.18)] {
        let state = truth(&cine, number).1;
        assert!((state.pulsation - swell).abs() < 1e-3, "{}", state.pulsation);
        let found = area(&state) / rest;
        // A round vessel grows in both directions, one along the scan in one.
        let factor = f64::from(1.0 + swell);
        let expected = if cine.body.bounded { factor * factor } else { factor };
        assert!((found / expected - 1.0).abs() < 0.06, "{number}: {found}, expected {expected}");
    }
}

#[test]
fn a_shadow_passes_and_takes_the_light_away() {
    let shadow =
        Shadow { middle: 0.0, half_width: 0.25, top_mm: 1.0, thickness_mm: 0.8, loss_db: 30.0 };
    let passing = Passing { start_s: 0.0, end_s: 2.0, direction: 1.0, shadow };
    let mut cine = staged(TargetKind::HypoechoicLesion, Script::default());
    let clear = cine.frame(0);
    cine.script.passing = Some(passing);
    let shadow = |number: &u32| truth(&cine, *number).1.shadow;
    let number = (0..40).max_by(|a, b| shadow(a).total_cmp(&shadow(b))).unwrap();
    let darkest = cine.frame(number);
    assert!(darkest.state.shadow > 0.9, "{}", darkest.state.shadow);
    let around = ring(&clear.mask);
    let levels = [&clear, &darkest].map(|frame| mean(&frame.image, &around, |m| m > 0));
    assert!(levels[1] < 0.6 * levels[0], "{levels:?}");
    assert!(darkest.mask == clear.mask, "a shadow doesn't change the truth");
    assert_eq!(truth(&cine, 0).1.shadow, 0.0);
}

#[test]
fn gain_makes_the_picture_brighter() {
    let gain = vec![GainStep { at_s: 0.5, over_s: 0.2, change_db: 8.0 }];
    let mut cine = staged(TargetKind::Cyst, Script { gain, ..Script::default() });
    let (before, after) = (cine.frame(5), cine.frame(30));
    assert_eq!((before.state.gain_db, after.state.gain_db), (0.0, 8.0));
    let levels = [&before, &after].map(|frame| mean(&frame.image, &frame.mask, |m| m == 0));
    assert!(levels[1] > levels[0] + 10.0, "{levels:?}");
}

#[test]
fn everything_happens_in_some_sequences_and_targets_stay_in_the_picture() {
    let (mut events, mut strays) = ([0; 6], 0);
    const COUNT: u32 = 60;
    let config = CineConfig { frames: 200, ..config(GeometryChoice::Any) };
    for index in 0..COUNT {
        let cine = Cine::new(2, index, &config);
        let Script { slide, breath, excursion, passing, gain, freeze, .. } = &cine.script;
        let happens = [
            slide.amplitude > 0.0,
            breath.amplitude > 0.0,
            excursion.is_some(),
            passing.is_some(),
            !gain.is_empty(),
            freeze.is_some(),
        ];
        events.iter_mut().zip(happens).for_each(|(count, happens)| *count += u32::from(happens));
        let off = (0..200).step_by(10).filter(|&number| {
            let [x, y] = cine.centre_px(number);
            !(0.0..WIDTH as f32).contains(&x) || !(0.0..192.0).contains(&y)
        });
        strays += u32::from(off.count() > 0);
    }
    // The rarest, leaving the plane, is drawn for three in ten of the targets that can be left.
    assert!(events.iter().all(|&count| (6..COUNT).contains(&count)), "{events:?}");
    assert!(strays <= COUNT / 6, "{strays}");
}

#[test]
fn organs_move_and_chambers_beat() {
    let mut config = config(GeometryChoice::Sector);
    config.phantom.scenes = Scenes::Organs;
    let mut beating = 0;
    for index in 0..6 {
        let mut cine = Cine::new(4, index, &config);
        let first = cine.frame(0);
        assert!(first.visible && first.state.area_px > 50, "{index}");
        let other = cine.frame(6);
        assert!(first.image != other.image);
        assert!(Cine::new(4, index, &config).frame(6).image == other.image);
        if cine.kind() == TargetKind::Chamber {
            cine.script = Script {
                pulse: Wave { amplitude: 0.15, frequency_hz: 1.25, phase: 0.0 },
                ..Script::default()
            };
            let [rest, systole] = [0, 12].map(|number| truth(&cine, number).1.area_px as f32);
            assert!(systole < 0.85 * rest, "{index}: {rest} {systole}");
            beating += 1;
        }
    }
    assert!(beating > 0);
}

#[test]
fn strips_and_heads_are_followed_too() {
    for (geometry, kind) in [
        (GeometryChoice::Linear, TargetKind::FasciaStrip),
        (GeometryChoice::Convex, TargetKind::FetalHead),
    ] {
        let config = config(geometry);
        let mut cines = (0..80).map(|index| Cine::new(6, index, &config));
        let mut cine = cines.find(|cine| cine.kind() == kind).unwrap();
        cine.script = Script { rock: drift(0.05), ..Script::default() };
        let (first, last) = (cine.frame(0), cine.frame(39));
        assert!(first.visible && last.visible);
        assert!(first.mask != last.mask, "{kind:?} does not turn");
        let brighter = |frame: &CineFrame| {
            mean(&frame.image, &frame.mask, |m| m > 0)
                - mean(&frame.image, &ring(&frame.mask), |m| m > 0)
        };
        if kind == TargetKind::FasciaStrip {
            assert!(brighter(&first) > 15.0 && brighter(&last) > 15.0);
        }
    }
}

#[test]
fn choices_out_of_range_are_named() {
    let bad = |frames, frame_rate_hz| CineConfig { frames, frame_rate_hz, ..Default::default() };
    for (config, part) in [
        (bad(0, 20.0), "found 0"),
        (bad(10_000, 20.0), "found 10000"),
        (bad(10, 0.5), "found 0.5"),
        (bad(10, f32::NAN), "found NaN"),
    ] {
        let error = config.validate().unwrap_err();
        assert!(error.to_string().contains(part) && !error.is_output(), "{error}");
    }
    assert!(CineConfig::default().validate().is_ok());
}

#[test]
fn waves_start_at_rest() {
    let wave = Wave { amplitude: 2.0, frequency_hz: 0.5, phase: FRAC_PI_2 };
    assert_eq!(wave.at(0.0), 0.0);
    assert!((wave.at(1.0) + 4.0).abs() < 1e-5);
}
