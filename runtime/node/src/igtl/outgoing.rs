//! What peers get after each frame: a label map, outlines, the state.

use super::places::{Place, Places};
use crate::snapshot::Snapshot;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use uniultra_igtl::{Content, Image, Message, Pixels, PolyData};

/// Whether a peer speaks version 3 of the protocol: it gets answers in the form that it used itself, because older
/// programs cannot skip the new one.
#[derive(Clone, Debug, Default)]
pub(super) struct Form(Arc<AtomicBool>);

impl Form {
    /// The peer has used the extended form.
    pub(super) fn extend(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    pub(super) fn apply(&self, message: Message) -> Message {
        if self.0.load(Ordering::Relaxed) { message.extended(0, Vec::new()) } else { message }
    }
}

/// Label map, outlines and state of a snapshot; nothing before the first frame. Without objects they are empty, so that
/// no viewer keeps an outline of one that was removed.
pub(super) fn messages(snapshot: &Snapshot, places: &Places) -> Vec<Message> {
    let state = &snapshot.state;
    if snapshot.captured.is_none() {
        return Vec::new();
    }
    let place = place_of(snapshot, places);
    let size = [state.width, state.height];
    let labels = Image {
        width: state.width,
        height: state.height,
        pixels: Pixels::Gray8(snapshot.labels()),
        geometry: place.geometry,
    };
    let outlines = state.objects.iter().flat_map(|object| &object.contour);
    let in_space = |outline: &Vec<[f32; 2]>| {
        outline.iter().map(|pixel| place.geometry.position(size, *pixel)).collect()
    };
    let outlines = PolyData::closed_lines(outlines.map(in_space).collect::<Vec<_>>());
    let message = |kind, content| Message::new(place.answer_name(kind), place.time, content);
    let mut messages = vec![
        message("mask", Content::Image(labels)),
        message("outline", Content::PolyData(outlines)),
    ];
    // A state that is too long for the message leaves out what the outline's message says anyway.
    let mut brief = state.clone();
    brief.objects.iter_mut().for_each(|object| object.contour.clear());
    if let Ok(text) = serde_json::to_string(&brief) {
        messages.push(message("state", Content::Text(text)));
    }
    messages
}

/// Where a snapshot's frame is.
pub(super) fn place_of(snapshot: &Snapshot, places: &Places) -> Place {
    let state = &snapshot.state;
    let flat = || Place::flat(state.frame, state.pixel_spacing_mm, [state.width, state.height]);
    places.find(state.frame).unwrap_or_else(flat)
}
