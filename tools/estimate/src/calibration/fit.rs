//! Three constants of a kind of core from its pairs.
//!
//! A run takes `a` cycles for each instruction, `b` for each miss of the first cache, and `c` nanoseconds for each
//! miss of the second. None is below 0, and the sum of squared *relative* errors is the least: a network of 20 ms
//! counts as much as one of 2 s. With so few unknowns every choice of those that are 0 is tried.

use super::data::Pair;
use serde::Serialize;

/// How many constants a kind of core has.
const UNKNOWNS: usize = 3;

/// What work costs on a kind of core. Averages of what was measured: a processor hides some misses and not others.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, schemars::JsonSchema)]
pub struct Constants {
    /// Cycles for each instruction.
    pub cycles_per_instruction: f64,
    /// Cycles for each miss of the modelled first cache, beside those of its instruction.
    pub cycles_per_first_miss: f64,
    /// Nanoseconds for each miss of the modelled second cache, beside those cycles.
    pub ns_per_second_miss: f64,
}

/// A time in its two parts, in milliseconds on one thread.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Parts {
    /// What a faster clock shortens: instructions, and misses of the first cache.
    pub(crate) core_ms: f64,
    /// Misses of the second cache.
    pub(crate) memory_ms: f64,
}

impl Constants {
    /// The time of so much work at a clock.
    pub(crate) fn parts(&self, instructions: f64, misses: [f64; 2], mhz: f64) -> Parts {
        let [first, second] = misses;
        let cycles =
            instructions * self.cycles_per_instruction + first * self.cycles_per_first_miss;
        Parts { core_ms: cycles / (mhz * 1e3), memory_ms: second * self.ns_per_second_miss / 1e6 }
    }

    /// What a pair's run is predicted to take, in milliseconds.
    #[must_use]
    pub fn predict_ms(&self, pair: &Pair) -> f64 {
        let misses = pair.misses.map(|count| count as f64);
        let parts = self.parts(pair.instructions as f64, misses, f64::from(pair.mhz));
        parts.core_ms + parts.memory_ms
    }

    /// Those that fit pairs of one kind of core best; none where there are fewer pairs than unknowns.
    #[must_use]
    pub fn fit<'a>(pairs: impl Iterator<Item = &'a Pair>) -> Option<Self> {
        let rows: Vec<[f64; UNKNOWNS]> = pairs.map(row).collect();
        if rows.len() < UNKNOWNS {
            return None;
        }
        let best = (1..1_usize << UNKNOWNS)
            .filter_map(|chosen| solve(&rows, chosen))
            .filter(|found| found.iter().all(|&value| value >= 0.0))
            .min_by(|a, b| error(&rows, a).total_cmp(&error(&rows, b)))?;
        let [cycles_per_instruction, cycles_per_first_miss, ns_per_second_miss] = best;
        Some(Self { cycles_per_instruction, cycles_per_first_miss, ns_per_second_miss })
    }
}

/// What each unknown is multiplied with, as a share of the measured time: a perfect fit sums up to 1.
fn row(pair: &Pair) -> [f64; UNKNOWNS] {
    let cycles_per_ms = f64::from(pair.mhz) * 1e3;
    let [first, second] = pair.misses.map(|count| count as f64);
    [pair.instructions as f64 / cycles_per_ms, first / cycles_per_ms, second / 1e6]
        .map(|ms| ms / pair.measured_ms)
}

fn error(rows: &[[f64; UNKNOWNS]], values: &[f64; UNKNOWNS]) -> f64 {
    let of = |row: &[f64; UNKNOWNS]| {
        let sum: f64 = row.iter().zip(values).map(|(a, b)| a * b).sum();
        (sum - 1.0).powi(2)
    };
    rows.iter().map(of).sum()
}

/// Least squares with the unknowns of `chosen`, a bit each; the others are 0. None where they cannot be told
/// apart.
fn solve(rows: &[[f64; UNKNOWNS]], chosen: usize) -> Option<[f64; UNKNOWNS]> {
    let columns: Vec<usize> = (0..UNKNOWNS).filter(|column| chosen >> column & 1 == 1).collect();
    let count = columns.len();
    // Normal equations, the right side last.
    let mut system = vec![vec![0.0; count + 1]; count];
    for row in rows {
        let of = |i: usize| columns.get(i).and_then(|&column| row.get(column)).copied();
        for (i, equation) in system.iter_mut().enumerate() {
            for (j, cell) in equation.iter_mut().enumerate() {
                *cell += of(i)? * of(j).unwrap_or(1.0);
            }
        }
    }
    let solution = eliminate(system)?;
    let mut values = [0.0; UNKNOWNS];
    for (&column, value) in columns.iter().zip(solution) {
        *values.get_mut(column)? = value;
    }
    Some(values)
}

