//! The forms in which people keep their weights: each gives exactly the pack of the plain file, or
//! an error that says what is there.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod control;
mod hugging_face;

use control::{Control, ones, options, packed, plain};
use uniultra_checkpoint::{Checkpoint, CheckpointError};
use uniultra_export::{ExportError, ExportOptions, export};
use uniultra_tests::cli::run;
use uniultra_tests::torch_archive::{Object, Packing, archive, legacy};

#[test]
fn every_container_is_opened() {
    let control = Control::uniultra();
    let dict = || control.state_dict(plain);
    let beside = || {
        // What a training program keeps beside the weights: moments by parameter number, settings.
        let moments = Object::dict(vec![("exp_avg", Object::Floats(ones(&[4, 4], 0.5)))]);
        let state = Object::Dict(vec![(Object::Int(0), moments)]);
        vec![
            ("epoch", Object::Int(3)),
            ("optimizer", Object::dict(vec![("state", state), ("groups", Object::List(vec![]))])),
            ("best_loss", Object::Floats(ones(&[], 0.25))),
            ("rng_state", Object::Ones("ByteStorage", 1, vec![64])),
            ("hyper_parameters", Object::dict(vec![("name", Object::Text("run 7".into()))])),
        ]
    };
    control.is_the_pack_of("bare", &packed(&dict()));
    for key in [
        "model",
        "state_dict",
        "model_state_dict",
        "net",
        "ema",
        "params",
        "params_ema",
        "network",
        "weights",
        "my own key",
    ] {
        let mut content = beside();
        content.insert(2, (key, dict()));
        control.is_the_pack_of(key, &packed(&Object::dict(content)));
    }
    let nested = Object::dict(vec![
        ("epoch", Object::Int(1)),
        ("state", Object::dict(vec![("model", dict())])),
    ]);
    control.is_the_pack_of("nested twice", &packed(&nested));
}

#[test]
fn a_dictionary_under_two_names_is_one_network() {
    let control = Control::uniultra();
    for protocol in 2..=5 {
        let object = Object::dict(vec![
            ("model", Object::Shared(1, Box::new(control.state_dict(plain)))),
            ("ema", Object::Again(1)),
        ]);
        let file = archive(&object, &Packing { protocol, ..Packing::default() });
        control.is_the_pack_of(&format!("protocol {protocol}"), &file);
    }
}

#[test]
fn two_networks_are_never_confused() {
    let control = Control::uniultra();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("two.pt");
    let other: Vec<_> = control
        .tensors
        .iter()
        .map(|(name, t)| (name.clone(), Object::Floats(ones(t.shape(), 0.01))))
        .collect();
    let object = Object::dict(vec![
        ("model", Object::Ordered(other)),
        ("ema", Object::dict(vec![("shadow", control.state_dict(plain))])),
    ]);
    std::fs::write(&path, packed(&object)).unwrap();
    let error = Checkpoint::open(&path).unwrap_err();
    assert!(matches!(error.fault(), CheckpointError::SeveralStateDicts { .. }), "{error}");
    let message = error.to_string();
    assert!(message.contains("`model` (") && message.contains("`ema.shadow` ("), "{message}");

    let chosen = Checkpoint::open_state_dict(&path, Some("ema.shadow")).unwrap();
    control.is_same("chosen", &export(&chosen, &options()).unwrap());
    let error = Checkpoint::open_state_dict(&path, Some("best")).unwrap_err().to_string();
    assert!(error.contains("`best`") && error.contains("`ema.shadow` ("), "{error}");
}

#[test]
fn wrappers_are_taken_off_in_any_order() {
    let control = Control::uniultra();
    for prefix in [
        "module.",
        "_orig_mod.",
        "model.",
        "net.",
        "module._orig_mod.model.",
        "net.module.",
        "_orig_mod.module.net.model.",
        "model.model.",
    ] {
        let dict = control.state_dict(|name| format!("{prefix}{name}"));
        control.is_the_pack_of(prefix, &packed(&dict));
    }
    // Compiled and wrapped parts inside, and the same in safetensors.
    let inside = |name: &str| {
        let name = name.replace("image_encoder.", "image_encoder._orig_mod.");
        format!("model.{}", name.replace("sam_mask_decoder.", "sam_mask_decoder.module."))
    };
    control.is_the_pack_of("inside", &packed(&control.state_dict(inside)));
    let named = control.tensors.iter().map(|(name, t)| (inside(name), t.clone()));
    let file = Checkpoint::from_tensors(named.collect()).to_safetensors().unwrap();
    control.is_the_pack_of("safetensors", &file);
}

