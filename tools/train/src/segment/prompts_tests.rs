use super::*;
use rand::SeedableRng;
use rand_pcg::Pcg64;

const SIZE: usize = 64;

/// A square of 20 x 20 pixels.
fn square() -> Vec<u8> {
    let inside = |at: usize| (20..40).contains(&(at % SIZE)) && (20..40).contains(&(at / SIZE));
    (0..SIZE * SIZE).map(|at| u8::from(inside(at))).collect()
}

fn right(mask: &[u8], [x, y]: [f32; 2], label: f32) -> bool {
    (mask[y as usize * SIZE + x as usize] == 1) == (label > 0.5)
}

#[test]
fn clicks_are_where_their_labels_say_but_for_one_that_is_wrong() {
    let (mask, mut random) = (square(), Pcg64::seed_from_u64(3));
    for (wrong_click, most_wrong) in [(0.0, 0), (1.0, 1)] {
        let config = PromptConfig { clicks: 1.0, point: 0.0, wrong_click, ..Default::default() };
        let mut counts = [0; MOST_CLICKS + 1];
        for _ in 0..300 {
            let kind = config.kind(&mut random);
            let Kind::Clicks(count) = kind else { panic!("{kind:?}") };
            counts[count] += 1;
            let prompt = config.first(kind, &mask, SIZE, &mut random);
            assert_eq!((prompt.coords.len(), prompt.labels.len()), (count, count));
            let places = prompt.coords.iter().zip(&prompt.labels);
            let wrong = places.filter(|(place, label)| !right(&mask, **place, **label)).count();
            assert_eq!(wrong, if count >= 4 { most_wrong } else { 0 }, "{prompt:?}");
            assert!(right(&mask, prompt.coords[0], 1.0) && prompt.labels[0] == 1.0);
        }
        assert!(counts[2] > counts[20] && counts[20..].iter().sum::<usize>() > 0);
    }
}

#[test]
fn loose_boxes_stay_within_a_fifth() {
    let (mask, mut random) = (square(), Pcg64::seed_from_u64(4));
    let config = PromptConfig { loose_box: 1.0, exact_box: 0.0, ..Default::default() };
    let mut widest = 0.0_f32;
    for _ in 0..200 {
        let prompt = config.first(Kind::Box { clicks: 2 }, &mask, SIZE, &mut random);
        assert_eq!(prompt.labels[..2], [2.0, 3.0]);
        assert_eq!(prompt.coords.len(), 4);
        for (place, exact) in prompt.coords.iter().zip([20.0, 39.0]) {
            for x in place {
                assert!((x - exact).abs() <= 4.0);
                widest = widest.max((x - exact).abs());
            }
        }
    }
    assert!(widest > 3.0, "{widest}");
}

#[test]
fn an_image_without_an_object_is_asked_in_the_same_form() {
    let (empty, mut random) = (vec![0; SIZE * SIZE], Pcg64::seed_from_u64(5));
    let config = PromptConfig::default();
    for (kind, length) in [(Kind::Point, 1), (Kind::Clicks(7), 7), (Kind::Box { clicks: 3 }, 5)] {
        assert_eq!(config.first(kind, &empty, SIZE, &mut random).coords.len(), length);
    }
}

#[test]
fn shares_that_make_no_sense_are_refused() {
    let check = |config: PromptConfig| config.check().unwrap_err().to_string();
    let config = PromptConfig { point: 0.7, clicks: 0.4, ..Default::default() };
    assert!(check(config).contains("point + clicks"));
    let config = PromptConfig { clicks_most: 33, ..Default::default() };
    assert!(check(config).contains("clicks_most"));
}
