//! Where the tokens of a window and a head lie in a projected map.

use crate::KernelError;

/// Part of the channels of a row-major map `[rows, columns, channels]`, cut into windows.
///
/// Attention without windows, over `n` tokens, is a map of `n` rows and one column with one window.
#[derive(Clone, Copy, Debug)]
pub struct MapView<'a> {
    /// The whole map.
    pub values: &'a [f32],
    /// Tokens in a row of the map.
    pub columns: usize,
    /// Values of a token.
    pub channels: usize,
    /// First channel of the part; head `h` starts at `first + h * dim`.
    pub first: usize,
    /// Rows and columns of a window.
    pub window: [usize; 2],
}

impl MapView<'_> {
    pub(super) fn rows(&self) -> usize {
        self.values.len() / (self.columns * self.channels).max(1)
    }

    pub(super) fn tokens(&self) -> usize {
        self.window[0] * self.window[1]
    }

    pub(super) fn windows(&self) -> usize {
        (self.rows() / self.window[0]) * (self.columns / self.window[1])
    }

    /// Checks that the map is made of whole windows and has `part` channels from `first` on.
    pub(super) fn check(&self, what: &'static str, part: usize) -> Result<(), KernelError> {
        let whole = |size: usize, unit: usize| unit > 0 && size > 0 && size.is_multiple_of(unit);
        let token = self.columns.saturating_mul(self.channels);
        let fits = whole(self.values.len(), token)
            && whole(self.columns, self.window[1])
            && whole(self.rows(), self.window[0])
            && self.first.saturating_add(part) <= self.channels;
        if fits {
            return Ok(());
        }
        let found = format!(
            "{} values, {} columns of {} channels, {part} of them from {}, windows {:?}",
            self.values.len(),
            self.columns,
            self.channels,
            self.first,
            self.window
        );
        Err(KernelError::Windows { what, found })
    }

    /// Row and column of a window's token.
    #[inline(always)]
    pub(super) fn place(&self, window: usize, token: usize) -> [usize; 2] {
        let across = self.columns / self.window[1];
        let [height, width] = self.window;
        [(window / across) * height + token / width, (window % across) * width + token % width]
    }

    /// Row and column of a window's tokens from `first` on. [`place`](Self::place) divides for each
    /// token, which takes longer than copying it.
    #[inline(always)]
    pub(super) fn places(&self, window: usize, first: usize) -> impl Iterator<Item = [usize; 2]> {
        let [top, left] = self.place(window, 0);
        let width = self.window[1];
        let [mut y, mut x] = [top + first / width, first % width];
        std::iter::repeat_with(move || {
            let place = [y, left + x];
            x += 1;
            if x == width {
                (y, x) = (y + 1, 0);
            }
            place
        })
    }

    /// The values of a window's tokens `first..first + count`, whole rows of the window, in parts
    /// that lie together in the map.
    #[cfg(target_arch = "aarch64")]
    #[inline(always)]
    pub(super) fn runs(
        &self,
        window: usize,
        first: usize,
        count: usize,
    ) -> impl Iterator<Item = &[f32]> {
        let [y, x] = self.place(window, first);
        let values = &self.values[(y * self.columns + x) * self.channels..];
        let [rows, width] = match self.window[1] {
            width if width == self.columns => [1, count],
            width => [count / width, width],
        };
        let row = self.columns * self.channels;
        (0..rows).map(move |y| &values[y * row..][..width * self.channels])
    }

    /// Copies `N` channels of the tokens from `first` on, whole rows of the window.
    #[cfg(target_arch = "aarch64")]
    pub(super) fn gather_rows<const N: usize>(
        &self,
        window: usize,
        head: usize,
        first: usize,
        to: &mut [[f32; N]],
    ) {
        let channel = self.first + head * N;
        let mut copies = to.iter_mut();
        for run in self.runs(window, first, copies.len()) {
            // The run comes first in `zip`, so that no copy is lost at its end.
            for (token, copy) in run.chunks_exact(self.channels).zip(copies.by_ref()) {
                if let Some(channels) = token[channel..].first_chunk() {
                    *copy = *channels;
                }
            }
        }
    }

    /// Copies `dim` channels of the tokens `first..` of a window into `to`, token by token, each
    /// to the start of `stride` values.
    #[inline(always)]
    pub(super) fn gather(
        &self,
        window: usize,
        head: usize,
        [dim, stride]: [usize; 2],
        first: usize,
        to: &mut [f32],
    ) {
        let channel = self.first + head * dim;
        for (to, [y, x]) in to.chunks_exact_mut(stride).zip(self.places(window, first)) {
            let start = (y * self.columns + x) * self.channels + channel;
            copy_token(&self.values[start..start + dim], &mut to[..dim]);
        }
    }
}

/// Copies a token's channels. Most heads have 16: with a size known to the compiler, the copy is
/// one or two vector moves instead of a call to `memcpy`.
#[inline(always)]
pub(super) fn copy_token(from: &[f32], to: &mut [f32]) {
    match (from.first_chunk::<16>(), to.first_chunk_mut::<16>()) {
        (Some(whole), Some(target)) if from.len() == 16 => *target = *whole,
        _ => to.copy_from_slice(from),
    }
}