#[test]
fn every_packing_is_read() {
    let control = Control::uniultra();
    let dict = control.state_dict(plain);
    for (protocol, folder, deflated) in [
        (2, "archive/", false),
        (3, "sam2/", false),
        (4, "archive/", true),
        (5, "a/b c/", true),
        (5, "", false),
        (2, "archive\\", true),
    ] {
        let packing = Packing { protocol, folder: folder.into(), deflated };
        control.is_the_pack_of(&format!("{packing:?}"), &archive(&dict, &packing));
    }
}

#[test]
fn files_of_before_1_6_are_read() {
    let control = Control::uniultra();
    for protocol in 2..=5 {
        let beside = Object::Ones("LongStorage", 8, vec![3]);
        let object =
            Object::dict(vec![("steps", beside), ("state_dict", control.state_dict(plain))]);
        control.is_the_pack_of(&format!("protocol {protocol}"), &legacy(&object, protocol));
    }
}

#[test]
fn buffers_that_nothing_needs_do_no_harm() {
    let control = Control::uniultra();
    let Object::Ordered(mut items) = control.state_dict(plain) else { unreachable!() };
    for (name, class, size) in [
        ("norm.num_batches_tracked", "LongStorage", 8),
        ("image_encoder.trunk.relative_position_index", "IntStorage", 4),
        ("mask", "BoolStorage", 1),
        ("bytes", "ByteStorage", 1),
    ] {
        items.push((name.into(), Object::Ones(class, size, vec![3, 2])));
    }
    // Complex numbers may have been trained.
    let mut trained = items.clone();
    trained.push(("spectrum".into(), Object::Ones("ComplexFloatStorage", 8, vec![3, 2])));
    let checkpoint = Checkpoint::from_bytes(&packed(&Object::Ordered(trained))).unwrap();
    let error = export(&checkpoint, &options()).unwrap_err().to_string();
    assert!(error.contains("1 tensors") && error.contains("spectrum"), "{error}");
    let parameters = items.into_iter().map(|(name, object)| match object {
        Object::Floats(tensor) => (name, Object::Parameter(tensor)),
        other => (name, other),
    });
    control.is_the_pack_of("buffers", &packed(&Object::Ordered(parameters.collect())));
}

#[test]
fn what_only_video_needs_does_not_matter() {
    let control = Control::sam2();
    let Object::Ordered(items) = control.state_dict(plain) else { unreachable!() };
    for (what, extra) in [
        ("SAM 2.0's table", ("maskmem_tpos_enc", ones(&[7, 1, 1, 64], 0.1))),
        ("a longer memory", ("maskmem_tpos_enc", ones(&[16, 1, 1, 64], 0.1))),
        ("not finite", ("no_mem_pos_enc", ones(&[1, 1, 256], f32::NAN))),
        ("SAM 2.1's own", ("no_obj_embed_spatial", ones(&[1, 64], f32::INFINITY))),
        ("SAM 2.1's projection", ("obj_ptr_tpos_proj.weight", ones(&[64, 256], 0.1))),
        ("of another size", ("memory_attention.layers.0.norm1.weight", ones(&[7], 0.1))),
        ("unknown", ("memory_bank.keys", ones(&[3, 5], f32::NAN))),
        ("integers", ("memory_bank.count", ones(&[3], 1.0))),
    ] {
        let (name, tensor) = extra;
        let object = if what == "integers" {
            Object::Ones("LongStorage", 8, vec![3])
        } else {
            Object::Floats(tensor)
        };
        let items = items.iter().cloned().chain([(name.to_string(), object)]).collect();
        control.is_the_pack_of(what, &packed(&Object::Ordered(items)));
    }
    // NaN where images need a number is an error, by name.
    for (name, shape) in
        [("no_mem_embed", vec![1, 1, 256]), ("sam_mask_decoder.conv_s0.bias", vec![32])]
    {
        let bad = items.iter().cloned().map(|(known, object)| {
            let nan = || Object::Floats(ones(&shape, f32::NAN));
            if known == name { (known, nan()) } else { (known, object) }
        });
        let checkpoint = Checkpoint::from_bytes(&packed(&Object::Ordered(bad.collect()))).unwrap();
        let error = export(&checkpoint, &options()).unwrap_err().to_string();
        assert!(error.contains(name) && error.contains("NaN"), "{error}");
    }
}

