//! Names of masks' files.

use crate::folder::MASKS;
use uniultra_manifest::sha256_hex;

/// Longest name of a file that all usual file systems take, in bytes, less what a temporary name adds.
const MAX_NAME_BYTES: usize = 200;

/// What a long name keeps.
const KEPT_BYTES: usize = 100;

/// Digits of a hash that tell shortened names apart.
const HASH_DIGITS: usize = 16;

/// The mask's path below the run's folder: the file's own path, then frame and prompt. The whole name of the file is
/// kept, because `a.png` and `a.jpg` may lie side by side.
pub(crate) fn mask_path(path: &str, frame: usize, prompt: usize, ending: &str) -> String {
    let parts = path.split('/').filter(|part| !part.is_empty() && *part != ".");
    let parts: Vec<String> = parts.map(shortened).collect();
    format!("{MASKS}/{}.f{frame}.p{prompt}.{ending}", parts.join("/"))
}

fn shortened(name: &str) -> String {
    if name.len() <= MAX_NAME_BYTES {
        return name.to_string();
    }
    let end = (0..=KEPT_BYTES).rev().find(|&end| name.is_char_boundary(end)).unwrap_or(0);
    let hash = sha256_hex(name.as_bytes()).to_string();
    let digits = hash.get(..HASH_DIGITS).unwrap_or_default();
    format!("{}~{digits}", name.get(..end).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_mask_has_a_file_of_its_own() {
        assert_eq!(mask_path("b/a.png", 1, 2, "png"), "masks/b/a.png.f1.p2.png");
        assert_eq!(mask_path("/data/./c.dcm", 12, 1, "dcm"), "masks/data/c.dcm.f12.p1.dcm");
        // These two would meet if the frame were left out of names of single images.
        assert_ne!(mask_path("c.dcm.f12", 1, 1, "png"), mask_path("c.dcm", 12, 1, "png"));
    }

    #[test]
    fn long_names_are_shortened_and_stay_apart() {
        let long = |last| format!("x/{}{last}.png", "\u{fc}".repeat(110));
        let [a, b] = ['a', 'b'].map(|last| mask_path(&long(last), 1, 1, "png"));
        assert_ne!(a, b);
        assert!(a.rsplit('/').next().unwrap().len() < 150, "{a}");
    }
}
