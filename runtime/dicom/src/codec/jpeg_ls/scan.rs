//! One scan: contexts, predictions, runs (T.87, annex A). Names are those of the standard.

use super::parameters::Parameters;
use crate::codec::bits::BitReader;
use crate::error::Mismatch;
use crate::pixels::PixelFormat;

/// Contexts of gradients, after their sign is taken away.
const CONTEXTS: usize = 365;

/// Order of the run lengths (table A.4, variable J).
const RUN_ORDERS: [u32; 32] = [
    0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7, 8, 9, 10, 11, 12, 13,
    14, 15,
];

/// Sums over the samples of one context.
#[derive(Clone, Copy)]
struct Context {
    /// Sum of the errors' sizes.
    a: i32,
    /// Sum of the errors.
    b: i32,
    /// Correction of the prediction.
    c: i32,
    /// Number of samples.
    n: i32,
}

/// Sums over the samples that end a run.
#[derive(Clone, Copy)]
struct RunContext {
    a: i32,
    n: i32,
    negative: i32,
}

/// A line of one component with the one above it. Both begin with the neighbour to the left of the frame, and end
/// with the one to the right.
struct Line {
    above: Vec<i32>,
    current: Vec<i32>,
    run_index: usize,
}

impl Line {
    /// The neighbours of column `x`, counted from 1: left, above, above left, above right.
    fn neighbours(&self, x: usize) -> [i32; 4] {
        let at = |line: &[i32], x: usize| line.get(x).copied().unwrap_or(0);
        [
            at(&self.current, x - 1),
            at(&self.above, x),
            at(&self.above, x - 1),
            at(&self.above, x + 1),
        ]
    }

    fn set(&mut self, x: usize, value: i32) {
        if let Some(place) = self.current.get_mut(x) {
            *place = value;
        }
    }

    /// Prepares the neighbours outside the frame.
    fn begin(&mut self) {
        std::mem::swap(&mut self.above, &mut self.current);
        if let [.., last, right] = &mut self.above[..] {
            *right = *last;
        }
        if let (Some(left), Some(above)) = (self.current.first_mut(), self.above.get(1)) {
            *left = *above;
        }
    }
}

pub(super) struct Scan<'r, 'a> {
    reader: &'r mut BitReader<'a>,
    parameters: Parameters,
    contexts: Vec<Context>,
    run_contexts: [RunContext; 2],
    lines: Vec<Line>,
    places: &'r [usize],
    format: &'r PixelFormat,
}

impl<'r, 'a> Scan<'r, 'a> {
    pub(super) fn new(
        reader: &'r mut BitReader<'a>,
        parameters: Parameters,
        format: &'r PixelFormat,
        places: &'r [usize],
    ) -> Self {
        let a = ((parameters.range + 32) / 64).max(2);
        let line = |_: &usize| {
            let [above, current] = [(); 2].map(|()| vec![0; format.width_px + 2]);
            Line { above, current, run_index: 0 }
        };
        Self {
            reader,
            parameters,
            contexts: vec![Context { a, b: 0, c: 0, n: 1 }; CONTEXTS],
            run_contexts: [RunContext { a, n: 1, negative: 0 }; 2],
            lines: places.iter().map(line).collect(),
            places,
            format,
        }
    }

    /// Decodes all lines into `words`.
    pub(super) fn decode(mut self, words: &mut [u16], by_sample: bool) -> Result<(), Mismatch> {
        let stride = self.format.samples();
        let per_line = self.format.width_px * stride;
        for row in words.chunks_exact_mut(per_line) {
            self.lines.iter_mut().for_each(Line::begin);
            if by_sample {
                self.line(0..self.places.len())?;
            } else {
                for component in 0..self.places.len() {
                    self.line(component..component + 1)?;
                }
            }
            for (place, line) in self.places.iter().zip(&self.lines) {
                let values = line.current.iter().skip(1);
                for (word, value) in row.iter_mut().skip(*place).step_by(stride).zip(values) {
                    *word = *value as u16;
                }
            }
        }
        Ok(())
    }

