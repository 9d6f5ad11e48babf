//! What moves in a cine, and what happens to it.

use super::CineConfig;
use super::body::Body;
use super::pose::Pose;
use super::shadow::Shadow;
use crate::geometry::{Geometry, GeometryKind};
use crate::noise::smoothstep;
use crate::stream::Stream;
use crate::target::TargetKind;
use std::f32::consts::TAU;

/// A motion to and fro that is zero in the first frame.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Wave {
    pub(super) amplitude: f32,
    pub(super) frequency_hz: f32,
    pub(super) phase: f32,
}

impl Wave {
    fn random(amplitude: f32, frequencies_hz: [f32; 2], stream: &mut Stream) -> Self {
        let frequency_hz = stream.uniform(frequencies_hz[0], frequencies_hz[1]);
        Self { amplitude, frequency_hz, phase: stream.uniform(0.0, TAU) }
    }

    pub(super) fn at(&self, time_s: f32) -> f32 {
        let turn = TAU * self.frequency_hz * time_s + self.phase;
        self.amplitude * (turn.sin() - self.phase.sin())
    }
}

/// The plane leaves the target and returns.
#[derive(Clone, Copy, Debug)]
pub(super) struct Excursion {
    pub(super) start_s: f32,
    /// How long the way out takes, and the way back.
    pub(super) way_s: f32,
    /// How long the plane stays away.
    pub(super) away_s: f32,
    pub(super) height_mm: f32,
}

/// A shadow that passes from one side to the other.
#[derive(Clone, Copy, Debug)]
pub(super) struct Passing {
    pub(super) start_s: f32,
    pub(super) end_s: f32,
    /// 1 from left to right, -1 from right to left.
    pub(super) direction: f32,
    pub(super) shadow: Shadow,
}

/// A turn of the gain knob.
#[derive(Clone, Copy, Debug)]
pub(super) struct GainStep {
    pub(super) at_s: f32,
    pub(super) over_s: f32,
    pub(super) change_db: f32,
}

#[derive(Clone, Debug, Default)]
pub(super) struct Script {
    pub(super) slide: Wave,
    /// The hand's tremor.
    pub(super) tremor: Wave,
    pub(super) rock: Wave,
    pub(super) tilt: Wave,
    pub(super) height: Wave,
    pub(super) breath: Wave,
    /// Motion across relative to motion towards the probe, of breathing.
    pub(super) sway: f32,
    pub(super) pulse: Wave,
    pub(super) excursion: Option<Excursion>,
    pub(super) passing: Option<Passing>,
    pub(super) gain: Vec<GainStep>,
    /// First and last frame of a freeze: all show the first.
    pub(super) freeze: Option<[u32; 2]>,
}

/// Least section (relative to the largest radius) that is left without an excursion.
const LEAST_SECTION: f32 = 0.5;

