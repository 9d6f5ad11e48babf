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
    /// Of an operation by its name.
    pub(crate) fn from_op(op: &str) -> Self {
        let mark = MARKS.iter().find(|(mark, _)| op.contains(mark));
        mark.map_or(Self::Elementwise, |(_, family)| *family)
    }

    /// For people.
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
    pub(crate) fn rgb(self) -> [u8; 3] {
        match self {
            Self::Product => [142, 196, 232],
            Self::Attention => [240, 164, 110],
            Self::Norm => [127, 208, 184],
            Self::Convolution => [227, 181, 204],
            Self::Layout => [207, 207, 207],
            Self::Elementwise => [243, 217, 139],
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
            assert_eq!(Family::from_op(op), family, "{op}");
        }
    }
}
