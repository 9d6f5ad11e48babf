//! The tables of what the packs hold and how fast they are.

use crate::{NetworkFacts, Pace, PackFacts, Sides, Timing, WeightFacts};
use std::collections::BTreeSet;
use uniultra_report::Table;
use uniultra_report::number::{difference, fixed, grouped, ratio};

type Facts = Sides<PackFacts>;

/// A row's name, and its value of a pack.
type Named<T> = (&'static str, fn(&PackFacts) -> T);

/// Identity of both packs.
pub(super) fn identity(packs: &Facts) -> Table {
    let rows: [Named<String>; 8] = [
        ("id", |pack| pack.model.id.clone()),
        ("version", |pack| pack.model.version.clone()),
        ("variant", |pack| pack.variant.clone()),
        ("precision", |pack| pack.model.precision.clone()),
        ("input", |pack| format!("{} px", pack.model.image_size)),
        ("encoder sha256", |pack| pack.image_encoder.sha256.clone()),
        ("decoder sha256", |pack| pack.mask_decoder.sha256.clone()),
        ("checkpoint sha256", |pack| pack.model.checkpoint_sha256.clone()),
    ];
    let mut table = Table::new(3, ["", "A", "B"]);
    for (name, of) in rows {
        table.row([name.to_string(), of(&packs.a), of(&packs.b)]);
    }
    table
}

/// Bytes of the files.
pub(super) fn sizes(packs: &Facts) -> Table {
    let rows: [Named<u64>; 4] = [
        ("manifest", |pack| pack.manifest_bytes),
        ("image encoder", |pack| pack.image_encoder.bytes),
        ("mask decoder", |pack| pack.mask_decoder.bytes),
        ("pack", |pack| pack.pack_bytes),
    ];
    let mut table = Table::new(1, ["bytes", "A", "B", "A / B"]);
    for (name, of) in rows {
        let Sides { a, b } = packs.map(of);
        table.row([name.to_string(), grouped(a), grouped(b), ratio(a, b)]);
    }
    table
}

/// Weights by network and type.
pub(super) fn weights(packs: &Facts) -> Table {
    let heads = ["network", "type", "A values", "B values", "A bytes", "B bytes"];
    let mut table = Table::new(2, heads);
    for (name, network) in networks(packs) {
        let kinds: BTreeSet<&String> =
            [network.a, network.b].into_iter().flat_map(|of| of.graph.weights.keys()).collect();
        for kind in kinds {
            let of = network.map(|of| of.graph.weights.get(kind).copied().unwrap_or_default());
            let cells: [fn(&WeightFacts) -> u64; 2] = [|of| of.values, |of| of.bytes];
            let cells = cells.iter().flat_map(|cell| [cell(&of.a), cell(&of.b)]).map(grouped);
            table.row([name.to_string(), kind.clone()].into_iter().chain(cells));
        }
    }
    table
}

/// Nodes by operation, of both networks.
pub(super) fn nodes(packs: &Facts) -> Table {
    let heads = ["operation", "encoder A", "encoder B", "B - A", "decoder A", "decoder B", "B - A"];
    let mut table = Table::new(1, heads);
    let networks = networks(packs).map(|(_, network)| network);
    let mut row = |name: &str, count: &dyn Fn(&NetworkFacts) -> usize| {
        let cells = networks.iter().flat_map(|network| {
            let Sides { a, b } = network.map(|of| count(of));
            [a.to_string(), b.to_string(), difference(a, b)]
        });
        table.row([name.to_string()].into_iter().chain(cells));
    };
    let each = networks.iter().flat_map(|network| [network.a, network.b]);
    let operations: BTreeSet<&String> = each.flat_map(|of| of.graph.nodes.keys()).collect();
    for operation in operations {
        row(operation, &|of| of.graph.nodes.get(operation).copied().unwrap_or_default());
    }
    row("all", &|of| of.graph.node_count());
    table
}

fn networks(packs: &Facts) -> [(&'static str, Sides<&NetworkFacts>); 2] {
    [
        ("encoder", packs.map(|pack| &pack.image_encoder)),
        ("decoder", packs.map(|pack| &pack.mask_decoder)),
    ]
}

/// Milliseconds of both networks.
pub(super) fn speed(timing: &Timing) -> Table {
    let heads =
        ["network", "A median ms", "B median ms", "A min ms", "B min ms", "A / B of medians"];
    let mut table = Table::new(1, heads);
    let rows = [
        ("image encoder", timing.image_encoder, timing.image_encoder_ratio),
        ("mask decoder, one click", timing.mask_decoder, timing.mask_decoder_ratio),
    ];
    for (name, pace, ratio) in rows {
        let Sides { a: Pace { median_ms, min_ms }, b } = pace;
        let cells = [median_ms, b.median_ms, min_ms, b.min_ms].map(|ms| fixed(ms, 2));
        let ends = [name.to_string()].into_iter().chain(cells).chain([fixed(ratio, 2)]);
        table.row(ends);
    }
    table
}
