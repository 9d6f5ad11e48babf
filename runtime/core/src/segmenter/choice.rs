//! The choice of the answer among the four masks.

/// Number of masks that the decoder returns.
pub const MASK_COUNT: usize = 4;

/// One of the decoder's four masks, named by its mask token. Token 0 answers a clear prompt; tokens
/// 1 to 3 are the alternatives for an ambiguous one (whole, part, subpart).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct MaskToken(usize);

impl MaskToken {
    /// All four, in order.
    pub const ALL: [Self; MASK_COUNT] = [Self(0), Self(1), Self(2), Self(3)];

    /// Token 0, the single answer.
    pub const SINGLE: Self = Self(0);

    /// Tokens 1 to 3, the alternatives.
    pub const MULTIMASK: [Self; MASK_COUNT - 1] = [Self(1), Self(2), Self(3)];

    /// The token with that index, if there is one.
    #[must_use]
    pub fn new(index: usize) -> Option<Self> {
        (index < MASK_COUNT).then_some(Self(index))
    }

    /// Index 0 to 3.
    #[must_use]
    pub fn index(self) -> usize {
        self.0
    }
}

/// How the answer is chosen among the four masks (MODEL.md section 4).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum MaskChoice {
    /// Token 0 if it is stable (see [`stability_score`](crate::stability_score)), otherwise as
    /// [`MaskChoice::Multimask`].
    #[default]
    Single,
    /// The one of tokens 1 to 3 with the highest predicted IoU; of equal ones the first.
    Multimask,
}