impl Script {
    /// A random course of events for a body.
    pub(super) fn random(
        body: &Body,
        geometry: &Geometry,
        config: &CineConfig,
        stream: &mut Stream,
    ) -> Self {
        let depth = geometry.depth_mm;
        let (_, target_depth) = geometry.beam_position(body.centre[0], body.centre[1]);
        let target_depth = target_depth.max(0.1 * depth);
        let half_span = geometry.half_span_mm(target_depth);
        let height = body.half_height_mm;
        let length_s = config.frames as f32 / config.frame_rate_hz;
        let sometimes = |chance: f32, low: f32, high: f32, stream: &mut Stream| {
            let size = stream.uniform(low, high);
            if stream.chance(chance) { size } else { 0.0 }
        };
        // A sector probe stays between the ribs.
        let way = if geometry.kind == GeometryKind::Sector { 0.3 } else { 1.0 };
        let slide = way * half_span * sometimes(0.8, 0.05, 0.3, stream);
        let rock = sometimes(0.6, 0.02, 0.09, stream);
        let tilt = height / target_depth * sometimes(0.7, 0.1, 0.35, stream);
        let lift = height * sometimes(0.5, 0.05, 0.25, stream);
        let breath = (depth * sometimes(0.6, 0.008, 0.035, stream)).min(5.0);
        let mut script = Self {
            slide: Wave::random(slide, [0.04, 0.16], stream),
            tremor: Wave::random(depth * stream.uniform(0.0005, 0.003), [1.2, 3.5], stream),
            rock: Wave::random(rock, [0.05, 0.25], stream),
            tilt: Wave::random(tilt, [0.05, 0.2], stream),
            height: Wave::random(lift, [0.05, 0.25], stream),
            breath: Wave::random(breath, [0.2, 0.3], stream),
            sway: stream.uniform(-0.4, 0.4),
            pulse: Wave {
                phase: 0.0,
                ..Wave::random(pulse(body.kind, stream), [1.0, 1.5], stream)
            },
            ..Self::default()
        };
        let leaves = body.leaves && stream.chance(0.3);
        let excursion = Excursion {
            start_s: length_s * stream.uniform(0.25, 0.5),
            way_s: stream.uniform(0.5, 1.3).min(0.12 * length_s),
            away_s: stream.uniform(0.8, 2.5).min(0.2 * length_s),
            height_mm: height * 2.2 * if stream.chance(0.5) { 1.0 } else { -1.0 },
        };
        // Some slide so far that the target is cut off by the side of the picture, or leaves it.
        let roams = !leaves && slide > 0.0 && stream.chance(0.15);
        script.tame(body, geometry, config, roams);
        if roams {
            script.slide.amplitude = half_span * stream.uniform(0.4, 0.7);
        }
        script.excursion = leaves.then_some(excursion);
        let passing = passing(length_s, body, target_depth, geometry, stream);
        script.passing = stream.chance(0.35).then_some(passing);
        if stream.chance(0.4) {
            script.gain = gain(length_s, stream);
        }
        let first = (config.frames as f32 * stream.uniform(0.2, 0.8)) as u32;
        let frames =
            (config.frame_rate_hz * stream.uniform(0.4, 1.3)).min(0.2 * config.frames as f32);
        let last = (first + frames as u32).min(config.frames - 1);
        if stream.chance(0.25) && first > 0 && last > first {
            script.freeze = Some([first, last]);
        }
        script
    }

    /// Makes motions smaller until the target stays in the picture and well in the plane.
    fn tame(&mut self, body: &Body, geometry: &Geometry, config: &CineConfig, roams: bool) {
        const TRIES: usize = 24;
        const SMALLER: f32 = 0.85;
        let seat = |pose| body.seat(geometry, pose);
        let margin = {
            let [x, z] = body.reference(&seat(Pose::default()));
            let wide = 0.8 * body.radius_mm;
            if geometry.shows(x, z, wide) { wide } else { 0.0 }
        };
        for _ in 0..TRIES {
            let (mut strays, mut fades) = (false, false);
            for number in 0..config.frames {
                let seat = seat(self.pose(number as f32 / config.frame_rate_hz));
                let [x, z] = seat.scan(geometry, body.reference(&seat));
                strays |= body.bounded && !geometry.shows(x, z, margin);
                fades |= body.section(&seat) < LEAST_SECTION;
            }
            if !strays && !fades {
                return;
            }
            if strays && !roams {
                for wave in [&mut self.slide, &mut self.rock, &mut self.breath, &mut self.tremor] {
                    wave.amplitude *= SMALLER;
                }
            }
            if fades || (strays && body.drifts) {
                self.tilt.amplitude *= SMALLER;
                self.height.amplitude *= SMALLER;
            }
        }
    }

