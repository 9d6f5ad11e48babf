//! Recognises a network by the names and shapes of its tensors.

use crate::inventory::{Architecture, Need, Parameter, is_video_only};
use crate::{CheckpointError, Component, names};
use std::collections::{BTreeMap, BTreeSet};

/// The network of a checkpoint, and what is missing or surplus.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Recognition {
    /// The network whose shapes the tensors have.
    pub architecture: Architecture,
    /// Whether the mask decoder's object score head is complete.
    pub has_object_score_head: bool,
    /// Whether everything that only video needs is present.
    pub has_video: bool,
    /// Missing tensors that image segmentation needs, in the order of the data flow. Tensors of the
    /// object score head count only if part of it is present.
    pub missing: Vec<String>,
    /// Missing tensors of the SAM 2.0 video model that images do not need.
    pub missing_optional: Vec<String>,
    /// Tensors of floating-point numbers that the architecture does not have, sorted, without what
    /// only serves video.
    pub unexpected: Vec<String>,
}

impl Recognition {
    /// The architecture, if nothing that image segmentation needs is missing.
    ///
    /// # Errors
    /// [`CheckpointError::Incomplete`] with the names of the missing tensors.
    pub fn complete(&self) -> Result<Architecture, CheckpointError> {
        if self.missing.is_empty() {
            Ok(self.architecture)
        } else {
            Err(CheckpointError::Incomplete {
                architecture: self.architecture.name(),
                names: self.missing.clone(),
            })
        }
    }

    /// Names of the tensors that image segmentation uses.
    pub(crate) fn needed(&self) -> impl Iterator<Item = String> {
        let uses_head = self.has_object_score_head;
        let needed = self.architecture.parameters().into_iter().filter(move |parameter| {
            match parameter.component.need() {
                Need::Required => true,
                Need::Optional => uses_head,
                Need::VideoOnly => false,
            }
        });
        needed.map(|parameter| parameter.name)
    }
}

pub(crate) type Shapes<'a> = BTreeMap<&'a str, &'a [usize]>;

pub(crate) fn recognise(shapes: &Shapes<'_>) -> Result<Recognition, CheckpointError> {
    let architecture =
        closest(shapes).ok_or_else(|| CheckpointError::UnknownArchitecture(describe(shapes)))?;
    let parameters = architecture.parameters();
    for Parameter { name, shape, component, .. } in &parameters {
        match shapes.get(name.as_str()) {
            Some(&found) if found != shape && component.need() != Need::VideoOnly => {
                return Err(CheckpointError::Shape {
                    name: name.clone(),
                    expected: shape.clone(),
                    found: found.to_vec(),
                });
            }
            _ => {}
        }
    }
    let has = |parameter: &&Parameter| shapes.contains_key(parameter.name.as_str());
    let any_of_head = parameters.iter().filter(has).any(|p| p.component.need() == Need::Optional);
    let (mut missing, mut missing_optional) = (Vec::new(), Vec::new());
    for parameter in parameters.iter().filter(|parameter| !has(parameter)) {
        let needed = match parameter.component.need() {
            Need::Required => true,
            Need::Optional => any_of_head,
            Need::VideoOnly => false,
        };
        if needed { &mut missing } else { &mut missing_optional }.push(parameter.name.clone());
    }
    let known: BTreeSet<_> = parameters.iter().map(|p| p.name.as_str()).collect();
    let unexpected = shapes.keys().filter(|&name| !known.contains(name) && !is_video_only(name));
    let fits = |p: &Parameter| shapes.get(p.name.as_str()) == Some(&p.shape.as_slice());
    let whole = |need| parameters.iter().filter(|p| p.component.need() == need).all(fits);
    Ok(Recognition {
        architecture,
        has_object_score_head: whole(Need::Optional),
        has_video: whole(Need::VideoOnly),
        missing,
        missing_optional,
        unexpected: unexpected.map(ToString::to_string).collect(),
    })
}

