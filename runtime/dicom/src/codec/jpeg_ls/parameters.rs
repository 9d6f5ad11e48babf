//! Numbers that the coding depends on: defaults from the depth, or as a preset segment states them.

use crate::error::Mismatch;

/// The preset coding parameters; 0 stands for a default.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Preset {
    max_value: i32,
    thresholds: [i32; 3],
    reset: i32,
}

impl Preset {
    pub(super) fn read(content: &[u8]) -> Result<Self, Mismatch> {
        let numbers: Vec<i32> = content
            .get(1..)
            .unwrap_or_default()
            .as_chunks()
            .0
            .iter()
            .map(|number| i32::from(u16::from_be_bytes(*number)))
            .collect();
        match (content.first(), &numbers[..]) {
            (Some(1), &[max_value, t1, t2, t3, reset]) => {
                Ok(Self { max_value, thresholds: [t1, t2, t3], reset })
            }
            (kind, _) => Err(Mismatch::new(
                "JPEG-LS preset",
                "coding parameters, kind 1",
                format!("{kind:?}"),
            )),
        }
    }
}

/// T.87, A.2 and C.2.4.1.1.
#[derive(Clone, Copy, Debug)]
pub(super) struct Parameters {
    pub(super) max_value: i32,
    pub(super) near: i32,
    pub(super) thresholds: [i32; 3],
    pub(super) reset: i32,
    /// How many values an error can have.
    pub(super) range: i32,
    /// Bits of an error.
    pub(super) error_bits: u32,
    /// Longest code, in bits.
    pub(super) limit: u32,
}

impl Parameters {
    pub(super) fn new(bits: u32, near: i32, preset: Preset) -> Result<Self, Mismatch> {
        let deepest = (1 << bits) - 1;
        let max_value = if preset.max_value == 0 { deepest } else { preset.max_value };
        if max_value > deepest || max_value < 3 {
            return Err(Mismatch::new(
                "JPEG-LS largest value",
                format!("3 to {deepest}"),
                max_value,
            ));
        }
        if near > (max_value / 2).min(255) {
            return Err(Mismatch::new(
                "JPEG-LS error",
                format!("at most {}", (max_value / 2).min(255)),
                near,
            ));
        }
        let mut thresholds = default_thresholds(max_value, near);
        let mut least = near + 1;
        for (threshold, preset) in thresholds.iter_mut().zip(preset.thresholds) {
            if preset != 0 {
                *threshold = preset;
            }
            if !(least..=max_value).contains(threshold) {
                return Err(Mismatch::new(
                    "JPEG-LS threshold",
                    format!("{least} to {max_value}"),
                    *threshold,
                ));
            }
            least = *threshold;
        }
        let reset = if preset.reset == 0 { 64 } else { preset.reset };
        if reset < 3 {
            return Err(Mismatch::new("JPEG-LS reset", "3 or more", reset));
        }
        let range = (max_value + 2 * near) / (2 * near + 1) + 1;
        let value_bits = ceil_log2(max_value + 1).max(2);
        Ok(Self {
            max_value,
            near,
            thresholds,
            reset,
            range,
            error_bits: ceil_log2(range),
            limit: 2 * (value_bits + value_bits.max(8)),
        })
    }
}

fn ceil_log2(value: i32) -> u32 {
    i32::BITS - (value - 1).leading_zeros()
}

fn default_thresholds(max_value: i32, near: i32) -> [i32; 3] {
    let basic = [3, 7, 21];
    let steps = [3, 5, 7].map(|step| step * near);
    let mut thresholds = [0; 3];
    let mut least = near + 1;
    for (i, threshold) in thresholds.iter_mut().enumerate() {
        // Both lists have three numbers.
        let (basic, step) =
            (basic.get(i).copied().unwrap_or(0), steps.get(i).copied().unwrap_or(0));
        let smallest = i as i32 + 2;
        let value = if max_value >= 128 {
            let factor = (max_value.min(4095) + 128) / 256;
            factor * (basic - smallest) + smallest + step
        } else {
            let factor = 256 / (max_value + 1);
            smallest.max(basic / factor + step)
        };
        *threshold = if value > max_value || value < least { least } else { value };
        least = *threshold;
    }
    thresholds
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults_are_those_of_the_standard() {
        // T.87, table C.3.
        let eight = Parameters::new(8, 0, Preset::default()).unwrap();
        assert_eq!(
            (eight.thresholds, eight.range, eight.error_bits, eight.limit),
            ([3, 7, 21], 256, 8, 32)
        );
        let twelve = Parameters::new(12, 0, Preset::default()).unwrap();
        assert_eq!((twelve.thresholds, twelve.limit), ([18, 67, 276], 48));
        let near = Parameters::new(8, 2, Preset::default()).unwrap();
        assert_eq!((near.thresholds, near.range, near.error_bits), ([9, 17, 35], 52, 6));
    }
}