/// Gauss and Jordan's elimination with the largest pivot.
fn eliminate(mut system: Vec<Vec<f64>>) -> Option<Vec<f64>> {
    let count = system.len();
    let cell = |system: &[Vec<f64>], row: usize, column: usize| -> Option<f64> {
        system.get(row)?.get(column).copied()
    };
    for column in 0..count {
        let size = |row: &usize| cell(&system, *row, column).map_or(0.0, f64::abs);
        let pivot = (column..count).max_by(|a, b| size(a).total_cmp(&size(b)))?;
        let scale: f64 = (0..count).filter_map(|row| cell(&system, row, row)).map(f64::abs).sum();
        if size(&pivot) <= 1e-12 * scale {
            return None;
        }
        system.swap(column, pivot);
        let top: Vec<f64> = {
            let row = system.get_mut(column)?;
            let by = *row.get(column)?;
            row.iter_mut().for_each(|value| *value /= by);
            row.clone()
        };
        for (_, row) in system.iter_mut().enumerate().filter(|(index, _)| *index != column) {
            let by = *row.get(column)?;
            row.iter_mut().zip(&top).for_each(|(value, above)| *value -= by * above);
        }
    }
    system.iter().map(|row| row.last().copied()).collect()
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(crate) fn pair(network: &str, instructions: u64, misses: [u64; 2], ms: f64) -> Pair {
        Pair {
            core: "cortex-a53".to_string(),
            board: "b".to_string(),
            mhz: 1000,
            network: network.to_string(),
            measured_ms: ms,
            instructions,
            misses,
            memory_bytes: 64 * misses[1],
        }
    }

    fn near(found: f64, expected: f64) {
        assert!((found - expected).abs() < 1e-6 * expected.abs().max(1.0), "{found} {expected}");
    }

    /// Pairs that cost exactly what `constants` says.
    pub(crate) fn exact(constants: &Constants) -> Vec<Pair> {
        let work = [(100, [2, 1]), (150, [9, 1]), (400, [3, 3]), (80, [1, 0]), (900, [50, 7])];
        let made = |(i, (millions, misses)): (usize, (u64, [u64; 2]))| {
            let misses = misses.map(|m| m * 1_000_000);
            let mut pair = pair(&format!("n{i}"), millions * 1_000_000, misses, 1.0);
            pair.measured_ms = constants.predict_ms(&pair);
            pair
        };
        work.into_iter().enumerate().map(made).collect()
    }

    #[test]
    fn constants_that_made_the_times_are_found_again() {
        let made = Constants {
            cycles_per_instruction: 0.8,
            cycles_per_first_miss: 5.0,
            ns_per_second_miss: 60.0,
        };
        let pairs = exact(&made);
        // 100e6 instructions, 2e6 and 1e6 misses at 1 GHz, by hand.
        near(pairs[0].measured_ms, 80.0 + 10.0 + 60.0);
        let found = Constants::fit(pairs.iter()).unwrap();
        near(found.cycles_per_instruction, 0.8);
        near(found.cycles_per_first_miss, 5.0);
        near(found.ns_per_second_miss, 60.0);
    }

    #[test]
    fn nothing_costs_less_than_nothing() {
        let made = Constants {
            cycles_per_instruction: 1.0,
            cycles_per_first_miss: 0.0,
            ns_per_second_miss: 0.0,
        };
        let mut pairs = exact(&made);
        // The more misses, the faster.
        for pair in &mut pairs {
            pair.measured_ms *= 1.0 - 0.05 * (pair.misses[0] as f64 / 1e6).min(9.0);
        }
        let found = Constants::fit(pairs.iter()).unwrap();
        assert!(found.cycles_per_first_miss == 0.0 && found.ns_per_second_miss >= 0.0, "{found:?}");
        assert!(found.cycles_per_instruction > 0.4, "{found:?}");
    }

    #[test]
    fn too_few_pairs_and_unknowns_that_look_alike_give_no_nonsense() {
        let pairs = [pair("x", 1_000_000, [1, 1], 1.0), pair("y", 2_000_000, [2, 2], 2.0)];
        assert!(Constants::fit(pairs.iter()).is_none());
        // Misses in proportion to instructions: any of the three explains all, none is told from another.
        let alike = [1, 2, 3].map(|n| pair("x", n * 1_000_000, [n * 1000, n * 100], n as f64));
        let found = Constants::fit(alike.iter()).unwrap();
        for pair in &alike {
            near(found.predict_ms(pair), pair.measured_ms);
        }
    }
}
