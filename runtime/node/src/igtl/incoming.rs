//! What peers send: images for the source, points and texts as prompts.

use super::Link;
use super::outgoing::{Form, place_of};
use super::places::Place;
use crate::command::{Answer, Command};
use uniultra_core::{Frame, PixelSpacing, Pixels};
use uniultra_igtl::{
    Content, Geometry, HeaderVersion, Image, Message, Pixels as Samples, Point, Status, Timestamp,
};

/// What this server reads and writes.
const TYPES: [&str; 7] =
    ["IMAGE", "POINT", "STRING", "GET_STATUS", "GET_CAPABIL", "POLYDATA", "STATUS"];

/// Devices whose points belong to one object each; more than a session has objects.
const MAX_DEVICES: usize = 16;

/// Names and groups of points that say where the object is not.
const OUTSIDE: [&str; 3] = ["outside", "negative", "background"];

pub(super) struct Incoming {
    link: Link,
    form: Form,
    /// Device of each POINT message, and the object that its points belong to.
    objects: heapless::Vec<(String, u32), MAX_DEVICES>,
}

impl Incoming {
    pub(super) fn new(link: Link, form: Form) -> Self {
        Self { link, form, objects: heapless::Vec::new() }
    }

    /// Acts on a message; the answer, if it needs one.
    pub(super) async fn take(&mut self, message: Message) -> Option<Message> {
        if message.header.version == HeaderVersion::Extended {
            self.form.extend();
        }
        let device = message.header.device_name;
        let outcome = match message.content {
            Content::Image(image) => self.take_image(image, device, message.header.timestamp),
            Content::Points(points) => self.take_points(&points, &device).await,
            Content::Text(text) => return Some(self.take_text(&text).await),
            Content::GetStatus => Ok(()),
            Content::GetCapability => {
                let names = TYPES.map(str::to_string).to_vec();
                return Some(self.answer("can", Content::Capability(names)));
            }
            // Transforms of other devices, states of the peer, and types that are not read here.
            _ => return None,
        };
        match outcome {
            // An image is answered by its mask.
            Ok(()) if message.header.type_name == "IMAGE" => None,
            Ok(()) => {
                let status = Status { code: Status::OK, ..Status::default() };
                Some(self.answer("status", Content::Status(status)))
            }
            Err(reason) => {
                log::warn!("OpenIGTLink: {}: {reason}", message.header.type_name);
                Some(self.refusal(&reason))
            }
        }
    }

    /// Says why something was refused.
    pub(super) fn refusal(&self, reason: &str) -> Message {
        let status = Status {
            code: Status::ILLEGAL_INSTRUCTION,
            name: "refused".to_string(),
            text: reason.to_string(),
            ..Status::default()
        };
        self.answer("status", Content::Status(status))
    }

    /// A message that could not be read counts as an error of the source.
    pub(super) fn source_error(&self) {
        self.link.shared.source.count_error();
    }

    fn answer(&self, kind: &str, content: Content) -> Message {
        let snapshot = self.link.snapshots.borrow().clone();
        let place = place_of(&snapshot, &self.link.places);
        Message::new(place.answer_name(kind), place.time, content)
    }

    fn take_image(&self, image: Image, device: String, time: Timestamp) -> Result<(), String> {
        let Some(feed) = &self.link.feed else {
            return Err("images are read only with --source igtl".to_string());
        };
        let [x_mm, y_mm, _] = image.geometry.spacing();
        // Beyond what a scanner has, lengths would mean nothing.
        let spacing = PixelSpacing::with_sides(x_mm, y_mm).ok();
        let geometry = image.geometry;
        let pixels = match image.pixels {
            Samples::Gray8(samples) => Pixels::Gray8(samples),
            Samples::Gray16(samples) => Pixels::Gray16(samples),
            Samples::Rgb8(samples) => Pixels::Rgb8(samples.into_flattened()),
            _ => return Err("expected uint8, uint16 or RGB pixels, found signed ones".to_string()),
        };
        let frame = Frame::new(image.width, image.height, pixels).map_err(|e| e.to_string())?;
        // The place must be known before the frame can be answered.
        feed.put_with(frame, spacing, |number| {
            self.link.places.note(Place { number, device, time, geometry });
        });
        Ok(())
    }

