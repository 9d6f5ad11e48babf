//! Unique identifiers: names of those that errors mention, a check, and new ones from content.

use sha2::{Digest, Sha256};

/// Longest unique identifier, in characters.
const MAX_CHARACTERS: usize = 64;

pub(crate) const SEGMENTATION_STORAGE: &str = "1.2.840.10008.5.1.4.1.1.66.4";
pub(crate) const COMPREHENSIVE_SR_STORAGE: &str = "1.2.840.10008.5.1.4.1.1.88.33";

/// Classes of images that are opened: ultrasound, its retired forms, and secondary captures.
const IMAGES: &[(&str, &str)] = &[
    ("1.2.840.10008.5.1.4.1.1.3", "Ultrasound Multi-frame Image Storage (retired)"),
    ("1.2.840.10008.5.1.4.1.1.3.1", "Ultrasound Multi-frame Image Storage"),
    ("1.2.840.10008.5.1.4.1.1.6", "Ultrasound Image Storage (retired)"),
    ("1.2.840.10008.5.1.4.1.1.6.1", "Ultrasound Image Storage"),
    ("1.2.840.10008.5.1.4.1.1.7", "Secondary Capture Image Storage"),
    ("1.2.840.10008.5.1.4.1.1.7.2", "Multi-frame Grayscale Byte Secondary Capture Image Storage"),
    ("1.2.840.10008.5.1.4.1.1.7.3", "Multi-frame Grayscale Word Secondary Capture Image Storage"),
    ("1.2.840.10008.5.1.4.1.1.7.4", "Multi-frame True Color Secondary Capture Image Storage"),
];

/// Other classes, so that an error can name what was found.
const OTHERS: &[(&str, &str)] = &[
    ("1.2.840.10008.1.3.10", "Media Storage Directory Storage"),
    ("1.2.840.10008.5.1.4.1.1.1", "Computed Radiography Image Storage"),
    ("1.2.840.10008.5.1.4.1.1.1.1", "Digital X-Ray Image Storage - For Presentation"),
    ("1.2.840.10008.5.1.4.1.1.2", "CT Image Storage"),
    ("1.2.840.10008.5.1.4.1.1.4", "MR Image Storage"),
    ("1.2.840.10008.5.1.4.1.1.6.2", "Enhanced US Volume Storage"),
    ("1.2.840.10008.5.1.4.1.1.66", "Raw Data Storage"),
    (SEGMENTATION_STORAGE, "Segmentation Storage"),
    ("1.2.840.10008.5.1.4.1.1.88.11", "Basic Text SR Storage"),
    ("1.2.840.10008.5.1.4.1.1.88.22", "Enhanced SR Storage"),
    (COMPREHENSIVE_SR_STORAGE, "Comprehensive SR Storage"),
    ("1.2.840.10008.5.1.4.1.1.104.1", "Encapsulated PDF Storage"),
];

fn find(list: &[(&str, &'static str)], uid: &str) -> Option<&'static str> {
    list.iter().find(|(known, _)| *known == uid).map(|(_, name)| *name)
}

/// The name of a class of images that is opened.
pub(crate) fn image_class(uid: &str) -> Option<&'static str> {
    find(IMAGES, uid)
}

/// An identifier with its name if it has one here, for errors.
pub(crate) fn described(uid: &str) -> String {
    match image_class(uid).or_else(|| find(OTHERS, uid)) {
        Some(name) => format!("{uid} ({name})"),
        None => format!("{uid:?}"),
    }
}

/// Whether `uid` has the form that PS3.5 asks for.
pub(crate) fn is_valid(uid: &str) -> bool {
    let number = |part: &str| {
        part.bytes().all(|b| b.is_ascii_digit())
            && !part.is_empty()
            && (part == "0" || !part.starts_with('0'))
    };
    uid.len() <= MAX_CHARACTERS && uid.contains('.') && uid.split('.').all(number)
}

/// Collects what an identifier is made from.
#[derive(Clone)]
pub(crate) struct UidSource(Sha256);

impl UidSource {
    pub(crate) fn new() -> Self {
        Self(Sha256::new())
    }

    /// Adds a part. The length goes in as well, so that parts cannot run into each other.
    pub(crate) fn add(&mut self, part: &[u8]) {
        self.0.update((part.len() as u64).to_le_bytes());
        self.0.update(part);
    }

    /// The identifier for one `purpose`: `2.25.` and a UUID as a decimal number (PS3.5, B.2). The UUID is of
    /// version 8: its other bits are the start of a SHA-256.
    pub(crate) fn uid(&self, purpose: &str) -> String {
        let mut hash = self.clone();
        hash.add(purpose.as_bytes());
        let digest: [u8; 32] = hash.0.finalize().into();
        let [mut high, mut low] = [0_u64; 2];
        for (i, byte) in digest.iter().take(16).enumerate() {
            let word = if i < 8 { &mut high } else { &mut low };
            *word = (*word << 8) | u64::from(*byte);
        }
        let high = (high & !0xF000) | 0x8000;
        let low = (low & !(0b11 << 62)) | (0b10 << 62);
        format!("2.25.{}", (u128::from(high) << 64) | u128::from(low))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_form_is_checked() {
        for uid in ["1.2.840.10008.1.2", "2.25.0", "1.0.3"] {
            assert!(is_valid(uid), "{uid}");
        }
        for uid in ["", "1", "1..2", "1.02", "1.2.", ".1", "1.2a", &format!("1.{}", "1".repeat(63))]
        {
            assert!(!is_valid(uid), "{uid}");
        }
    }

    #[test]
    fn the_same_content_gives_the_same_identifier() {
        let mut source = UidSource::new();
        source.add(b"mask");
        let uid = source.uid("instance");
        assert!(uid.starts_with("2.25.") && is_valid(&uid), "{uid}");
        assert_eq!(uid, source.uid("instance"));
        assert_ne!(uid, source.uid("series"));
        let number: u128 = uid[5..].parse().unwrap();
        assert_eq!(((number >> 76) & 0xF, (number >> 62) & 0b11), (8, 0b10));

        let mut split = UidSource::new();
        split.add(b"ma");
        split.add(b"sk");
        assert_ne!(uid, split.uid("instance"));
    }

    #[test]
    fn errors_can_name_a_class() {
        assert_eq!(
            described("1.2.840.10008.5.1.4.1.1.2"),
            "1.2.840.10008.5.1.4.1.1.2 (CT Image Storage)"
        );
        assert_eq!(described("1.2.3"), "\"1.2.3\"");
    }
}
