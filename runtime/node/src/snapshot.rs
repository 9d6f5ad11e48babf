//! A session after a frame: the newest one replaces the one before, and readers share it.

use crate::picture;
use crate::state::State;
use axum::body::Bytes;
use std::sync::{Arc, OnceLock};
use tokio::sync::OnceCell;
use tokio::task::spawn_blocking;
use uniultra_core::Mask;
use uniultra_live::CapturedFrame;

/// The state after a frame, the frame, and the masks. Pictures are encoded when somebody asks, once for all.
#[derive(Debug, Default)]
pub(crate) struct Snapshot {
    pub(crate) state: State,
    /// `None` before the first frame.
    pub(crate) captured: Option<Arc<CapturedFrame>>,
    /// Label and mask of each object that has one.
    pub(crate) masks: Vec<(u8, Mask)>,
    /// Whether the frame is another than in the snapshot before.
    pub(crate) new_frame: bool,
    jpeg: OnceLock<Arc<Vec<u8>>>,
    png: OnceCell<Bytes>,
}

impl Snapshot {
    pub(crate) fn new(
        state: State,
        captured: Option<Arc<CapturedFrame>>,
        masks: Vec<(u8, Mask)>,
        new_frame: bool,
    ) -> Self {
        Self { state, captured, masks, new_frame, jpeg: OnceLock::new(), png: OnceCell::new() }
    }

    /// The frame as JPEG; empty before the first frame.
    pub(crate) fn jpeg(&self) -> Arc<Vec<u8>> {
        let encode = || {
            let captured = self.captured.as_ref()?;
            let jpeg = picture::jpeg(&captured.frame);
            jpeg.inspect_err(|error| log::warn!("frame {}: {error}", captured.number)).ok()
        };
        self.jpeg.get_or_init(|| Arc::new(encode().unwrap_or_default())).clone()
    }

    /// The frame as PNG, encoded beside the server's thread.
    pub(crate) async fn png(&self) -> Result<Bytes, String> {
        let encode = || async {
            let captured = self.captured.clone().ok_or("no frame has come yet")?;
            let encoded = spawn_blocking(move || picture::png(&captured.frame)).await;
            encoded.map_err(|e| e.to_string())?.map(Bytes::from).map_err(|e| e.to_string())
        };
        self.png.get_or_try_init(encode).await.cloned()
    }

    /// The label map of all masks, row by row.
    pub(crate) fn labels(&self) -> Vec<u8> {
        let masks = self.masks.iter().map(|(label, mask)| (*label, mask));
        picture::label_map(self.state.width, self.state.height, masks)
    }
}
