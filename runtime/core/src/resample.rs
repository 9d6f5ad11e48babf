//! Taps of bilinear resizing: the source positions that an output position reads, along one axis.

/// The taps of one output position, `source[lo] + weight * (source[hi] - source[lo])`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Tap {
    /// The source position at or below.
    pub(crate) lo: usize,
    /// The source position above; `lo` itself at the far border.
    pub(crate) hi: usize,
    /// Share of `hi`, in 0..1.
    pub(crate) weight: f32,
}

/// Taps that resize `input` positions to `output`, with half-pixel centres, clamped at the edge and
/// without antialiasing (`align_corners=False` of PyTorch). Both sizes are at least 1.
///
/// Positions are computed in double precision. In single precision, a position near 8192 leaves
/// only three digits for the weight.
pub(crate) fn taps(input: usize, output: usize) -> Vec<Tap> {
    let last = input.saturating_sub(1);
    let scale = input as f64 / output as f64;
    let tap = |i| {
        let place = ((i as f64 + 0.5) * scale - 0.5).clamp(0.0, last as f64);
        let lo = place as usize;
        Tap { lo, hi: (lo + 1).min(last), weight: (place - lo as f64) as f32 }
    };
    (0..output).map(tap).collect()
}

/// The value between `lo` and `hi`; exact where they are equal.
#[inline(always)]
pub(crate) fn lerp(lo: f32, hi: f32, weight: f32) -> f32 {
    lo + (hi - lo) * weight
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn same_size_reads_each_position_once() {
        for (i, tap) in taps(7, 7).into_iter().enumerate() {
            assert_eq!((tap.lo, tap.weight), (i, 0.0));
        }
    }

    #[test]
    fn doubling_reads_at_quarters_and_clamps_at_both_ends() {
        let places: Vec<_> = taps(3, 6).iter().map(|tap| tap.lo as f32 + tap.weight).collect();
        assert_eq!(places, [0.0, 0.25, 0.75, 1.25, 1.75, 2.0]);
    }

    #[test]
    fn halving_reads_between_pairs() {
        let places: Vec<_> = taps(4, 2).iter().map(|tap| tap.lo as f32 + tap.weight).collect();
        assert_eq!(places, [0.5, 2.5]);
    }

    #[test]
    fn one_position_feeds_all() {
        assert!(taps(1, 5).iter().all(|tap| *tap == Tap { lo: 0, hi: 0, weight: 0.0 }));
    }
}
