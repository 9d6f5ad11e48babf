//! SHA-256 digests, always written and compared as lower-case hex.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::fmt;

/// A SHA-256 digest: 64 lower-case hexadecimal digits.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Sha256Hex(String);

impl Sha256Hex {
    /// The digits.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Sha256Hex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<Sha256Hex> for String {
    fn from(value: Sha256Hex) -> Self {
        value.0
    }
}

impl TryFrom<String> for Sha256Hex {
    type Error = String;

    fn try_from(value: String) -> Result<Self, String> {
        let well_formed =
            value.len() == 64 && value.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        if well_formed {
            Ok(Self(value))
        } else {
            Err(format!("expected 64 lower-case hexadecimal digits, found `{value}`"))
        }
    }
}

/// Hashes a byte string.
#[must_use]
pub fn sha256_hex(bytes: &[u8]) -> Sha256Hex {
    let digest = Sha256::digest(bytes);
    let digits = digest.iter().flat_map(|byte| {
        [byte >> 4, byte & 15].map(|nibble| char::from_digit(u32::from(nibble), 16).unwrap_or('0'))
    });
    Sha256Hex(digits.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_the_standard_example() {
        // FIPS 180-4 example: SHA-256 of "abc".
        assert_eq!(
            sha256_hex(b"abc").as_str(),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
    }

    #[test]
    fn refuses_anything_but_64_lower_case_digits() {
        for bad in ["", "ab", &"A".repeat(64), &"g".repeat(64), &"a".repeat(65)] {
            assert!(Sha256Hex::try_from(bad.to_string()).is_err(), "{bad}");
        }
    }
}
