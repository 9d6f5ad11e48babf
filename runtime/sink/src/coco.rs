//! Masks as COCO's compressed run lengths, which pycocotools and annotation programs read.

use uniultra_core::Mask;

/// Run lengths of a mask, column by column, background first, in COCO's text form.
///
/// From the fourth run on, the text has each run's difference to the run two before: neighbouring columns are alike,
/// so differences are small. A number is written in groups of 5 bits, lowest first. A sixth bit marks groups that
/// another one follows. Adding 48 makes each group a letter.
///
/// ```
/// use uniultra_core::Mask;
/// use uniultra_sink::coco_counts;
///
/// // Two rows of three pixels. Columns are 00, 11 and 10: two runs of background and object, then one of background.
/// let mask = Mask::from_binary(3, 2, vec![0, 1, 1, 0, 1, 0])?;
/// assert_eq!(coco_counts(&mask), "231");
/// # Ok::<(), uniultra_core::MaskError>(())
/// ```
#[must_use]
pub fn coco_counts(mask: &Mask) -> String {
    let runs = runs(mask);
    let mut text = String::new();
    for (i, run) in runs.iter().enumerate() {
        let before = if i > 2 { runs.get(i - 2).copied().unwrap_or_default() } else { 0 };
        push(&mut text, run - before);
    }
    text
}

fn runs(mask: &Mask) -> Vec<i64> {
    let (width, height) = (mask.width(), mask.height());
    let mut runs = Vec::new();
    let (mut inside, mut length) = (false, 0);
    for x in 0..width {
        for y in 0..height {
            if mask.contains(x, y) != inside {
                runs.push(length);
                inside = !inside;
                length = 0;
            }
            length += 1;
        }
    }
    runs.push(length);
    runs
}

fn push(text: &mut String, mut number: i64) {
    loop {
        let group = (number & 0x1f) as u8;
        number >>= 5;
        // The fifth bit of the last group is the sign.
        let is_last = if group & 0x10 == 0 { number == 0 } else { number == -1 };
        let letter = if is_last { group } else { group | 0x20 };
        text.push(char::from(letter + 48));
        if is_last {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The inverse, after the description of the format.
    fn read(text: &str) -> Vec<i64> {
        let mut runs: Vec<i64> = Vec::new();
        let mut letters = text.bytes().map(|letter| i64::from(letter) - 48);
        while let Some(mut group) = letters.next() {
            let (mut number, mut shift) = (0, 0);
            loop {
                number |= (group & 0x1f) << shift;
                shift += 5;
                if group & 0x20 == 0 {
                    break;
                }
                group = letters.next().unwrap();
            }
            if group & 0x10 != 0 {
                number |= -1 << shift;
            }
            let before = if runs.len() > 2 { runs[runs.len() - 2] } else { 0 };
            runs.push(number + before);
        }
        runs
    }

    #[test]
    fn runs_go_down_the_columns_and_come_back() {
        let mask = Mask::from_binary(3, 2, vec![0, 1, 1, 0, 1, 0]).unwrap();
        assert_eq!(runs(&mask), [2, 3, 1]);
        let full = Mask::from_binary(2, 2, vec![1; 4]).unwrap();
        assert_eq!(runs(&full), [0, 4]);
        // What pycocotools 2.0.11 writes for these three.
        assert_eq!(coco_counts(&mask), "231");
        assert_eq!(coco_counts(&full), "04");
        let wide: Vec<u8> =
            (0..64 * 48).map(|i| u8::from((i * 7919) % 97 < 40 && i > 900)).collect();
        let mask = Mask::from_binary(64, 48, wide).unwrap();
        assert!(
            coco_counts(&mask)
                .starts_with("b046100=ND1O10M?2A100<OE0O1>MC2O10N>1C0O1<OE0O1>MC200O0=0D0O")
        );
        assert_eq!(read(&coco_counts(&mask)), runs(&mask));
    }
}
