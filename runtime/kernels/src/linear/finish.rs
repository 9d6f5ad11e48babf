//! What follows the products of a layer on ARM, on sums that are still in registers: what is added,
//! the activation, and where the result goes.
//!
//! A layer of this network writes a value after 16 to 256 multiplications. Storing it, and reading
//! it again for each operation that follows, would take more instructions than the products of the
//! first stages. Each operation rounds as the portable passes over memory do.

use crate::neon::{CoarseCurve, Curve, Steps, narrow};
use std::arch::aarch64::*;
use std::marker::PhantomData;

/// Outputs of a vector.
pub(super) const LANES: usize = 4;

/// What is added to sums.
pub(super) trait Added: Copy {
    /// Adds the values of `V` vectors from a row and a column.
    ///
    /// # Safety
    /// They must be inside the output, and the processor must have NEON.
    unsafe fn add<const V: usize>(self, at: Place, sums: [float32x4_t; V]) -> [float32x4_t; V];
}

/// A function of values.
pub(super) trait Function: Copy {
    /// Whether it needs so many registers that weights should leave some.
    const LONG: bool = false;

    /// # Safety
    /// The processor must have NEON.
    unsafe fn apply(self, x: float32x4_t) -> float32x4_t;
}

/// Where values go.
pub(super) trait Target: Copy {
    /// Writes `V` vectors of each of `R` rows of `n` values.
    ///
    /// # Safety
    /// They must be inside the output, and the processor must have NEON.
    unsafe fn write<const R: usize, const V: usize>(self, at: Place, values: [[float32x4_t; V]; R]);
}

/// A place in the output.
#[derive(Clone, Copy)]
pub(super) struct Place {
    pub(super) row: usize,
    pub(super) column: usize,
    /// Values of a row.
    pub(super) n: usize,
}

impl Place {
    fn index(self) -> usize {
        self.row * self.n + self.column
    }

    fn below(self, rows: usize) -> Self {
        Self { row: self.row + rows, ..self }
    }
}

/// The three together.
#[derive(Clone, Copy)]
pub(super) struct Finish<A, F, T> {
    pub(super) added: A,
    pub(super) function: F,
    pub(super) target: T,
}

impl<A: Added, F: Function, T: Target> Finish<A, F, T> {
    /// Takes `V` vectors of sums of each of `R` rows to where they go.
    ///
    /// # Safety
    /// They must be inside the output, and the processor must have NEON.
    #[inline]
    #[target_feature(enable = "neon")]
    pub(super) unsafe fn write<const R: usize, const V: usize>(
        self,
        at: Place,
        mut values: [[float32x4_t; V]; R],
    ) {
        // SAFETY: the caller's promises.
        unsafe {
            for (r, values) in values.iter_mut().enumerate() {
                *values = self.added.add(at.below(r), *values);
                for value in values {
                    *value = self.function.apply(*value);
                }
            }
            self.target.write(at, values);
        }
    }
}

/// Adds nothing.
#[derive(Clone, Copy)]
pub(super) struct Nothing;

impl Added for Nothing {
    #[inline]
    #[target_feature(enable = "neon")]
    unsafe fn add<const V: usize>(self, _: Place, sums: [float32x4_t; V]) -> [float32x4_t; V] {
        sums
    }
}

/// `Residual::Values`.
#[derive(Clone, Copy)]
pub(super) struct Values<'a>(pub(super) &'a [f32]);

impl Added for Values<'_> {
    #[inline]
    #[target_feature(enable = "neon")]
    unsafe fn add<const V: usize>(self, at: Place, mut sums: [float32x4_t; V]) -> [float32x4_t; V] {
        // SAFETY: the values have the output's shape, and the place is inside.
        let values = unsafe { self.0.as_ptr().add(at.index()) };
        for (v, sum) in sums.iter_mut().enumerate() {
            // SAFETY: as above.
            *sum = vaddq_f32(*sum, unsafe { vld1q_f32(values.add(v * LANES)) });
        }
        sums
    }
}

/// `Residual::WithProduct`.
#[derive(Clone, Copy)]
pub(super) struct WithProduct<'a> {
    pub(super) values: &'a [f32],
    pub(super) rows: &'a [f32],
    pub(super) columns: &'a [f32],
}

