//! Scenes with organs: what their masks promise.

use super::choose::{Chosen, Labels};
use super::composer::{Composer, bare};
use super::map::{OrganMap, Owner};
use super::{material, populate, setting, wall};
use crate::config::PhantomConfig;
use crate::geometry::{Geometry, Place};
use crate::shape::{Blob, Shape};
use crate::stream::{Purpose, Stream};
use crate::target::TargetKind;
use image::{GrayImage, Luma};
use std::collections::{BTreeMap, BTreeSet};

/// A scene and its targets, without the echoes.
fn scene(seed: u64, index: u32) -> Option<(OrganMap, Geometry, Chosen)> {
    let mut setup = Stream::new(seed, index, Purpose::Setup);
    let mut stream = Stream::new(seed, index, Purpose::Anatomy);
    let mut choice = Stream::new(seed, index, Purpose::Choice);
    let (anatomy, geometry, frequency_mhz) = setting(&PhantomConfig::default(), &mut setup);
    let map = populate(anatomy, &geometry, frequency_mhz, &mut stream);
    let chosen = Labels::read(&map, &geometry).choose(&map, &geometry, None, &mut choice)?;
    Some((map, geometry, chosen))
}

/// The object seen at each pixel.
fn owners(map: &OrganMap, geometry: &Geometry) -> Vec<Option<usize>> {
    let mut owners = Vec::new();
    for row in 0..geometry.height_px {
        for column in 0..geometry.width_px {
            let [x, z] = geometry.pixel_to_mm(column, row);
            let (_, depth) = geometry.beam_position(x, z);
            let place = Place { x, z, depth, beam: [0.0, 1.0] };
            owners.push(if geometry.scans(x, z) { map.owner(&place) } else { None });
        }
    }
    owners
}

/// The pixels of each 8-connected component of a mask.
fn components(chosen: &Chosen) -> Vec<Vec<usize>> {
    let (width, height) = chosen.mask.dimensions();
    let mut left: BTreeSet<usize> =
        (0..(width * height) as usize).filter(|&at| chosen.mask.as_raw()[at] == 255).collect();
    let mut found = Vec::new();
    while let Some(start) = left.pop_first() {
        let mut piece = vec![start];
        let mut next = 0;
        while next < piece.len() {
            let (x, y) = (piece[next] % width as usize, piece[next] / width as usize);
            next += 1;
            for (dx, dy) in (0..9).map(|step| (step % 3, step / 3)) {
                let (u, v) = ((x + dx).wrapping_sub(1), (y + dy).wrapping_sub(1));
                if u < width as usize && left.remove(&(v * width as usize + u)) {
                    piece.push(v * width as usize + u);
                }
            }
        }
        found.push(piece);
    }
    found
}

#[test]
fn each_target_is_one_component_that_shows_one_structure_and_most_of_it() {
    let mut scenes = 0;
    for index in 0..40 {
        let Some((map, geometry, chosen)) = scene(21, index) else { continue };
        scenes += 1;
        let owners = owners(&map, &geometry);
        let pieces = components(&chosen);
        assert!((1..=3).contains(&chosen.targets.len()), "frame {index}");
        assert_eq!(pieces.len(), chosen.targets.len(), "frame {index}: targets touch");
        let mut areas: Vec<usize> = chosen.targets.iter().map(|t| t.area_px as usize).collect();
        let mut drawn: Vec<usize> = pieces.iter().map(Vec::len).collect();
        areas.sort_unstable();
        drawn.sort_unstable();
        assert_eq!(areas, drawn, "frame {index}");
        for piece in &pieces {
            // The structure: the largest that holds every pixel of the piece and is of a target's
            // kind and size.
            let mut shown = BTreeMap::new();
            owners.iter().flatten().for_each(|&part| *shown.entry(part).or_insert(0) += 1);
            let parts: BTreeSet<Option<usize>> = piece.iter().map(|&at| owners[at]).collect();
            let whole = (0..map.objects.len()).any(|object| {
                let holds = |part: usize| map.belongs(part, object);
                let seen: usize = shown.iter().filter(|(part, _)| holds(**part)).map(|p| p.1).sum();
                let named = chosen.targets.iter().any(|target| {
                    target.kind == map.objects[object].kind
                        && target.area_px as usize == piece.len()
                });
                let inside = parts.iter().all(|part| part.is_some_and(holds));
                named && inside && piece.len() * 5 >= seen * 4
            });
            assert!(whole, "frame {index}: a component of {} px", piece.len());
        }
    }
    assert!(scenes > 34, "only {scenes} of 40 scenes have a target at the first try");
}

