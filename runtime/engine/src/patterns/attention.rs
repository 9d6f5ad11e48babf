//! Attention: `MatMul`, `Softmax`, `MatMul`, and the moves that cut windows and heads and join them.
//!
//! There are two forms: in the windows of a map (image encoder) and over plain rows (mask decoder).

use super::graph::Graph;
use super::pattern::{Check, Match, Step, node, reshape, slice, transpose};
use super::{Choices, Fused, fused};
use crate::ops::attention::{Attention, Operand};

/// Larger sizes do not belong to a map or a head, and their products might overflow.
const LIMIT: i64 = 1 << 12;

/// Both products. The scores and weights of a window are never in memory as a whole, so nothing else may
/// read them.
const IN_WINDOWS: &[Step] = &[
    node("weights", "Softmax", &["scores"], &[Check::Integer("axis", -1, &[-1, 3])]),
    Step::Reads("scores", 1),
    node("scores", "MatMul", &["q", "keys"], &[]),
    transpose("keys", "k", "0 1 3 2"),
    node("attended", "MatMul", &["weights", "v"], &[]),
];

/// From `[windows, heads, tokens, d]` up to what was picked of queries, keys and values together, or to
/// the only one of them.
const PICKED: &[Step] = &[
    reshape("part", "one", "ny*nx heads wy*wx d"),
    slice("one", "all", "0", ["index", "index_end"]),
];
const ALONE: &[Step] = &[reshape("part", "all", "ny*nx heads wy*wx d")];

/// And further up to the map: windows down and across, and their rows and columns.
const CUT: &[Step] = &[
    reshape("all", "moved", "parts ny*nx heads wy*wx d"),
    transpose("moved", "split", "4 0 2 5 1 3 6"),
    reshape("split", "map", "ny wy nx wx parts heads d"),
    Step::Below(LIMIT, "ny wy nx wx parts heads d"),
];

/// The map may be some channels of a wider one, which the operation then reads in place.
const OF_A_WIDER_MAP: &[Step] =
    &[slice("map", "wider", "2", ["start", "end"]), reshape("wider", "_", "ny*wy nx*wx channels")];

/// The windows joined to a map again, of `d` channels a head.
const JOINED: &[Step] = &[
    reshape("split", "attended", "ny nx heads wy wx d"),
    transpose("moved", "split", "0 3 1 4 2 5"),
    reshape("map", "moved", "ny*wy nx*wx heads*d"),
];
/// Padding to whole windows is cut off the map, which then becomes rows.
const CROPPED: &[Step] = &[slice("cropped", "map", "axis", ["0", "end"])];
const ROWS: &[Step] = &[reshape("tokens", "map", "rows*columns heads*d")];

/// Over plain rows `[rows, heads * d]`.
const OF_ROWS: &[Step] = &[
    node("weights", "Softmax", &["scores"], &[Check::Integer("axis", -1, &[-1, 2])]),
    Step::Reads("scores", 1),
    node("scores", "MatMul", &["q", "keys"], &[]),
    transpose("q", "q_split", "1 0 2"),
    reshape("q_split", "q_rows", "-1 heads d"),
    transpose("keys", "k_split", "1 2 0"),
    reshape("k_split", "k_rows", "-1 heads d"),
    node("attended", "MatMul", &["weights", "v"], &[]),
    transpose("v", "v_split", "1 0 2"),
    reshape("v_split", "v_rows", "-1 heads dv"),
    transpose("moved", "attended", "1 0 2"),
    reshape("joined", "moved", "-1 heads*dv"),
    Step::Below(LIMIT, "heads d dv"),
];

/// From a `Softmax`.
pub(super) fn find(graph: &Graph, weights: &str, choices: Choices) -> Option<Fused> {
    let start = Match::new(graph, "weights", weights);
    in_windows(graph, &start, choices).or_else(|| fuse_rows(&start))
}

