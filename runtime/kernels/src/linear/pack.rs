//! Weights brought into the order in which integer kernels read them.

/// Outputs, and inputs, that change places at once.
const SIDE: usize = 4;

/// Writes `weight [K, N]` into `packed`, where four inputs of an output lie side by side. `place` says of the inputs
/// from `k` and the outputs from `n`, both multiples of 4, where those of the first output begin, and how far it is
/// from an output to the next. What lies outside of `weight` is written as zeros, if there is room.
///
/// Four rows are read at a time, and their bytes change places in 32-bit words: byte by byte, this was a fifth of all
/// instructions of loading a model.
pub(super) fn by_fours(
    weight: &[i8],
    outputs: usize,
    packed: &mut [i8],
    place: impl Fn(usize, usize) -> (usize, usize),
) {
    let mut put = |k: usize, n: usize, columns: [u32; SIDE]| {
        let (start, stride) = place(k, n);
        for (column, place) in columns.iter().zip((start..).step_by(stride)) {
            if let Some(four) = packed.get_mut(place..place + SIDE) {
                four.copy_from_slice(&column.to_le_bytes().map(|byte| byte as i8));
            }
        }
    };
    let nothing = vec![0; outputs];
    for (quad, rows) in weight.chunks(SIDE * outputs.max(1)).enumerate() {
        let mut rows = rows.chunks_exact(outputs.max(1));
        let rows: [&[i8]; SIDE] = std::array::from_fn(|_| rows.next().unwrap_or(&nothing));
        let [a, b, c, d] = rows.map(|row| row.as_chunks::<SIDE>());
        let whole = a.0.iter().zip(b.0).zip(c.0).zip(d.0);
        for (vector, (((a, b), c), d)) in whole.enumerate() {
            put(SIDE * quad, SIDE * vector, transposed([*a, *b, *c, *d]));
        }
        if !a.1.is_empty() {
            let rest = [a.1, b.1, c.1, d.1].map(|rest| {
                let mut four = [0; SIDE];
                four[..rest.len()].copy_from_slice(rest);
                four
            });
            put(SIDE * quad, outputs - a.1.len(), transposed(rest));
        }
    }
}

/// Four bytes of each of four rows to words: of the first bytes, the second ones, and so on.
fn transposed(rows: [[i8; SIDE]; SIDE]) -> [u32; SIDE] {
    let [a, b, c, d] = rows.map(|row| u32::from_le_bytes(row.map(|byte| byte as u8)));
    let ([above, above_right], [below, below_right]) = (bytes_by_turns(a, b), bytes_by_turns(c, d));
    let [first, second] = halves_by_turns(above, below);
    let [third, fourth] = halves_by_turns(above_right, below_right);
    [first, second, third, fourth]
}

/// The bytes of two words by turns: of the lower halves, and of the upper ones.
fn bytes_by_turns(a: u32, b: u32) -> [u32; 2] {
    const EVEN: u32 = 0x00ff_00ff;
    let even = a & EVEN | (b & EVEN) << 8;
    let odd = a >> 8 & EVEN | b & !EVEN;
    halves_by_turns(even, odd)
}

/// The halves of two words by turns.
fn halves_by_turns(a: u32, b: u32) -> [u32; 2] {
    [a & 0xffff | b << 16, a >> 16 | b & 0xffff_0000]
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
            let mut packed = vec![0; n.next_multiple_of(4) * reach];
            // Output by output, each with all its inputs.
            by_fours(&weight, n, &mut packed, |k, n| (n * reach + k, reach));
            for (place, value) in packed.iter().enumerate() {
                let (output, input) = (place / reach, place % reach);
                let inside = input < k && output < n;
                prop_assert_eq!(*value, if inside { weight[input * n + output] } else { 0 });
            }
        }
    }
}
