//! The search itself.

use super::graph::Graph;
use super::pattern::{Match, Step, either, node, reshape, slice};
use super::*;

/// `a [2, 12]`, `b` and `c` of it, and `y`, their sum.
fn draft() -> Draft {
    let mut draft = Draft::new(&[Some(24)]);
    draft.reshape("a", "x", &[2, 12]);
    draft.node("b = Sqrt a", vec![]);
    draft.reshape("c", "b", &[4, 6]);
    draft.node("d = Abs c", vec![]);
    draft.floats("one", &[1], &[1.0]);
    draft.node("y = Add one d", vec![]);
    draft
}

#[test]
fn products_are_compared_when_all_sizes_have_names() {
    let graph = Graph::new(draft().0);
    let found = |to| {
        let steps = [reshape("c", "b", to), node("b", "Sqrt", &["a"], &[])];
        let found = Match::new(&graph, "c", "c").and(&steps)?;
        found.and(&[reshape("a", "x", "m n")])
    };
    assert!(found("_ _").is_some_and(|found| found.sizes(["m", "n"]) == Some([2, 12])));
    // A product whose factors never get names does not match. Neither does one of another value.
    assert!(found("m*2 _").is_none());
    let whole = |to| {
        let last = reshape("a", "x", "m n");
        let steps = [reshape("c", "b", to), node("b", "Sqrt", &["a"], &[]), last];
        Match::new(&graph, "c", "c").and(&steps).is_some()
    };
    assert!(whole("2*m _") && whole("4 _") && whole("m*2 6"));
    assert!(!whole("m*m*m _") && !whole("_ n") && !whole("_ _ _"));
}

#[test]
fn a_search_goes_down_to_the_only_reader() {
    let steps = [node("b", "Sqrt", &["a"], &[])];
    let mut draft = draft();
    let found =
        |draft: &Draft| Match::new(&Graph::new(draft.0.clone()), "a", "a").and(&steps).is_some();
    assert!(found(&draft));
    draft.node("e = Abs a", vec![]);
    assert!(!found(&draft));
    draft.0.node.pop();
    draft.0.output.push(ValueInfoProto { name: "a".to_string(), ..ValueInfoProto::default() });
    assert!(!found(&draft));
}

#[test]
fn either_order_is_tried_with_all_that_follows() {
    let graph = Graph::new(draft().0);
    let steps = [either("y", "Add", ["p", "q"]), node("p", "Abs", &["_"], &[])];
    let found = Match::new(&graph, "y", "y").and(&steps).unwrap();
    assert_eq!(found.values(["p", "q"]), Some(["d", "one"]));
    assert!(found.and(&[Step::Computed("q")]).is_none() && !found.has("r"));
    assert!(found.and(&[Step::Floats("q", "1"), Step::Reads("q", 1)]).is_some());
    // Neither a value without a name to begin with, nor another operation.
    assert!(found.and(&[node("s", "Abs", &["t"], &[])]).is_none());
    assert!(found.and(&[slice("p", "t", "0", ["0", "1"])]).is_none());
}

#[test]
fn sizes_have_limits() {
    let graph = Graph::new(draft().0);
    let found = |limit| {
        let steps = [reshape("a", "x", "m n"), Step::Below(limit, "m n")];
        Match::new(&graph, "a", "a").and(&steps).is_some()
    };
    assert!(found(13) && !found(12));
}

/// What only a replaced chain read is no longer there, so that what it read may have one reader again.
#[test]
fn replaced_chains_read_nothing() {
    let mut draft = draft();
    draft.node("e = Abs a", vec![]);
    draft.node("f = Add e y", vec![]);
    draft.0.output[0].name = "f".to_string();
    let mut graph = Graph::new(draft.0);
    assert_eq!(graph.reads("a"), 2);
    graph.replace(graph::node("Identity", ["one"], "y", vec![]));
    assert_eq!((graph.reads("a"), graph.reads("d"), graph.reads("one")), (1, 0, 1));
    assert!(graph.producer("d", "Abs").is_none());
    assert_eq!(operations(&graph.into_proto()), ["Reshape", "Identity", "Abs", "Add"]);
}
