//! Every parameter of every architecture: name, shape and role.
//!
//! Names and shapes are SAM 2.0's video model as published by Meta, with UniUltra's CH-Adapters
//! in the trunk (MODEL.md sections 1, 2 and 5). All totals are sums over these shapes.

mod build;
mod image_encoder;
mod mask_decoder;
mod memory;
mod prompt_encoder;

use crate::CheckpointError;
use crate::tensor::element_count;
use build::List;
pub(crate) use image_encoder::is_adapter;
pub(crate) use memory::is_video_only;
use std::fmt;
use std::str::FromStr;
use uniultra_manifest::Variant;

/// The choices that determine the parameters of a network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Architecture {
    /// Size of the Hiera image encoder.
    pub variant: Variant,
    /// Whether every block has UniUltra's CH-Adapter.
    pub ch_adapters: bool,
}

/// Part of the model that a parameter belongs to, in the order of the data flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Component {
    /// Hiera trunk with its CH-Adapters.
    Trunk,
    /// FPN neck.
    Neck,
    /// The vector that is added to the image embedding if there is no memory.
    NoMemEmbed,
    /// Points, boxes and mask prompts.
    PromptEncoder,
    /// Mask decoder without its object score head; includes `conv_s0` and `conv_s1`.
    MaskDecoder,
    /// The decoder's object score head, absent from some exports.
    ObjectScoreHead,
    /// Attention over past frames (video only).
    MemoryAttention,
    /// Encoder of past masks (video only).
    MemoryEncoder,
    /// Projection of object pointers (video only).
    ObjPtrProj,
    /// Temporal positions and other small tables (video only).
    SmallTables,
}

impl Component {
    /// Every component, in the order of the data flow.
    pub const ALL: [Self; 10] = [
        Self::Trunk,
        Self::Neck,
        Self::NoMemEmbed,
        Self::PromptEncoder,
        Self::MaskDecoder,
        Self::ObjectScoreHead,
        Self::MemoryAttention,
        Self::MemoryEncoder,
        Self::ObjPtrProj,
        Self::SmallTables,
    ];

    /// A name for tables.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Trunk => "trunk",
            Self::Neck => "neck",
            Self::NoMemEmbed => "no_mem_embed",
            Self::PromptEncoder => "prompt encoder",
            Self::MaskDecoder => "mask decoder",
            Self::ObjectScoreHead => "object score head",
            Self::MemoryAttention => "memory attention",
            Self::MemoryEncoder => "memory encoder",
            Self::ObjPtrProj => "obj_ptr_proj",
            Self::SmallTables => "small tables",
        }
    }

    /// Whether it is part of the image encoder.
    #[must_use]
    pub fn is_image_encoder(self) -> bool {
        matches!(self, Self::Trunk | Self::Neck)
    }

    /// Whether image segmentation needs it.
    #[must_use]
    pub fn need(self) -> Need {
        match self {
            Self::Trunk
            | Self::Neck
            | Self::NoMemEmbed
            | Self::PromptEncoder
            | Self::MaskDecoder => Need::Required,
            Self::ObjectScoreHead => Need::Optional,
            Self::MemoryAttention | Self::MemoryEncoder | Self::ObjPtrProj | Self::SmallTables => {
                Need::VideoOnly
            }
        }
    }
}

/// Whether image segmentation needs a component.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// Masks cannot be computed without it.
    Required,
    /// Used if it is complete.
    Optional,
    /// Never used for single images.
    VideoOnly,
}

/// Role of a parameter in UniUltra's fine-tuning (MODEL.md section 6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ParameterKind {
    /// Trained: CH-Adapters, `edge_blocks` and everything outside the image encoder.
    Trainable,
    /// Frozen: the stock image encoder and the Sobel kernels.
    Frozen,
    /// Stored with the weights, but not a parameter: the prompt encoder's Gaussian matrix.
    Buffer,
}

/// One tensor of an architecture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parameter {
    /// Key in the state dict, without `model.`.
    pub name: String,
    /// Length of each axis.
    pub shape: Vec<usize>,
    /// The component that it belongs to.
    pub component: Component,
    /// Role in fine-tuning.
    pub kind: ParameterKind,
}

impl Parameter {
    /// Number of elements.
    #[must_use]
    pub fn element_count(&self) -> usize {
        // Shapes of the inventory are small constants, so their product cannot overflow.
        element_count(&self.shape).unwrap_or(usize::MAX)
    }

    /// Number of elements that count as parameters: 0 for a buffer.
    #[must_use]
    pub fn parameter_count(&self) -> usize {
        if self.kind == ParameterKind::Buffer { 0 } else { self.element_count() }
    }

    /// Whether it belongs to a CH-Adapter or to the edge feature that all adapters share.
    #[must_use]
    pub fn is_adapter(&self) -> bool {
        is_adapter(&self.name)
    }
}

impl Architecture {
    /// Every architecture: stock and with CH-Adapters, smallest first.
    pub fn all() -> impl Iterator<Item = Self> {
        Variant::ALL
            .into_iter()
            .flat_map(|variant| [false, true].map(|ch_adapters| Self { variant, ch_adapters }))
    }

    /// The whole video model's tensors, in the order of the data flow.
    #[must_use]
    pub fn parameters(&self) -> Vec<Parameter> {
        let mut list = List::default();
        image_encoder::trunk(&mut list, *self);
        image_encoder::neck(&mut list, self.variant);
        prompt_encoder::list(&mut list);
        mask_decoder::list(&mut list);
        memory::list(&mut list);
        let mut parameters = list.into_parameters();
        parameters.sort_by_key(|parameter| parameter.component);
        parameters
    }

    /// Number of parameters, without buffers, of the components that `choose` accepts.
    #[must_use]
    pub fn count(&self, choose: impl Fn(Component) -> bool) -> usize {
        let parameters = self.parameters();
        let chosen = parameters.iter().filter(|parameter| choose(parameter.component));
        chosen.map(Parameter::parameter_count).sum()
    }

    /// Number of parameters that UniUltra's fine-tuning trains.
    #[must_use]
    pub fn trainable_count(&self) -> usize {
        let parameters = self.parameters();
        let trained = parameters.iter().filter(|p| p.kind == ParameterKind::Trainable);
        trained.map(Parameter::parameter_count).sum()
    }

    /// The name used on command lines, e.g. `uniultra-large`, or `sam2-large` without adapters.
    #[must_use]
    pub fn name(&self) -> String {
        let family = if self.ch_adapters { "uniultra" } else { "sam2" };
        format!("{family}-{}", self.variant)
    }
}

impl fmt::Display for Architecture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name())
    }
}

impl FromStr for Architecture {
    type Err = CheckpointError;

    fn from_str(name: &str) -> Result<Self, CheckpointError> {
        Self::all().find(|architecture| architecture.name() == name).ok_or_else(|| {
            let names: Vec<_> = Self::all().map(|architecture| architecture.name()).collect();
            CheckpointError::UnknownName { expected: names.join(", "), found: name.to_string() }
        })
    }
}

#[cfg(test)]
mod tests;