/// The architecture that has the most tensors of the trunk in common, if these are more than half
/// of all tensors of either. So one wrong shape or a few missing tensors do not hide which network
/// is meant, and the message can name them. Tensors that no architecture has do not count.
fn closest(shapes: &Shapes<'_>) -> Option<Architecture> {
    let adapted = shapes.keys().any(|name| crate::inventory::is_adapter(name));
    let of_any: BTreeSet<_> = Architecture::all()
        .flat_map(|architecture| architecture.parameters())
        .filter(|parameter| parameter.component == Component::Trunk)
        .map(|parameter| parameter.name)
        .collect();
    let present = shapes.keys().filter(|name| of_any.contains(**name)).count();
    let candidates = Architecture::all().filter(|candidate| candidate.ch_adapters == adapted);
    let scored = candidates.map(|candidate| {
        let trunk: Vec<_> = candidate
            .parameters()
            .into_iter()
            .filter(|parameter| parameter.component == Component::Trunk)
            .collect();
        let fits = |p: &&Parameter| shapes.get(p.name.as_str()) == Some(&p.shape.as_slice());
        let shared = trunk.iter().filter(fits).count();
        // Common tensors divided by those of either, in thousandths.
        let score = 1000 * shared / (trunk.len() + present - shared);
        (score, candidate)
    });
    let (score, candidate) = scored.max_by_key(|&(score, _)| score)?;
    (score > 500).then_some(candidate)
}

