//! Cines: sequences of frames in which probe and tissue move, with an exact mask of one target on
//! every frame.
//!
//! A cine is one scene that is imaged again and again. `script` draws what moves and what happens:
//! the probe slides, rocks and tilts, the patient breathes, vessels pulsate, the plane leaves the
//! target and returns, a shadow passes, the gain is changed, the picture is frozen. `pose` maps each
//! place of the scan to the point of the tissue that lies there. Tissue, scatterers (`speckle`) and
//! mask are all read at that point, so they move together. `section` gives structures an extent
//! above and below the first plane and cuts them at the height of the frame; scatterers and textures
//! change with that height, too. Only the receiver's noise is new in every frame.
//!
//! The first frame is the scene as a still frame would show it; every motion is relative to it.

mod body;
mod centre;
mod pose;
mod record;
mod script;
mod section;
mod shadow;
mod solid;
mod speckle;
#[cfg(test)]
mod tests;
mod write;

pub use record::{CineRecord, FrameRecord, Prompt, SequenceRecord};
pub use write::{CineDatasetConfig, CineSummary, cine_stem, write_cine_dataset};

use crate::acquire;
use crate::anatomy::Anatomy;
use crate::compose::{Frame, compose};
use crate::config::PhantomConfig;
use crate::display::Display;
use crate::error::PhantomError;
use crate::geometry::{Geometry, Place};
use crate::probe::{Probe, Receiver};
use crate::stream::{Purpose, Stream};
use crate::target::TargetKind;
use body::{Body, View};
use image::{GrayImage, Luma};
use pose::Seat;
use script::Script;
use serde::{Deserialize, Serialize};
use speckle::Speckle;

/// Most frames of a cine, and most cines of a data set: file names have four digits.
pub const MAX_FRAMES: u32 = 9999;

/// Choices for all cines of a run.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CineConfig {
    /// Frames of a cine.
    pub frames: u32,
    /// Frames a second.
    pub frame_rate_hz: f32,
    /// Probe, scene and size of a frame. Frames are 320x256 px if the size is absent.
    /// `empty_share` has no effect: a cine always has a target.
    pub phantom: PhantomConfig,
}

impl Default for CineConfig {
    fn default() -> Self {
        Self { frames: 200, frame_rate_hz: 20.0, phantom: PhantomConfig::default() }
    }
}

impl CineConfig {
    /// Checks the ranges.
    ///
    /// # Errors
    /// [`PhantomError`], naming what was found.
    pub fn validate(&self) -> Result<(), PhantomError> {
        if !(1..=MAX_FRAMES).contains(&self.frames) {
            return Err(PhantomError::Frames { most: MAX_FRAMES, found: self.frames });
        }
        if !(1.0..=200.0).contains(&self.frame_rate_hz) {
            return Err(PhantomError::FrameRate { found: self.frame_rate_hz });
        }
        self.phantom.validate()
    }
}

/// A sequence of frames, fixed by (seed, index, config).
#[derive(Clone, Debug)]
pub struct Cine {
    seed: u64,
    index: u32,
    config: CineConfig,
    anatomy: Anatomy,
    geometry: Geometry,
    probe: Probe,
    receiver: Receiver,
    display: Display,
    body: Body,
    script: Script,
    speckle: Speckle,
    /// The scan of the geometry.
    scan: Vec<Option<(f32, f32)>>,
}

/// One frame of a cine.
#[derive(Clone, Debug)]
pub struct CineFrame {
    /// The picture, 0 to 255; black where nothing is scanned.
    pub image: GrayImage,
    /// The tracked target, of the same size, 0 or 255; empty when the plane does not cut it.
    pub mask: GrayImage,
    /// Whether the mask has any pixel.
    pub visible: bool,
    /// What has happened up to this frame.
    pub state: FrameState,
}