    /// Points in space, as clicks on the frame that is shown. The device's name tells objects apart.
    async fn take_points(&mut self, points: &[Point], device: &str) -> Result<(), String> {
        for point in points {
            let snapshot = self.link.snapshots.borrow().clone();
            let place = place_of(&snapshot, &self.link.places);
            let size = [snapshot.state.width, snapshot.state.height];
            let [x, y] = pixel(&place.geometry, size, point.position)
                .ok_or("expected an image whose pixels span a plane, found a line")?;
            let says = |word: &String| OUTSIDE.contains(&word.to_ascii_lowercase().as_str());
            let inside = ![&point.name, &point.group].into_iter().any(says);
            let [x, y] = [clamped(x, size[0]), clamped(y, size[1])];
            let object = self.objects.iter().find(|(name, _)| name == device).map(|(_, id)| *id);
            let click = |object| {
                let frame = Some(snapshot.state.frame);
                Command::Point { object, frame, x, y, inside }
            };
            let mut answered = self.link.commands.ask(click(object)).await;
            // Somebody may have removed the object: then the device starts another.
            if answered.is_err() && object.is_some() {
                answered = self.link.commands.ask(click(None)).await;
            }
            if let Some(id) = answered? {
                self.objects.retain(|(name, _)| name != device);
                // With the list full, the next message starts another object.
                let _ = self.objects.push((device.to_string(), id));
            }
        }
        Ok(())
    }

    /// A command in JSON, as the page sends it.
    async fn take_text(&self, text: &str) -> Message {
        let answer: Answer = match Command::read(text.as_bytes()) {
            Ok(command) => self.link.commands.ask(command).await,
            Err(message) => Err(message),
        };
        let json = match answer {
            Ok(object) => serde_json::json!({ "type": "done", "object": object }),
            Err(message) => serde_json::json!({ "type": "error", "message": message }),
        };
        self.answer("answer", Content::Text(json.to_string()))
    }
}

/// A coordinate of half a pixel beyond the picture's edge, moved to it: rounding in space takes that much.
fn clamped(px: f32, side: usize) -> f32 {
    let last = side as f32;
    if (-0.5..=last + 0.5).contains(&px) { px.clamp(0.0, last) } else { px }
}

/// The pixel nearest to a place in space: the foot of the perpendicular on the image's plane. `None` if the image's
/// axes are parallel.
fn pixel(geometry: &Geometry, size: [usize; 2], position: [f32; 3]) -> Option<[f32; 2]> {
    let [i, j, _] = geometry.steps.map(|step| step.map(f64::from));
    let origin = geometry.origin(size).map(f64::from);
    let way = [0, 1, 2].map(|axis| f64::from(position[axis]) - origin[axis]);
    let dot = |a: [f64; 3], b: [f64; 3]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
    // The least squares solution of x i + y j = way; the axes may be oblique.
    let (ii, ij, jj) = (dot(i, i), dot(i, j), dot(j, j));
    let (iw, jw) = (dot(i, way), dot(j, way));
    let determinant = ii * jj - ij * ij;
    (determinant > 1e-12 * ii * jj).then(|| {
        [(iw * jj - jw * ij) / determinant, (jw * ii - iw * ij) / determinant].map(|px| px as f32)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use uniultra_igtl::Coordinates;

    #[test]
    fn a_place_above_the_plane_falls_on_its_pixel() {
        let steps = [[0.0, 0.2, 0.0], [0.0, 0.1, -0.3], [1.0, 0.0, 0.0]];
        let size = [64, 48];
        let geometry = Geometry::from_origin(steps, [5.0, -7.0, 90.0], size, Coordinates::Ras);
        let mut position = geometry.position(size, [12.0, 30.5]);
        position[0] += 4.0;
        let [x, y] = pixel(&geometry, size, position).unwrap();
        assert!((x - 12.0).abs() < 1e-3 && (y - 30.5).abs() < 1e-3, "{x} {y}");
        let steps = [[0.0, 0.2, 0.0], [0.0, 0.4, 0.0], [1.0, 0.0, 0.0]];
        let line = Geometry { steps, ..geometry };
        assert!(pixel(&line, size, position).is_none());
    }
}