    /// A line of the components in `range`, which share their runs.
    fn line(&mut self, range: std::ops::Range<usize>) -> Result<(), Mismatch> {
        let mut x = 1;
        while x <= self.format.width_px {
            let mut is_run = true;
            for component in range.clone() {
                let [a, b, c, d] = self.neighbours(component, x);
                is_run &= [d - b, b - c, c - a]
                    .iter()
                    .all(|difference| difference.abs() <= self.parameters.near);
            }
            if is_run {
                x = self.run(range.clone(), x)?;
                continue;
            }
            for component in range.clone() {
                let value = self.regular(self.neighbours(component, x))?;
                self.set(component, x, value);
            }
            x += 1;
        }
        Ok(())
    }

    fn neighbours(&self, component: usize, x: usize) -> [i32; 4] {
        self.lines.get(component).map_or([0; 4], |line| line.neighbours(x))
    }

    fn set(&mut self, component: usize, x: usize, value: i32) {
        if let Some(line) = self.lines.get_mut(component) {
            line.set(x, value);
        }
    }

    fn quantized(&self, difference: i32) -> i32 {
        let [t1, t2, t3] = self.parameters.thresholds;
        let size = difference.abs();
        let level = match size {
            _ if size >= t3 => 4,
            _ if size >= t2 => 3,
            _ if size >= t1 => 2,
            _ if size > self.parameters.near => 1,
            _ => 0,
        };
        if difference < 0 { -level } else { level }
    }

    /// A sample outside runs.
    fn regular(&mut self, [a, b, c, d]: [i32; 4]) -> Result<i32, Mismatch> {
        let [q1, q2, q3] = [d - b, b - c, c - a].map(|difference| self.quantized(difference));
        let number = 81 * q1 + 9 * q2 + q3;
        let sign = if number < 0 { -1 } else { 1 };
        let Parameters { near, reset, max_value, error_bits, limit, .. } = self.parameters;
        let number = number.unsigned_abs() as usize;
        let Some(mut context) = self.contexts.get(number).copied() else { return Ok(0) };

        let prediction = if c >= a.max(b) {
            a.min(b)
        } else if c <= a.min(b) {
            a.max(b)
        } else {
            a + b - c
        };
        let prediction = (prediction + sign * context.c).clamp(0, max_value);
        let k = order(context.n, context.a);
        let mapped = self.golomb(k, limit, error_bits)?;
        let half = mapped >> 1;
        let error = if near == 0 && k == 0 && 2 * context.b <= -context.n {
            if mapped & 1 == 1 { half } else { -half - 1 }
        } else if mapped & 1 == 1 {
            -half - 1
        } else {
            half
        };

        // A preset may let the sums grow beyond 32 bits; the codes are useless then, but nothing breaks.
        context.b = context.b.saturating_add(error * (2 * near + 1));
        context.a = context.a.saturating_add(error.abs());
        if context.n == reset {
            context.a >>= 1;
            context.b >>= 1;
            context.n >>= 1;
        }
        context.n += 1;
        if context.b <= -context.n {
            context.b = (context.b + context.n).max(1 - context.n);
            context.c = (context.c - 1).max(-128);
        } else if context.b > 0 {
            context.b = (context.b - context.n).min(0);
            context.c = (context.c + 1).min(127);
        }
        if let Some(place) = self.contexts.get_mut(number) {
            *place = context;
        }
        Ok(self.reconstructed(prediction, sign * error))
    }