#[test]
fn every_kind_occurs_in_200_frames_and_so_do_large_and_small_ones() {
    let mut kinds = BTreeMap::new();
    let (mut large, mut small, mut all) = (0, 0, 0);
    for index in 0..200 {
        let Some((_, geometry, chosen)) = scene(22, index) else { continue };
        let frame = (geometry.width_px * geometry.height_px) as f32;
        for target in chosen.targets {
            *kinds.entry(target.kind).or_insert(0) += 1;
            all += 1;
            large += usize::from(target.area_px > 0.1 * frame);
            small += usize::from(target.area_px < 0.01 * frame);
        }
    }
    let missing: Vec<&TargetKind> =
        TargetKind::ALL.iter().filter(|kind| !kinds.contains_key(kind)).collect();
    assert!(missing.is_empty(), "{missing:?} missing of {kinds:?}");
    assert!(large * 8 > all && small * 8 > all, "{large} large, {small} small of {all}");
}

/// A disc in the middle with a smaller one in it, painted over plain layers.
fn nested(stream: &mut Stream, geometry: &Geometry) -> OrganMap {
    let background = material::even(-6.0, 1.0, stream);
    let layers = wall::chest(geometry.depth_mm, 0.05, background, stream);
    let mut composer = Composer::new(geometry, 5.0, layers, 2..3, stream);
    let organ = composer.object(TargetKind::Organ, None, 1.0, 6.0);
    let cyst = composer.object(TargetKind::Cyst, Some(organ), 0.0, -30.0);
    for (owner, centre, radius) in [
        (Owner::Object(organ), [0.0, 25.0], 10.0),
        (Owner::Object(cyst), [3.0, 25.0], 3.0),
        (Owner::Beneath, [-4.0, 22.0], 2.0),
        (Owner::Nobody, [-20.0, 25.0], 12.0),
    ] {
        let shape = Shape::Blob(Blob::ellipse(centre, [radius, radius], 0.0));
        composer.paint(owner, bare(shape, material::even(0.0, 1.0, stream)));
    }
    composer.map
}

#[test]
fn a_structure_holds_its_parts_but_not_what_covers_it() {
    let geometry = Geometry::linear([400, 400], 50.0, 0.0);
    let mut stream = Stream::new(1, 0, Purpose::Anatomy);
    let map = nested(&mut stream, &geometry);
    let at = |x: f32, z: f32| map.owner(&Place { x, z, depth: z, beam: [0.0, 1.0] });
    assert_eq!([at(0.0, 30.0), at(3.0, 25.0), at(-4.0, 22.0)], [Some(0), Some(1), Some(0)]);
    assert_eq!([at(-9.0, 25.0), at(0.0, 45.0), at(0.0, 1.0)], [None; 3]);
    assert!(map.belongs(1, 0) && !map.belongs(0, 1));
    let chosen = Labels::read(&map, &geometry).choose(&map, &geometry, None, &mut stream).unwrap();
    // The cyst's weight is nothing, and it touches the organ.
    assert_eq!(chosen.targets.len(), 1);
    let target = &chosen.targets[0];
    assert_eq!(target.kind, TargetKind::Organ);
    // The disc, less the lens that the last part covers: circles of 10 and 12 mm, 20 mm apart.
    let (d, r, s) = (20.0_f32, 10.0_f32, 12.0_f32);
    let angle = |a: f32, b: f32| ((d * d + a * a - b * b) / (2.0 * d * a)).acos();
    let kite = ((s + r - d) * (d + r - s) * (d - r + s) * (d + r + s)).sqrt() / 2.0;
    let lens = r * r * angle(r, s) + s * s * angle(s, r) - kite;
    let expected = (std::f32::consts::PI * r * r - lens) / geometry.mm_per_px.powi(2);
    assert!((target.area_px / expected - 1.0).abs() < 0.01, "{} of {expected}", target.area_px);
}

#[test]
fn what_the_picture_does_not_show_is_no_target() {
    let (map, geometry, _) = scene(24, 0).unwrap();
    let labels = Labels::read(&map, &geometry);
    let (width, height) = (geometry.width_px, geometry.height_px);
    for (gray, seen) in [(0, false), (90, true), (255, false)] {
        let picture = GrayImage::from_pixel(width, height, Luma([gray]));
        let mut choice = Stream::new(24, 0, Purpose::Choice);
        let chosen = labels.choose(&map, &geometry, Some(&picture), &mut choice);
        assert_eq!(chosen.is_some(), seen, "gray {gray}");
    }
}

#[test]
fn what_a_part_covers_wholly_has_no_say_in_the_echo() {
    let geometry = Geometry::linear([400, 400], 50.0, 0.0);
    let mut stream = Stream::new(2, 0, Purpose::Anatomy);
    let mut map = nested(&mut stream, &geometry);
    let place = Place { x: 3.0, z: 26.0, depth: 26.0, beam: [0.0, 1.0] };
    let before = map.at(&place);
    map.parts.remove(0);
    let after = map.at(&place);
    assert_eq!(
        (before.diffuse, before.specular, before.attenuation),
        (after.diffuse, after.specular, after.attenuation)
    );
}