    /// Where probe and tissue are at a time.
    pub(super) fn pose(&self, time_s: f32) -> Pose {
        let up = self.breath.at(time_s);
        let away = self.excursion.map_or(0.0, |excursion| excursion.height_mm(time_s));
        Pose {
            slide_mm: self.slide.at(time_s) + self.tremor.at(time_s),
            rock_rad: self.rock.at(time_s),
            breath_mm: [up, self.sway * up],
            height_mm: self.height.at(time_s) + away,
            tilt_rad: self.tilt.at(time_s),
            swell: self.pulse.at(time_s),
        }
    }

    /// The frame that the console shows at a frame's time.
    pub(super) fn shown(&self, number: u32) -> u32 {
        match self.freeze {
            Some([first, last]) if (first..=last).contains(&number) => first,
            _ => number,
        }
    }

    /// Change of gain since the first frame, dB.
    pub(super) fn gain_db(&self, time_s: f32) -> f32 {
        let turned = |step: &GainStep| {
            step.change_db * smoothstep(step.at_s, step.at_s + step.over_s, time_s)
        };
        // A sum of nothing is -0.
        self.gain.iter().map(turned).sum::<f32>() + 0.0
    }

    /// The shadow at a time.
    pub(super) fn shadow(&self, time_s: f32) -> Option<Shadow> {
        let passing = self.passing?;
        let share = (time_s - passing.start_s) / (passing.end_s - passing.start_s);
        if !(0.0..=1.0).contains(&share) {
            return None;
        }
        let beyond = 1.0 + 1.3 * passing.shadow.half_width;
        let middle = passing.direction * beyond * (2.0 * share - 1.0);
        Some(Shadow { middle, ..passing.shadow })
    }
}

impl Excursion {
    fn height_mm(&self, time_s: f32) -> f32 {
        let out_s = self.start_s + self.way_s;
        let back_s = out_s + self.away_s;
        let out = smoothstep(self.start_s, out_s, time_s);
        let back = smoothstep(back_s, back_s + self.way_s, time_s);
        self.height_mm * (out - back)
    }
}

/// Relative change of radius with the heartbeat.
fn pulse(kind: TargetKind, stream: &mut Stream) -> f32 {
    match kind {
        TargetKind::Vessel => stream.uniform(0.02, 0.07),
        TargetKind::Cyst => stream.uniform(0.0, 0.04),
        TargetKind::Chamber => stream.uniform(0.07, 0.2),
        TargetKind::Myocardium => stream.uniform(0.03, 0.1),
        _ => 0.0,
    }
}

fn passing(
    length_s: f32,
    body: &Body,
    target_depth: f32,
    geometry: &Geometry,
    stream: &mut Stream,
) -> Passing {
    let start_s = length_s * stream.uniform(0.1, 0.5);
    let above = (target_depth - body.radius_mm).max(0.04 * geometry.depth_mm);
    Passing {
        start_s,
        end_s: start_s + length_s * stream.uniform(0.2, 0.45),
        direction: if stream.chance(0.5) { 1.0 } else { -1.0 },
        shadow: Shadow {
            middle: 0.0,
            half_width: stream.uniform(0.06, 0.2),
            top_mm: above.min(geometry.depth_mm * stream.uniform(0.02, 0.08)),
            thickness_mm: 0.02 * geometry.depth_mm,
            loss_db: stream.uniform(14.0, 32.0),
        },
    }
}

/// One to three turns of the knob; the gain stays within 9 dB of the first frame's.
fn gain(length_s: f32, stream: &mut Stream) -> Vec<GainStep> {
    const MOST_DB: f32 = 9.0;
    let mut now = 0.0;
    let count = stream.integer(1, 3);
    (0..count)
        .map(|turn| {
            let share = (turn as f32 + stream.uniform(0.2, 0.9)) / count as f32;
            let next = stream.uniform(-MOST_DB, MOST_DB);
            let change_db = next - now;
            now = next;
            GainStep { at_s: length_s * share, over_s: stream.uniform(0.05, 0.6), change_db }
        })
        .collect()
}
