//! The default model, `models/uniultra-mini-int8`, compiled in, so that a program needs no other
//! file.

use uniultra_manifest::{ManifestError, Pack};

/// Name of the model in places where a pack's folder would stand.
pub const NAME: &str = "the UniUltra-mini inside this program";

/// The pack. Its files are read from the program itself, without a copy.
///
/// # Errors
/// [`ManifestError`] if this version cannot read the files that were compiled in.
pub fn pack() -> Result<Pack, ManifestError> {
    macro_rules! shipped {
        ($file:literal) => {
            include_bytes!(concat!("../../../models/uniultra-mini-int8/", $file)).as_slice()
        };
    }
    Pack::from_bytes(
        shipped!("model.toml"),
        shipped!("image_encoder.onnx"),
        shipped!("mask_decoder.onnx"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_the_pack_in_the_repository() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../models/uniultra-mini-int8");
        let on_disk = Pack::open(folder.as_ref()).unwrap();
        let inside = pack().unwrap();
        assert_eq!(inside.manifest(), on_disk.manifest());
        assert_eq!(inside.read_image_encoder().unwrap(), on_disk.read_image_encoder().unwrap());
        assert_eq!(inside.read_mask_decoder().unwrap(), on_disk.read_mask_decoder().unwrap());
    }
}
