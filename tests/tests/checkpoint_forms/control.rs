//! Plain weights, the pack that they give, and the packs of other files against it.

use std::sync::OnceLock;
use uniultra_checkpoint::{Checkpoint, Tensor};
use uniultra_export::{ExportOptions, ModelPack, export};
use uniultra_tests::packs::random;
use uniultra_tests::torch_archive::{Object, Packing, archive};

pub(crate) fn options() -> ExportOptions {
    ExportOptions { image_size: 64, ..ExportOptions::default() }
}

/// Weights and the pack that they give.
pub(crate) struct Control {
    pub(crate) tensors: Vec<(String, Tensor)>,
    pack: ModelPack,
}

impl Control {
    fn export(name: &str) -> Self {
        let checkpoint = random(name, 5);
        let pack = export(&checkpoint, &options()).unwrap();
        let tensors = checkpoint.tensors().map(|(name, t)| (name.to_string(), t.clone()));
        Self { tensors: tensors.collect(), pack }
    }

    pub(crate) fn uniultra() -> &'static Self {
        static CONTROL: OnceLock<Control> = OnceLock::new();
        CONTROL.get_or_init(|| Self::export("uniultra-mini"))
    }

    pub(crate) fn sam2() -> &'static Self {
        static CONTROL: OnceLock<Control> = OnceLock::new();
        CONTROL.get_or_init(|| Self::export("sam2-mini"))
    }

    /// The state dict, its names changed.
    pub(crate) fn state_dict(&self, rename: impl Fn(&str) -> String) -> Object {
        let named =
            |(name, tensor): &(String, Tensor)| (rename(name), Object::Floats(tensor.clone()));
        Object::Ordered(self.tensors.iter().map(named).collect())
    }

    /// Asserts that a file gives the same bytes, the file's own hash apart.
    pub(crate) fn is_the_pack_of(&self, what: &str, file: &[u8]) {
        let checkpoint = Checkpoint::from_bytes(file).unwrap_or_else(|e| panic!("{what}: {e}"));
        let pack = export(&checkpoint, &options()).unwrap_or_else(|e| panic!("{what}: {e}"));
        self.is_same(what, &pack);
    }

    pub(crate) fn is_same(&self, what: &str, pack: &ModelPack) {
        assert!(pack.image_encoder == self.pack.image_encoder, "{what}: another image encoder");
        assert!(pack.mask_decoder == self.pack.mask_decoder, "{what}: another mask decoder");
        let mut manifest = pack.manifest.clone();
        manifest.source = self.pack.manifest.source.clone();
        assert_eq!(manifest, self.pack.manifest, "{what}");
    }
}

pub(crate) fn plain(name: &str) -> String {
    name.to_string()
}

pub(crate) fn packed(object: &Object) -> Vec<u8> {
    archive(object, &Packing::default())
}

pub(crate) fn ones(shape: &[usize], value: f32) -> Tensor {
    Tensor::new(shape.to_vec(), vec![value; shape.iter().product()]).unwrap()
}