/// Facts that tell a user why no architecture fits.
fn describe(shapes: &Shapes<'_>) -> String {
    let blocks = shapes
        .keys()
        .filter_map(|name| name.strip_prefix("image_encoder.trunk.blocks."))
        .filter_map(|rest| rest.split('.').next()?.parse::<usize>().ok())
        .collect::<BTreeSet<_>>();
    if blocks.is_empty() {
        return match shapes.len() {
            0 => "no tensors".to_string(),
            _ => format!(
                "{}, none named `image_encoder.trunk.blocks.*`",
                names::outline(shapes.keys().copied())
            ),
        };
    }
    let patch = shapes.get("image_encoder.trunk.patch_embed.proj.weight");
    let width = match patch {
        Some(shape) => format!("patch embedding {shape:?}"),
        None => "no patch embedding".to_string(),
    };
    let grid = match shapes.get("image_encoder.trunk.pos_embed") {
        Some(shape) => format!("position grid {shape:?}"),
        None => "no position grid".to_string(),
    };
    let adapted = shapes.keys().any(|name| crate::inventory::is_adapter(name));
    let adapters = if adapted { "with" } else { "without" };
    format!("{width}, {grid}, {} blocks, {adapters} CH-Adapters", blocks.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use uniultra_manifest::Variant;

    fn owned(architecture: Architecture) -> BTreeMap<String, Vec<usize>> {
        architecture.parameters().into_iter().map(|p| (p.name, p.shape)).collect()
    }

    fn run(shapes: &BTreeMap<String, Vec<usize>>) -> Result<Recognition, CheckpointError> {
        recognise(&shapes.iter().map(|(n, s)| (n.as_str(), s.as_slice())).collect())
    }

    #[test]
    fn recognises_every_architecture_whole() {
        for architecture in Architecture::all() {
            let found = run(&owned(architecture)).unwrap();
            assert_eq!(found.architecture, architecture);
            assert!(found.has_object_score_head && found.has_video, "{architecture}");
            assert!(found.missing.is_empty() && found.missing_optional.is_empty());
            assert!(found.unexpected.is_empty());
            assert_eq!(found.complete().unwrap(), architecture);
        }
    }

    #[test]
    fn recognises_an_image_encoder_alone_and_lists_the_rest() {
        for architecture in Architecture::all() {
            let mut shapes = owned(architecture);
            shapes.retain(|name, _| name.starts_with("image_encoder."));
            let found = run(&shapes).unwrap();
            assert_eq!(found.architecture, architecture);
            assert!(found.missing.contains(&"no_mem_embed".to_string()));
            assert!(found.complete().is_err());
        }
    }

    #[test]
    fn lists_missing_and_unexpected_tensors_by_name() {
        let mut shapes = owned(Architecture { variant: Variant::Mini, ch_adapters: true });
        let lost = [
            "image_encoder.trunk.patch_embed.proj.weight",
            "image_encoder.trunk.blocks.11.norm2.bias",
            "sam_mask_decoder.pred_obj_score_head.layers.1.bias",
        ];
        for name in lost {
            assert!(shapes.remove(name).is_some());
        }
        shapes.remove("no_obj_ptr");
        shapes.insert("zebra".into(), vec![1]);
        let found = run(&shapes).unwrap();
        assert_eq!(found.missing, lost);
        assert_eq!(found.missing_optional, ["no_obj_ptr"]);
        assert_eq!(found.unexpected, ["zebra"]);
        assert!(!found.has_object_score_head && !found.has_video);
        let message = found.complete().unwrap_err().to_string();
        assert!(message.contains("3 tensors missing") && message.contains(lost[0]), "{message}");
    }

    #[test]
    fn refuses_a_wrong_shape_by_name() {
        for name in ["sam_mask_decoder.iou_token.weight", "no_mem_embed"] {
            let mut shapes = owned(Architecture { variant: Variant::Small, ch_adapters: false });
            shapes.insert(name.into(), vec![2, 256]);
            let Err(CheckpointError::Shape { name: named, found, .. }) = run(&shapes) else {
                panic!("{name} was accepted");
            };
            assert_eq!((named.as_str(), found), (name, vec![2, 256]));
        }
    }

    #[test]
    fn says_what_it_saw_where_nothing_fits() {
        let mut shapes = owned(Architecture { variant: Variant::Mini, ch_adapters: true });
        for shape in shapes.values_mut() {
            for length in shape.iter_mut().filter(|length| **length % 16 == 0) {
                *length += *length / 16;
            }
        }
        let message = run(&shapes).unwrap_err().to_string();
        assert!(message.contains("[17, 3, 7, 7]") && message.contains("12 blocks"), "{message}");

        let message = run(&BTreeMap::new()).unwrap_err().to_string();
        assert!(message.ends_with("found no tensors"), "{message}");
        let message = run(&[("a".to_string(), vec![1])].into()).unwrap_err().to_string();
        assert!(message.contains("1 tensors whose names begin with `a` (1)"), "{message}");
    }

    #[test]
    fn what_serves_only_video_may_have_any_shape_and_name() {
        let mini = Architecture { variant: Variant::Mini, ch_adapters: false };
        let mut shapes = owned(mini);
        for name in [
            "maskmem_tpos_enc",
            "memory_attention.norm.bias",
            "no_obj_embed_spatial",
            "obj_ptr_tpos_proj.weight",
            "memory_bank.0",
        ] {
            shapes.insert(name.into(), vec![3, 5]);
        }
        let found = run(&shapes).unwrap();
        assert_eq!((found.architecture, found.complete().is_ok()), (mini, true));
        assert!(found.unexpected.is_empty() && found.missing_optional.is_empty());
        assert!(!found.has_video);
        shapes.remove("no_mem_embed");
        assert_eq!(run(&shapes).unwrap().missing, ["no_mem_embed"]);
    }

    #[test]
    fn many_tensors_beside_the_network_do_not_hide_it() {
        let mini = Architecture { variant: Variant::Mini, ch_adapters: true };
        let mut shapes = owned(mini);
        for block in 0..12 {
            for layer in ["attn.qkv", "attn.proj", "mlp.layers.0", "mlp.layers.1"] {
                for part in ["lora_A", "lora_B", "lora_E", "gate"] {
                    let name = format!("image_encoder.trunk.blocks.{block}.{layer}.{part}");
                    shapes.insert(name, vec![4, 16]);
                }
            }
        }
        let found = run(&shapes).unwrap();
        assert_eq!((found.architecture, found.unexpected.len()), (mini, 12 * 4 * 4));
    }
}
