//! Value representations.

/// How the bytes of a value are to be read. Names are those of DICOM PS3.5.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Vr {
    AS,
    AT,
    CS,
    DA,
    DS,
    FD,
    IS,
    LO,
    LT,
    OB,
    OV,
    OW,
    PN,
    SH,
    SQ,
    TM,
    UI,
    UL,
    US,
    UT,
}

impl Vr {
    /// The two letters that stand in a file.
    pub(crate) fn letters(self) -> [u8; 2] {
        match self {
            Self::AS => *b"AS",
            Self::AT => *b"AT",
            Self::CS => *b"CS",
            Self::DA => *b"DA",
            Self::DS => *b"DS",
            Self::FD => *b"FD",
            Self::IS => *b"IS",
            Self::LO => *b"LO",
            Self::LT => *b"LT",
            Self::OB => *b"OB",
            Self::OV => *b"OV",
            Self::OW => *b"OW",
            Self::PN => *b"PN",
            Self::SH => *b"SH",
            Self::SQ => *b"SQ",
            Self::TM => *b"TM",
            Self::UI => *b"UI",
            Self::UL => *b"UL",
            Self::US => *b"US",
            Self::UT => *b"UT",
        }
    }

    /// The byte that makes a value's length even.
    pub(crate) fn padding(self) -> u8 {
        match self {
            Self::UI | Self::OB | Self::OV | Self::OW => 0,
            _ => b' ',
        }
    }
}

/// Whether these letters are followed by two reserved bytes and a length of 32 bits. The other
/// representations have a length of 16 bits.
pub(crate) fn has_long_length(letters: [u8; 2]) -> bool {
    matches!(
        &letters,
        b"OB"
            | b"OD"
            | b"OF"
            | b"OL"
            | b"OV"
            | b"OW"
            | b"SQ"
            | b"SV"
            | b"UC"
            | b"UN"
            | b"UR"
            | b"UT"
            | b"UV"
    )
}