    /// A run of equal samples, and the sample that ends it. Returns the next column.
    fn run(&mut self, range: std::ops::Range<usize>, mut x: usize) -> Result<usize, Mismatch> {
        let mut run_index = self.lines.get(range.start).map_or(0, |line| line.run_index);
        let end = self.format.width_px + 1;
        let first = x;
        let interrupted = loop {
            let order = RUN_ORDERS.get(run_index).copied().unwrap_or(0);
            if self.reader.bits(1)? == 1 {
                let full = 1 << order;
                let length = full.min(end - x);
                x += length;
                if length == full {
                    run_index = (run_index + 1).min(RUN_ORDERS.len() - 1);
                }
                if x == end {
                    break false;
                }
            } else {
                x += self.reader.bits(order)? as usize;
                if x >= end {
                    return Err(Mismatch::new(
                        "JPEG-LS run",
                        "an end in the line",
                        "one beyond it",
                    ));
                }
                break true;
            }
        };
        for component in range.clone() {
            let [a, ..] = self.neighbours(component, first);
            for column in first..x {
                self.set(component, column, a);
            }
        }
        if interrupted {
            let shared = range.len() > 1;
            for component in range.clone() {
                let [a, b, ..] = self.neighbours(component, x);
                let value = self.interruption(a, b, run_index, shared)?;
                self.set(component, x, value);
            }
            run_index = run_index.saturating_sub(1);
            x += 1;
        }
        if let Some(line) = self.lines.get_mut(range.start) {
            line.run_index = run_index;
        }
        Ok(x)
    }

    /// The sample that ends a run. Components that share a run are never predicted from the left.
    fn interruption(
        &mut self,
        a: i32,
        b: i32,
        run_index: usize,
        shared: bool,
    ) -> Result<i32, Mismatch> {
        let Parameters { near, reset, error_bits, limit, .. } = self.parameters;
        let kind = usize::from(!shared && (a - b).abs() <= near);
        let Some(mut context) = self.run_contexts.get(kind).copied() else { return Ok(0) };
        let is_kind_1 = kind as i32;
        let k = order(context.n, context.a.saturating_add(is_kind_1 * (context.n >> 1)));
        let run_order = RUN_ORDERS.get(run_index).copied().unwrap_or(0);
        let mapped = self.golomb(k, limit - run_order - 1, error_bits)?;
        let doubled = mapped + is_kind_1;
        let odd = doubled & 1;
        let size = (doubled + odd) >> 1;
        let is_negative = (k != 0 || 2 * context.negative >= context.n) == (odd == 1);
        let error = if is_negative { -size } else { size };

        context.negative += i32::from(error < 0);
        context.a = context.a.saturating_add((mapped + 1 - is_kind_1) >> 1);
        if context.n == reset {
            context.a >>= 1;
            context.n >>= 1;
            context.negative >>= 1;
        }
        context.n += 1;
        if let Some(place) = self.run_contexts.get_mut(kind) {
            *place = context;
        }
        let (prediction, sign) = if kind == 1 { (a, 1) } else { (b, if a > b { -1 } else { 1 }) };
        Ok(self.reconstructed(prediction, sign * error))
    }

    fn reconstructed(&self, prediction: i32, error: i32) -> i32 {
        let Parameters { near, range, max_value, .. } = self.parameters;
        let step = 2 * near + 1;
        let mut value = prediction + error * step;
        if value < -near {
            value += range * step;
        } else if value > max_value + near {
            value -= range * step;
        }
        value.clamp(0, max_value)
    }

    /// A number in the limited code of annex A.5.3.
    fn golomb(&mut self, k: u32, limit: u32, error_bits: u32) -> Result<i32, Mismatch> {
        let longest = limit - error_bits - 1;
        let mut zeros = 0;
        while self.reader.bits(1)? == 0 {
            zeros += 1;
            if zeros > longest {
                return Err(Mismatch::new(
                    "JPEG-LS code",
                    format!("at most {longest} zeros"),
                    "more",
                ));
            }
        }
        if zeros == longest {
            return Ok(self.reader.bits(error_bits)? as i32 + 1);
        }
        Ok(((zeros << k) | self.reader.bits(k)?) as i32)
    }
}

/// Bits that follow the zeros of a code: the least number with `n << k` not below `a`.
fn order(n: i32, a: i32) -> u32 {
    // Errors have 16 bits at most, and so has their mean.
    (0..16).find(|k| i64::from(n) << k >= i64::from(a)).unwrap_or(16)
}
