//! Which of the four masks is the answer.

/// Masks that the decoder returns at once.
pub const MASK_COUNT: usize = 4;

/// One of the decoder's four masks, by mask token: 0 is the answer to an unambiguous prompt, 1 to 3
/// are alternatives (whole, part, subpart) for an ambiguous one.
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
    /// Token 0, unless it is unstable (see [`stability_score`](crate::stability_score)): then as
    /// [`MaskChoice::Multimask`].
    #[default]
    Single,
    /// The best of tokens 1 to 3 by predicted IoU; the first of equals.
    Multimask,
}
