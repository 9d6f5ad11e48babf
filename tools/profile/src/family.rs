//! Kinds of operations that are coloured alike.

/// A family of operations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Family {
    Product,
    Attention,
    Norm,
    Convolution,
    Layout,
    Elementwise,
}

/// Parts of operations' names, the first that fits.
const MARKS: [(&str, Family); 25] = [
    ("Attention", Family::Attention),
    ("SDPA", Family::Attention),
    ("Pack", Family::Layout),
    ("Im2col", Family::Layout),
    ("Linear", Family::Product),
    ("MatMul", Family::Product),
    ("Planes", Family::Product),
    ("Masks", Family::Product),
    ("Patches", Family::Convolution),
    ("Norm", Family::Norm),
    ("Softmax", Family::Norm),
    ("Conv", Family::Convolution),
    ("Pool", Family::Convolution),
    ("Edge", Family::Convolution),
    ("Axis", Family::Layout),
    ("Tokens", Family::Layout),
    ("Broadcast", Family::Layout),
    ("Shape", Family::Layout),
    ("Slice", Family::Layout),
    ("Concat", Family::Layout),
    ("Gather", Family::Layout),
    ("Cast", Family::Layout),
    ("Pad", Family::Layout),
    ("Iff", Family::Layout),
    ("Quantize", Family::Layout),
];

impl Family {
    pub(crate) const ALL: [Self; 6] = [
        Self::Product,
        Self::Attention,
        Self::Norm,
        Self::Convolution,
        Self::Layout,
        Self::Elementwise,
    ];

    /// Of an operation by its name.
    pub(crate) fn of(op: &str) -> Self {
        let mark = MARKS.iter().find(|(mark, _)| op.contains(mark));
        mark.map_or(Self::Elementwise, |(_, family)| *family)
    }

    /// For a legend.
    pub(crate) fn label(self) -> &'static str {
        match self {
            Self::Product => "products",
            Self::Attention => "attention",
            Self::Norm => "normalisation",
            Self::Convolution => "convolution, pooling",
            Self::Layout => "layout, type",
            Self::Elementwise => "element by element",
        }
    }

    /// Colours that are told apart with any colour vision (Okabe and Ito, 2008), paler, so that
    /// black text is readable on them.
    pub(crate) fn color(self) -> &'static str {
        match self {
            Self::Product => "#8ec4e8",
            Self::Attention => "#f0a46e",
            Self::Norm => "#7fd0b8",
            Self::Convolution => "#e3b5cc",
            Self::Layout => "#cfcfcf",
            Self::Elementwise => "#f3d98b",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn operations_of_both_kinds_are_known() {
        for (op, family) in [
            ("uniultra.LinearInteger", Family::Product),
            ("OptMatMulPack", Family::Layout),
            ("OptMatMul", Family::Product),
            ("uniultra.Attention", Family::Attention),
            ("DirectSpatialConv", Family::Convolution),
            ("MoveAxis", Family::Layout),
            ("OptBinChain(Add+Add)", Family::Elementwise),
        ] {
            assert_eq!(Family::of(op), family, "{op}");
        }
    }
}