/// What is simulated in a frame.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct FrameState {
    /// Area of the cut through the target relative to the cut through its middle; 0 when the plane
    /// does not meet it. 1 for targets that go on above and below the plane.
    pub in_plane: f32,
    /// Pixels of the mask.
    pub area_px: u32,
    /// Where the target's centre is, or would be while it is not cut, px (x, y); pixel centres are
    /// integers. It may lie outside the frame. A strip's is a point of its middle line.
    pub centre_px: [f32; 2],
    /// How far the centre moved since the frame before, px (x, y); 0 in the first.
    pub motion_px: [f32; 2],
    /// Relative change of the target's radius by pulsation.
    pub pulsation: f32,
    /// Change of gain since the first frame, dB.
    pub gain_db: f32,
    /// Share of the mask that lies in the passing shadow.
    pub shadow: f32,
    /// Whether this is the same picture as the frame before: the console is frozen.
    pub frozen: bool,
}

impl Cine {
    /// The sequence `index` of the run `seed`.
    ///
    /// `config` is taken as valid ([`CineConfig::validate`]); out-of-range values are clamped.
    #[must_use]
    pub fn new(seed: u64, index: u32, config: &CineConfig) -> Self {
        let size_px = config.phantom.size_px.unwrap_or([320, 256]);
        let phantom = PhantomConfig { size_px: Some(size_px), empty_share: 0.0, ..config.phantom };
        let config = CineConfig {
            frames: config.frames.clamp(1, MAX_FRAMES),
            frame_rate_hz: config.frame_rate_hz.clamp(1.0, 200.0),
            phantom,
        };
        let mut motion = Stream::new(seed, index, Purpose::Motion);
        let mut frame = compose(seed, index, &phantom);
        frame.probe = frame.probe.for_cine(&frame.geometry);
        let elevation_mm = 1.6 * frame.probe.focus_sigma_mm;
        let body = Body::new(&frame, elevation_mm, &mut motion);
        let speckle = Speckle::new(seed, index, &frame.probe, 2.0 * elevation_mm);
        let Frame { anatomy, geometry, probe, receiver, display, .. } = frame;
        let script = Script::default();
        let mut cine = Self {
            seed,
            index,
            config,
            anatomy,
            geometry,
            probe,
            receiver,
            display,
            body,
            script,
            speckle,
            scan: geometry.scan(),
        };
        cine.expose();
        cine.script = Script::random(&cine.body, &geometry, &config, &mut motion);
        cine
    }

    /// In a scene with organs: the gain that a sonographer chooses for the first frame, and a target
    /// that can be seen with it.
    fn expose(&mut self) {
        if self.body.organs().is_none() {
            return;
        }
        let seat = self.seat(0);
        let envelope = self.envelope(0, &seat, &self.body.view(&seat));
        self.display = self.display.exposed(&envelope);
        let picture = self.display.show(&envelope, &self.geometry, &self.scan);
        let seen = self.body.organs().and_then(|organs| {
            let mut choice = organs.choice.clone();
            organs.labels.choose(&organs.map, &self.geometry, Some(&picture), &mut choice)
        });
        if let Some(seen) = seen {
            self.body.retarget(&seen, &self.geometry);
        }
    }

    /// Number of frames.
    #[must_use]
    pub fn len(&self) -> u32 {
        self.config.frames
    }

