//! The two memory orders of a feature map.

/// Tokens on a grid: (H, W, C), the trunk's order.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct TokenMap {
    pub(super) h: usize,
    pub(super) w: usize,
    pub(super) c: usize,
    pub(super) data: Vec<f32>,
}

impl TokenMap {
    pub(super) fn new(h: usize, w: usize, c: usize, data: Vec<f32>) -> Self {
        assert_eq!(data.len(), h * w * c, "values of a {h}x{w}x{c} token map");
        Self { h, w, c, data }
    }

    pub(super) fn zeros(h: usize, w: usize, c: usize) -> Self {
        Self::new(h, w, c, vec![0.0; h * w * c])
    }

    pub(super) fn token(&self, y: usize, x: usize) -> &[f32] {
        &self.data[(y * self.w + x) * self.c..][..self.c]
    }

    pub(super) fn token_mut(&mut self, y: usize, x: usize) -> &mut [f32] {
        &mut self.data[(y * self.w + x) * self.c..][..self.c]
    }

    /// 2x2 max-pool with stride 2.
    pub(super) fn max_pool(&self) -> Self {
        let mut pooled = Self::zeros(self.h / 2, self.w / 2, self.c);
        for y in 0..pooled.h {
            for x in 0..pooled.w {
                for c in 0..self.c {
                    let at = |dy: usize, dx: usize| self.token(2 * y + dy, 2 * x + dx)[c];
                    pooled.token_mut(y, x)[c] = at(0, 0).max(at(0, 1)).max(at(1, 0)).max(at(1, 1));
                }
            }
        }
        pooled
    }

    /// Element-wise sum with `factor` times another map.
    pub(super) fn add_scaled(&mut self, other: &Self, factor: f32) {
        assert_eq!((self.h, self.w, self.c), (other.h, other.w, other.c), "maps to add");
        for (a, b) in self.data.iter_mut().zip(&other.data) {
            *a += factor * b;
        }
    }

    /// The same values as (C, H, W).
    pub(super) fn to_planes(&self) -> Planes {
        let mut planes = Planes::zeros(self.c, self.h, self.w);
        for y in 0..self.h {
            for x in 0..self.w {
                for c in 0..self.c {
                    *planes.at_mut(c, y, x) = self.token(y, x)[c];
                }
            }
        }
        planes
    }
}

/// One plane per channel: (C, H, W), the order of convolutions.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Planes {
    pub(super) c: usize,
    pub(super) h: usize,
    pub(super) w: usize,
    pub(super) data: Vec<f32>,
}

impl Planes {
    pub(super) fn new(c: usize, h: usize, w: usize, data: Vec<f32>) -> Self {
        assert_eq!(data.len(), c * h * w, "values of a {c}x{h}x{w} map");
        Self { c, h, w, data }
    }

    pub(super) fn zeros(c: usize, h: usize, w: usize) -> Self {
        Self::new(c, h, w, vec![0.0; c * h * w])
    }

    pub(super) fn at(&self, c: usize, y: usize, x: usize) -> f32 {
        self.data[(c * self.h + y) * self.w + x]
    }

    pub(super) fn at_mut(&mut self, c: usize, y: usize, x: usize) -> &mut f32 {
        &mut self.data[(c * self.h + y) * self.w + x]
    }

    /// 2x2 max-pool with stride 2.
    pub(super) fn max_pool(&self) -> Self {
        self.to_tokens().max_pool().to_planes()
    }

    /// The same values as (H, W, C).
    pub(super) fn to_tokens(&self) -> TokenMap {
        let mut tokens = TokenMap::zeros(self.h, self.w, self.c);
        for y in 0..self.h {
            for x in 0..self.w {
                for c in 0..self.c {
                    tokens.token_mut(y, x)[c] = self.at(c, y, x);
                }
            }
        }
        tokens
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn max_pool_takes_the_largest_of_each_square() {
        #[rustfmt::skip]
        let map = Planes::new(1, 2, 4, vec![
            1.0, -2.0, 5.0, 5.5,
            0.0,  3.0, 6.0, -9.0,
        ]);
        assert_eq!(map.max_pool(), Planes::new(1, 1, 2, vec![3.0, 6.0]));
        let negative = TokenMap::new(2, 2, 1, vec![-4.0, -1.0, -3.0, -2.0]);
        assert_eq!(negative.max_pool().data, [-1.0]);
    }

    #[test]
    fn orders_convert_both_ways() {
        // Two channels on a grid of 1 row and 3 columns.
        let tokens = TokenMap::new(1, 3, 2, vec![1.0, 10.0, 2.0, 20.0, 3.0, 30.0]);
        let planes = tokens.to_planes();
        assert_eq!(planes.data, [1.0, 2.0, 3.0, 10.0, 20.0, 30.0]);
        assert_eq!(planes.to_tokens(), tokens);
    }
}
