//! Content of `POINT`: fiducials, which people set on an image.

use crate::Mismatch;
use crate::fields::{Fields, check_most, put_finite, put_padded};
use crate::limits::MAX_POINTS;

const NAME_BYTES: usize = 64;
const GROUP_BYTES: usize = 32;
const OWNER_BYTES: usize = 20;

/// Bytes of a point: its texts, a colour, a position and a diameter.
pub(crate) const BYTES: usize = NAME_BYTES + GROUP_BYTES + 4 + 16 + OWNER_BYTES;

/// A named place. Texts are in UTF-8, without a zero.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Point {
    /// What it is called, at most 64 bytes.
    pub name: String,
    /// What kind of point it is, at most 32 bytes, such as `Fiducial`.
    pub group: String,
    /// Red, green, blue and opacity.
    pub rgba: [u8; 4],
    /// Where it is, in millimetres. The message does not say in which coordinates; the owner may.
    pub position: [f32; 3],
    /// How wide it is, in millimetres, or 0. The C++ library calls this number the radius.
    pub diameter: f32,
    /// The device name of the image it belongs to, at most 20 bytes. May be empty.
    pub owner: String,
}

pub(crate) fn read(content: &[u8]) -> Result<Vec<Point>, Mismatch> {
    let count = content.len() / BYTES;
    check_most("points", MAX_POINTS, count)?;
    let mut fields = Fields::new(content);
    let mut points = Vec::with_capacity(count);
    while fields.remaining() > 0 {
        let name = fields.padded("name", NAME_BYTES)?;
        let group = fields.padded("group", GROUP_BYTES)?;
        let rgba = fields.array("colour")?;
        let position = fields.finite("position")?;
        let [diameter] = fields.finite("diameter")?;
        let owner = fields.padded("owner", OWNER_BYTES)?;
        points.push(Point { name, group, rgba, position, diameter, owner });
    }
    Ok(points)
}

pub(crate) fn write(out: &mut Vec<u8>, points: &[Point]) -> Result<(), Mismatch> {
    check_most("points", MAX_POINTS, points.len())?;
    points.iter().try_for_each(|point| {
        put_padded(out, "name", &point.name, NAME_BYTES)?;
        put_padded(out, "group", &point.group, GROUP_BYTES)?;
        out.extend(point.rgba);
        put_finite(out, "position", &point.position)?;
        put_finite(out, "diameter", &[point.diameter])?;
        put_padded(out, "owner", &point.owner, OWNER_BYTES)
    })
}