fn in_windows(graph: &Graph, start: &Match<'_>, choices: Choices) -> Option<Fused> {
    let found = start.and(IN_WINDOWS)?;
    let [q, k, v, attended] = found.values(["q", "k", "v", "attended"])?;
    let [q, k, v] = [part(graph, q)?, part(graph, k)?, part(graph, v)?];
    // Each window of queries meets one of keys and values; only queries may be pooled.
    let grid = ["ny", "nx", "heads"];
    let window = ["wy", "wx"];
    let same = q.sizes(grid)? == k.sizes(grid)?
        && k.sizes(grid)? == v.sizes(grid)?
        && k.sizes(window)? == v.sizes(window)?
        && q.size("d") == k.size("d");
    if !same {
        return None;
    }

    let mut joined = Match::new(graph, "attended", attended).with_size("heads", q.size("heads")?);
    for name in ["ny", "nx", "wy", "wx"] {
        joined = joined.with_size(name, q.size(name)?);
    }
    let joined = joined.with_size("d", v.size("d")?).and(JOINED)?;
    let [ny, nx, wy, wx] = q.sizes(["ny", "nx", "wy", "wx"])?;
    let mut size = [ny * wy, nx * wx];
    let mut map = joined.value("map")?;
    while let Some(crop) = Match::new(graph, "map", map).and(CROPPED) {
        let [axis, end] = crop.sizes(["axis", "end"])?;
        let extent = size.get_mut(axis).filter(|extent| (1..=**extent).contains(&end))?;
        *extent = end;
        map = crop.value("cropped")?;
    }
    let [rows, columns] = size;
    let rest = Match::new(graph, "map", map)
        .with_size("rows", i64::try_from(rows).ok()?)
        .with_size("columns", i64::try_from(columns).ok()?)
        .with_size("heads", v.size("heads")?)
        .with_size("d", v.size("d")?)
        .and(ROWS)?;
    let [heads, head_channels] = q.sizes(["heads", "d"])?;
    let [value_channels] = v.sizes(["d"])?;
    let op = Attention {
        q: operand(&q)?.1,
        k: operand(&k)?.1,
        v: operand(&v)?.1,
        heads,
        head_channels,
        value_channels,
        rows,
        columns,
        in_integers: choices.integer_attention,
        in_fewer_bits: choices.coarse_attention,
    };
    let sources = [operand(&q)?.0, operand(&k)?.0, operand(&v)?.0];
    Some(fused(&op, sources, rest.value("tokens")?))
}

/// Queries, keys or values, up to the map that they were cut from.
fn part<'g>(graph: &'g Graph, part: &'g str) -> Option<Match<'g>> {
    let start = Match::new(graph, "part", part);
    // As one pattern: the sizes of the first steps are products of those that the last one names.
    let picked = start.and(&[PICKED, CUT].concat());
    let found = picked.or_else(|| start.and(&[ALONE, CUT].concat()))?;
    let inside = match found.size("index") {
        Some(index) => {
            (0..found.size("parts")?).contains(&index) && found.size("index_end")? == index + 1
        }
        None => found.size("parts")? == 1,
    };
    inside.then_some(found)
}

/// The tensor that holds a part, and where it is in there.
fn operand<'g>(part: &Match<'g>) -> Option<(&'g str, Operand)> {
    let [ny, wy, nx, wx, parts, heads, d] =
        part.sizes(["ny", "wy", "nx", "wx", "parts", "heads", "d"])?;
    let index = part.size("index").map_or(Some(0), |index| usize::try_from(index).ok())?;
    let mut operand = Operand {
        columns: nx * wx,
        channels: parts * heads * d,
        first: index * heads * d,
        window_rows: wy,
        window_columns: wx,
        rows: ny * wy,
    };
    if let Some(wider) = part.and(OF_A_WIDER_MAP)
        && let Some([start, end, channels]) = wider.sizes(["start", "end", "channels"])
        && end <= channels
        && end.checked_sub(start) == Some(operand.channels)
    {
        operand.channels = channels;
        operand.first += start;
        return Some((wider.value("wider")?, operand));
    }
    Some((part.value("map")?, operand))
}

fn fuse_rows(start: &Match<'_>) -> Option<Fused> {
    let found = start.and(OF_ROWS)?;
    let [heads, head_channels, value_channels] = found.sizes(["heads", "d", "dv"])?;
    let op = Attention {
        q: Operand::rows(heads * head_channels),
        k: Operand::rows(heads * head_channels),
        v: Operand::rows(heads * value_channels),
        heads,
        head_channels,
        value_channels,
        // As many as there are queries.
        rows: 0,
        columns: 1,
        in_integers: false,
        // Few queries or few keys: packing them would take as long as it saves.
        in_fewer_bits: false,
    };
    Some(fused(&op, found.values(["q_rows", "k_rows", "v_rows"])?, found.value("joined")?))
}
