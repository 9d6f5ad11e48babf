//! What a thread keeps from task to task, and which kernel computes a task.

use super::integer::{Buffers, Head, LANES, attend};
use super::{Attention, MapView, Task};
#[cfg(any(test, not(target_arch = "aarch64")))]
use rten_simd::SimdOp;

/// Buffers of a thread, grown on demand and reused.
#[derive(Clone, Debug, Default)]
pub struct Scratch {
    q: Vec<f32>,
    k: Vec<f32>,
    v: Vec<f32>,
    out: Vec<f32>,
    #[cfg(any(test, not(target_arch = "aarch64")))]
    work: Vec<f32>,
    integer: Buffers,
    #[cfg(target_arch = "x86_64")]
    brain: super::brain::Buffers,
    #[cfg(target_arch = "aarch64")]
    neon: super::neon::Buffers,
    #[cfg(target_arch = "aarch64")]
    fixed: super::fixed::Buffers,
}

impl Scratch {
    /// The result of the last [`Attention::compute`], `[rows, dim_v]`.
    #[must_use]
    pub fn result(&self) -> &[f32] {
        &self.out
    }

    /// Copies a task's tokens into the buffers, each padded with zeros to a multiple of `unit`
    /// values; the padded lengths. A window's rows lie far apart in the map; gathered, they are
    /// read straight ahead once for every block of queries.
    fn gather(&mut self, attention: &Attention<'_>, task: &Task, unit: usize) -> [usize; 2] {
        let (dim, dim_v) = (attention.dim, attention.dim_v);
        let strides = [dim, dim_v].map(|dim| dim.next_multiple_of(unit));
        let keys = attention.k.tokens();
        let copy = |view: &MapView<'_>, to: &mut Vec<f32>, sizes: [usize; 3], first: usize| {
            let [count, dim, stride] = sizes;
            // An earlier task may have left values where this one needs zeros.
            if dim < stride {
                to.clear();
            }
            to.resize(count * stride, 0.0);
            view.gather(task.window, task.head, [dim, stride], first, to);
        };
        let [stride, stride_v] = strides;
        copy(&attention.q, &mut self.q, [task.rows.len(), dim, stride], task.rows.start);
        // The task before may have had the same keys and values, but threads run tasks in any
        // order.
        copy(&attention.k, &mut self.k, [keys, dim, stride], 0);
        copy(&attention.v, &mut self.v, [keys, dim_v, stride_v], 0);
        self.out.resize(task.rows.len() * dim_v, 0.0);
        strides
    }

    /// Computes a task in float.
    pub(super) fn attend(&mut self, attention: &Attention<'_>, task: &Task) {
        #[cfg(target_arch = "aarch64")]
        if attention.in_fixed && !attention.in_halves {
            self.attend_fixed(attention, task);
        } else {
            self.out.resize(task.rows.len() * attention.dim_v, 0.0);
            super::neon::attend(attention, task, &mut self.neon, &mut self.out);
        }
        #[cfg(target_arch = "x86_64")]
        if attention.in_bf16 {
            return self.attend_brain(attention, task);
        }
        #[cfg(not(target_arch = "aarch64"))]
        self.attend_plain(attention, task);
    }

    /// Computes a task with operands in bf16.
    #[cfg(target_arch = "x86_64")]
    fn attend_brain(&mut self, attention: &Attention<'_>, task: &Task) {
        let [dim, dim_v] = self.gather(attention, task, LANES);
        let Self { q, k, v, out, brain, .. } = self;
        let mut head = Head { q, k, v, out, dim, dim_v, width: attention.dim_v };
        super::brain::attend(&mut head, brain);
    }

    /// Computes a task in fixed point.
    #[cfg(target_arch = "aarch64")]
    fn attend_fixed(&mut self, attention: &Attention<'_>, task: &Task) {
        let (keys, queries) = (attention.k.tokens(), &task.rows);
        let padded = keys.next_multiple_of(super::fixed::TILE);
        for (view, to, first, count, rows) in [
            (&attention.q, &mut self.q, queries.start, queries.len(), queries.len()),
            (&attention.k, &mut self.k, 0, keys, padded),
            (&attention.v, &mut self.v, 0, keys, padded),
        ] {
            to.resize(rows * super::fixed::CHANNELS, 0.0);
            let (to, _) = to.as_chunks_mut::<{ super::fixed::CHANNELS }>();
            view.gather_rows(task.window, task.head, first, &mut to[..count]);
            let last = to[count - 1];
            to[count..].fill(last);
        }
        self.out.resize(queries.len() * attention.dim_v, 0.0);
        let Self { q, k, v, out, fixed, .. } = self;
        let [(q, _), (k, _), (v, _)] = [q, k, v].map(|rows| rows.as_chunks());
        let (out, _) = out.as_chunks_mut();
        super::fixed::attend(&mut super::fixed::Tokens { q, k, v, keys, out }, fixed);
    }

    /// The same with the plain kernel, which defines the result.
    #[cfg(any(test, not(target_arch = "aarch64")))]
    pub(super) fn attend_plain(&mut self, attention: &Attention<'_>, task: &Task) {
        let [dim, dim_v] = self.gather(attention, task, 1);
        let (queries, keys) = (task.rows.len(), attention.k.tokens());
        let Self { q, k, v, out, work, .. } = self;
        super::tile::Attend { q, k, v, out, work, queries, keys, dim, dim_v }.dispatch();
    }

    /// Computes a task in integers.
    pub(super) fn attend_integer(&mut self, attention: &Attention<'_>, task: &Task) {
        let [dim, dim_v] = self.gather(attention, task, LANES);
        let Self { q, k, v, out, integer, .. } = self;
        let mut head = Head { q, k, v, out, dim, dim_v, width: attention.dim_v };
        attend(&mut head, integer);
    }
}
