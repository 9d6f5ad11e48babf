//! The choices of a frame: region, probe, machine, scene.

use crate::anatomy::Anatomy;
use crate::config::{PhantomConfig, Scenes};
use crate::display::Display;
use crate::framing;
use crate::geometry::Geometry;
use crate::organs::{self, Chosen, Labels, OrganMap};
use crate::population::populate;
use crate::probe::{Probe, Receiver};
use crate::scene::Scene;
use crate::stream::{Purpose, Stream};

/// All choices of a frame, before any echo.
pub(crate) struct Frame {
    pub(crate) anatomy: Anatomy,
    pub(crate) geometry: Geometry,
    pub(crate) probe: Probe,
    pub(crate) receiver: Receiver,
    pub(crate) display: Display,
    pub(crate) content: Content,
}

/// The scanned area.
pub(crate) enum Content {
    Classic(Scene),
    Organs(Box<Organs>),
}

/// A scene with organs.
#[derive(Clone, Debug)]
pub(crate) struct Organs {
    pub(crate) map: OrganMap,
    pub(crate) labels: Labels,
    /// The start of the choice of targets.
    pub(crate) choice: Stream,
    /// The targets if everything can be seen.
    pub(crate) first: Chosen,
}

pub(crate) fn compose(seed: u64, index: u32, config: &PhantomConfig) -> Frame {
    if config.scenes == Scenes::Classic {
        return compose_classic(seed, index, config);
    }
    let mut choice = Stream::new(seed, index, Purpose::Choice);
    let empty = choice.chance(config.empty_share);
    let organs = if empty { None } else { compose_organs(seed, index, config, &choice) };
    organs.unwrap_or_else(|| {
        let empty_share = if empty { 1.0 } else { 0.0 };
        compose_classic(seed, index, &PhantomConfig { empty_share, ..*config })
    })
}

/// A frame with organs; none where nothing that is seen is fit to be a target.
fn compose_organs(seed: u64, index: u32, config: &PhantomConfig, choice: &Stream) -> Option<Frame> {
    const TRIES: u32 = 6;
    let mut setup = Stream::new(seed, index, Purpose::Setup);
    let (anatomy, geometry, frequency_mhz) = organs::setting(config, &mut setup);
    let mut anatomy_stream = Stream::new(seed, index, Purpose::Anatomy);
    let organs = (0..TRIES).find_map(|_| {
        let map = organs::populate(anatomy, &geometry, frequency_mhz, &mut anatomy_stream);
        let labels = Labels::read(&map, &geometry);
        let first = labels.choose(&map, &geometry, None, &mut choice.clone())?;
        Some(Organs { map, labels, choice: choice.clone(), first })
    })?;
    Some(Frame {
        anatomy,
        geometry,
        probe: Probe::random(&geometry, frequency_mhz, &mut setup),
        receiver: Receiver::of_organs(&geometry, anatomy.attenuation(), &mut setup),
        display: Display::of_organs(anatomy, &mut setup),
        content: Content::Organs(Box::new(organs)),
    })
}

fn compose_classic(seed: u64, index: u32, config: &PhantomConfig) -> Frame {
    let mut setup = Stream::new(seed, index, Purpose::Setup);
    let mut anatomy_stream = Stream::new(seed, index, Purpose::Anatomy);
    let kind = framing::geometry_kind(config.geometry, &mut setup);
    let with_targets = !setup.chance(config.empty_share);
    let anatomy = Anatomy::random(kind, with_targets, &mut setup);
    let (depths, frequencies) = anatomy.settings(kind);
    let depth_mm = setup.uniform(depths[0], depths[1]);
    let geometry = framing::geometry(kind, anatomy, config.size_px, depth_mm, &mut setup);
    let frequency_mhz = setup.uniform(frequencies[0], frequencies[1]);
    let probe = Probe::random(&geometry, frequency_mhz, &mut setup);
    let receiver = Receiver::random(kind, anatomy.attenuation(), &mut setup);
    let display = Display::random(kind, &mut setup);
    let scene = populate(anatomy, &geometry, frequency_mhz, with_targets, &mut anatomy_stream);
    Frame { anatomy, geometry, probe, receiver, display, content: Content::Classic(scene) }
}