    /// Whether there are no frames; never the case.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.config.frames == 0
    }

    /// Frames a second.
    #[must_use]
    pub fn frame_rate_hz(&self) -> f32 {
        self.config.frame_rate_hz
    }

    /// Side of a (square) pixel, mm.
    #[must_use]
    pub fn pixel_spacing_mm(&self) -> f32 {
        self.geometry.mm_per_px
    }

    /// Kind of the tracked target.
    #[must_use]
    pub fn kind(&self) -> TargetKind {
        self.body.kind
    }

    /// Body region.
    #[must_use]
    pub fn anatomy(&self) -> Anatomy {
        self.anatomy
    }

    /// Probe and scan conversion.
    #[must_use]
    pub fn geometry(&self) -> Geometry {
        self.geometry
    }

    /// Simulates a frame; the last one for numbers beyond it. Frames may be asked for in any order
    /// and are the same in each; in order is fastest.
    pub fn frame(&mut self, number: u32) -> CineFrame {
        let number = number.min(self.config.frames - 1);
        let shown = self.script.shown(number);
        let seat = self.seat(shown);
        let view = self.body.view(&seat);
        let envelope = self.envelope(shown, &seat, &view);
        let image = self.display.show(&envelope, &self.geometry, &self.scan);
        let (mask, state) = self.truth(number, &seat, &view);
        CineFrame { image, mask, visible: state.area_px > 0, state }
    }

    /// Mask and state of a frame.
    fn truth(&self, number: u32, seat: &Seat, view: &View) -> (GrayImage, FrameState) {
        let shown = self.script.shown(number);
        let mask = self.mask(seat, view);
        let area_px = mask.pixels().filter(|pixel| pixel.0[0] > 0).count() as u32;
        let centre_px = self.centre_px(number);
        let before = self.centre_px(number.saturating_sub(1));
        let state = FrameState {
            in_plane: view.in_plane,
            area_px,
            centre_px,
            motion_px: [centre_px[0] - before[0], centre_px[1] - before[1]],
            pulsation: seat.pose.swell,
            gain_db: self.script.gain_db(self.time_s(shown)),
            shadow: self.shadowed(shown, &mask, area_px),
            frozen: shown < number,
        };
        (mask, state)
    }

    /// The frames in order.
    pub fn frames(&mut self) -> impl Iterator<Item = CineFrame> + '_ {
        (0..self.config.frames).map(|number| self.frame(number))
    }

    fn time_s(&self, shown: u32) -> f32 {
        shown as f32 / self.config.frame_rate_hz
    }

    fn seat(&self, shown: u32) -> Seat {
        self.body.seat(&self.geometry, self.script.pose(self.time_s(shown)))
    }

    /// The envelope of a frame that is not frozen.
    fn envelope(&mut self, shown: u32, seat: &Seat, view: &View) -> acquire::Envelope {
        let Self { seed, index, geometry, probe, .. } = *self;
        let time_s = self.time_s(shown);
        let mut receiver = self.receiver.clone();
        let gain_db = self.script.gain_db(time_s);
        receiver.bands_db.iter_mut().for_each(|band| *band += gain_db);
        let shadow = self.script.shadow(time_s);
        let tissue = |place: &Place, seated: &Place| {
            let mut local = view.at(seated);
            if let Some(shadow) = &shadow {
                shadow.cast(
                    geometry.beam_position(place.x, place.z),
                    probe.frequency_mhz,
                    &mut local,
                );
            }
            local
        };
        let mut places = Vec::with_capacity(probe.beams * probe.samples);
        let seated = |place: &Place| {
            places.push(seat.tissue(place));
            places[places.len() - 1]
        };
        let field = acquire::illuminate(tissue, seated, &geometry, &probe, &receiver);
        self.speckle.place(&geometry, seat, &places);
        let speckle = &self.speckle;
        let look = |look: usize| {
            let branch = u64::from(shown) * 64 + look as u64;
            let mut noise = Stream::branch(seed, index, Purpose::Noise, branch);
            let cell = |sample, beam| speckle.at(look, sample, beam);
            acquire::receive(&field, &geometry, &probe, &receiver, (cell, 1.0), &mut noise)
        };
        let first = look(0);
        acquire::compound(first, (1..probe.looks).map(look))
    }

    fn mask(&self, seat: &Seat, view: &View) -> GrayImage {
        let geometry = &self.geometry;
        let width = geometry.width_px;
        GrayImage::from_fn(width, geometry.height_px, |column, row| {
            let inside = self.scan[(row * width + column) as usize].is_some_and(|(_, depth)| {
                let [x, z] = geometry.pixel_to_mm(column, row);
                view.in_target(&seat.tissue(&Place { x, z, depth, beam: [0.0, 1.0] }))
            });
            Luma([if inside { 255 } else { 0 }])
        })
    }

    /// Where the target's centre is in a frame; while the console is frozen, where it was.
    fn centre_px(&self, number: u32) -> [f32; 2] {
        let seat = self.seat(self.script.shown(number));
        let [x, z] = seat.scan(&self.geometry, self.body.reference(&seat));
        self.geometry.mm_to_pixel(x, z)
    }

    fn shadowed(&self, shown: u32, mask: &GrayImage, area_px: u32) -> f32 {
        let Some(shadow) = self.script.shadow(self.time_s(shown)) else { return 0.0 };
        let pixels = mask.pixels().zip(&self.scan);
        let covered = pixels.filter(|(pixel, place)| {
            pixel.0[0] > 0 && place.is_some_and(|place| shadow.covers(place))
        });
        covered.count() as f32 / area_px.max(1) as f32
    }
}