impl Added for WithProduct<'_> {
    #[inline]
    #[target_feature(enable = "neon")]
    unsafe fn add<const V: usize>(self, at: Place, mut sums: [float32x4_t; V]) -> [float32x4_t; V] {
        // SAFETY: the values have the output's shape, there is a factor for each of its rows and
        // columns, and the place is inside.
        let (values, row, columns) = unsafe {
            let columns = self.columns.as_ptr().add(at.column);
            (self.values.as_ptr().add(at.index()), *self.rows.get_unchecked(at.row), columns)
        };
        for (v, sum) in sums.iter_mut().enumerate() {
            // SAFETY: as above.
            let (value, column) =
                unsafe { (vld1q_f32(values.add(v * LANES)), vld1q_f32(columns.add(v * LANES))) };
            *sum = vaddq_f32(*sum, vaddq_f32(value, vmulq_n_f32(column, row)));
        }
        sums
    }
}

/// No function.
#[derive(Clone, Copy)]
pub(super) struct Identity;

impl Function for Identity {
    #[inline]
    #[target_feature(enable = "neon")]
    unsafe fn apply(self, x: float32x4_t) -> float32x4_t {
        x
    }
}

/// `max(x, 0)`; NEON's maximum gives NaN for NaN. It makes 0 of -0, which is the same byte.
#[derive(Clone, Copy)]
pub(super) struct Relu;

impl Function for Relu {
    #[inline]
    #[target_feature(enable = "neon")]
    unsafe fn apply(self, x: float32x4_t) -> float32x4_t {
        vmaxq_f32(x, vdupq_n_f32(0.0))
    }
}

impl Function for Curve {
    const LONG: bool = true;

    #[inline]
    #[target_feature(enable = "neon")]
    unsafe fn apply(self, x: float32x4_t) -> float32x4_t {
        Curve::apply(&self, x)
    }
}

/// Only before bytes.
impl Function for CoarseCurve {
    const LONG: bool = true;

    #[inline]
    #[target_feature(enable = "neon")]
    unsafe fn apply(self, x: float32x4_t) -> float32x4_t {
        CoarseCurve::apply(&self, x)
    }
}

/// The output as f32.
#[derive(Clone, Copy)]
pub(super) struct Real<'a>(*mut f32, PhantomData<&'a mut [f32]>);

impl<'a> Real<'a> {
    pub(super) fn new(out: &'a mut [f32]) -> Self {
        Self(out.as_mut_ptr(), PhantomData)
    }
}

impl Target for Real<'_> {
    #[inline]
    #[target_feature(enable = "neon")]
    unsafe fn write<const R: usize, const V: usize>(
        self,
        at: Place,
        values: [[float32x4_t; V]; R],
    ) {
        for (r, values) in values.into_iter().enumerate() {
            // SAFETY: the place is inside.
            let row = unsafe { self.0.add(at.below(r).index()) };
            for (v, value) in values.into_iter().enumerate() {
                // SAFETY: as above.
                unsafe { vst1q_f32(row.add(v * LANES), value) };
            }
        }
    }
}

/// The output as int8.
#[derive(Clone, Copy)]
pub(super) struct Bytes<'a> {
    out: *mut i8,
    steps: Steps,
    lifetime: PhantomData<&'a mut [i8]>,
}

impl<'a> Bytes<'a> {
    pub(super) fn new(out: &'a mut [i8], steps: Steps) -> Self {
        Self { out: out.as_mut_ptr(), steps, lifetime: PhantomData }
    }
}

impl Target for Bytes<'_> {
    #[inline]
    #[target_feature(enable = "neon")]
    unsafe fn write<const R: usize, const V: usize>(
        self,
        at: Place,
        values: [[float32x4_t; V]; R],
    ) {
        const { assert!(V == 1 && (R == 1 || R == 4) || V == 2 && (R == 1 || R == 2)) };
        // In the order of rows, then vectors. Where there are fewer than four, the last again.
        let vector = |i: usize| {
            let i = i.min(R * V - 1);
            self.steps.round(values[i / V][i % V])
        };
        let packed = narrow([vector(0), vector(1), vector(2), vector(3)]);
        // SAFETY: the place is inside.
        unsafe {
            let row = |r: usize| self.out.add(at.below(r).index());
            if V == 2 {
                let pairs = vreinterpretq_s64_s8(packed);
                vst1q_lane_s64::<0>(row(0).cast(), pairs);
                if R == 2 {
                    vst1q_lane_s64::<1>(row(1).cast(), pairs);
                }
                return;
            }
            let fours = vreinterpretq_s32_s8(packed);
            vst1q_lane_s32::<0>(row(0).cast(), fours);
            if R == 4 {
                vst1q_lane_s32::<1>(row(1).cast(), fours);
                vst1q_lane_s32::<2>(row(2).cast(), fours);
                vst1q_lane_s32::<3>(row(3).cast(), fours);
            }
        }
    }
}
