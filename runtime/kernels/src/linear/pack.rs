//! Weights brought into the order in which integer kernels read them.

/// `D` inputs of each of `W` outputs, output by output, from `weight [K, N]`; zeros for what lies outside. Copied to
/// blocks of a fixed size first, because the compiler turns their transposition into a few shuffles: byte by byte
/// it was a fifth of all instructions of loading a model.
pub(super) fn block<const D: usize, const W: usize>(
    weight: &[i8],
    [inputs, outputs]: [usize; 2],
    [input, output]: [usize; 2],
) -> [[i8; D]; W] {
    let mut rows = [[0; W]; D];
    let width = outputs.saturating_sub(output).min(W);
    for (row, input) in rows.iter_mut().zip(input..inputs) {
        let start = input * outputs + output;
        match weight.get(start..start + width) {
            Some(values) if width == W => row.copy_from_slice(values),
            Some(values) => row[..width].copy_from_slice(values),
            None => {}
        }
    }
    std::array::from_fn(|n| std::array::from_fn(|k| rows[k][n]))
}

/// Packs `weight [K, N]` into panels of `vectors` times `W` outputs, `[K / D][width][D]` each; the last panel has
/// fewer vectors if that is enough. K is padded with zeros to `reach` inputs, a multiple of `D`.
pub(super) fn panels<const D: usize, const W: usize>(
    weight: &[i8],
    [inputs, outputs]: [usize; 2],
    reach: usize,
    vectors: usize,
) -> Vec<i8> {
    let padded = outputs.next_multiple_of(W);
    let mut packed = Vec::with_capacity(padded * reach);
    for first in (0..padded).step_by(vectors * W) {
        let last = (first + vectors * W).min(padded);
        for input in (0..reach).step_by(D) {
            for output in (first..last).step_by(W) {
                let block = block::<D, W>(weight, [inputs, outputs], [input, output]);
                packed.extend_from_slice(block.as_flattened());
            }
        }
    }
    packed
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn every_weight_is_at_its_place_and_all_else_is_zero(k in 1_usize..40, n in 1_usize..40) {
            let weight: Vec<i8> = (0..k * n).map(|i| (i % 251) as u8 as i8 | 1).collect();
            let reach = k.next_multiple_of(4);
            let packed = panels::<4, 8>(&weight, [k, n], reach, 2);
            let padded = n.next_multiple_of(8);
            prop_assert_eq!(packed.len(), reach * padded);
            let mut found = 0;
            for (i, value) in weight.iter().enumerate() {
                let (input, output) = (i / n, i % n);
                let first = output / 16 * 16;
                let width = 16.min(padded - first);
                let group = first * reach + input / 4 * width * 4;
                prop_assert_eq!(packed[group + (output - first) * 4 + input % 4], *value);
                found += 1;
            }
            prop_assert_eq!(packed.iter().filter(|value| **value != 0).count(), found);
        }
    }
}