#[test]
fn adapters_are_never_dropped_silently() {
    let control = Control::sam2();
    let layer = "image_encoder.trunk.blocks.0.attn.qkv";
    let lora = |items: &mut Vec<(String, Object)>| {
        for part in ["lora_A", "lora_B"] {
            items.push((
                format!("{layer}.{part}.default.weight"),
                Object::Floats(ones(&[4, 16], 0.1)),
            ));
        }
        items.push(("adapter.gate".into(), Object::Floats(ones(&[16], f32::NAN))));
    };
    // PEFT also puts the layer's own weights one level deeper.
    let peft = control.state_dict(|name| {
        let deeper = name.replace(&format!("{layer}."), &format!("{layer}.base_layer."));
        format!("base_model.model.{deeper}")
    });
    let Object::Ordered(mut items) = peft else { unreachable!() };
    lora(&mut items);
    let beside = Object::dict(vec![
        ("model", control.state_dict(plain)),
        ("extra", Object::dict(vec![("blocks.0.lora_A", Object::Floats(ones(&[4, 16], 0.1)))])),
    ]);
    for (what, object, first, count) in [
        ("in the same dict", Object::Ordered(items), "adapter.gate", 3),
        ("in a dict of its own", beside, "extra.blocks.0.lora_A", 1),
    ] {
        let checkpoint = Checkpoint::from_bytes(&packed(&object)).unwrap();
        let error = export(&checkpoint, &options()).unwrap_err();
        let ExportError::Unexpected { names, .. } = &error else { panic!("{what}: {error}") };
        assert_eq!((names.len(), names[0].as_str()), (count, first), "{what}");
        assert!(error.to_string().contains(first), "{error}");

        let with = |patterns: &[&str]| ExportOptions {
            ignore_unexpected: patterns.iter().map(ToString::to_string).collect(),
            keep_checkpoint: true,
            ..options()
        };
        assert!(export(&checkpoint, &with(&["*lora_C*"])).is_err(), "{what}");
        let pack = export(&checkpoint, &with(&["*lora_*", "adapter.*"])).unwrap();
        assert_eq!(pack.left_out.len(), count, "{what}");
        control.is_same(what, &pack);
        // The kept tensors are the network alone.
        control.is_the_pack_of(what, &pack.checkpoint.unwrap());
    }
}

#[test]
fn the_command_line_names_what_it_would_drop_and_what_it_found() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, object: &Object| {
        let path = folder.path().join(name);
        std::fs::write(&path, packed(object)).unwrap();
        path.to_str().unwrap().to_string()
    };
    let out = folder.path().join("pack");
    let export = |file: &str, rest: &[&str]| {
        let fixed = ["export", "--checkpoint", file, "--image-size", "64", "--out"];
        run("uniultra-tools", [&fixed[..], &[out.to_str().unwrap()], rest].concat())
    };
    let Object::Ordered(mut items) = Control::sam2().state_dict(plain) else { unreachable!() };
    items.push(("trunk.lora_A".into(), Object::Floats(ones(&[4, 16], 0.1))));
    let lora = file("lora.pt", &Object::Ordered(items));
    export(&lora, &[]).fails(3, &["1 tensors", "trunk.lora_A", "--ignore-unexpected"]);
    export(&lora, &["--ignore-unexpected", "[x"]).fails(3, &["[x", "pattern"]);
    let exported = export(&lora, &["--ignore-unexpected", "*lora_?"]);
    assert!(exported.succeeds().stderr.contains("1 tensors of the checkpoint were left out"));

    let stranger = Object::dict(vec![
        ("epoch", Object::Int(1)),
        ("weights", Object::dict(vec![("backbone.conv.weight", Object::Floats(ones(&[4], 0.1)))])),
    ]);
    let stranger = file("stranger.pt", &stranger);
    for command in ["inspect", "export"] {
        let run = match command {
            "inspect" => run("uniultra-tools", ["inspect", stranger.as_str()]),
            _ => export(&stranger, &["--force"]),
        };
        run.fails(3, &["1 tensors whose names begin with `backbone` (1)"]);
        assert!(!run.stderr.contains("corrupt"), "{}", run.stderr);
    }
    let settings = Object::dict(vec![("epoch", Object::Int(1)), ("config", Object::dict(vec![]))]);
    let settings = file("settings.pt", &settings);
    let found = run("uniultra-tools", ["inspect", settings.as_str()]);
    found.fails(3, &["without tensors; its keys are `epoch`, `config`"]);
    assert!(!found.stderr.contains("corrupt"), "{}", found.stderr);
}
