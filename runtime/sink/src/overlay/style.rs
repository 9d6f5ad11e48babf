//! Colours of the overlay. They stand out on gray tissue and differ from each other.

use tiny_skia::{Color, Paint, Shader};

/// Red, green and blue.
pub(super) type Rgb = [u8; 3];

pub(super) const MASK: Rgb = [56, 189, 248];
pub(super) const ALTERNATIVES: [Rgb; 3] = [[244, 114, 182], [251, 146, 60], [167, 139, 250]];
pub(super) const POSITIVE: Rgb = [34, 197, 94];
pub(super) const NEGATIVE: Rgb = [239, 68, 68];
pub(super) const BOX: Rgb = [250, 204, 21];
pub(super) const DIAMETER: Rgb = [241, 245, 249];
pub(super) const WHITE: Rgb = [255, 255, 255];
/// Drawn under every line, so that the line also shows on bright tissue.
pub(super) const HALO: Rgb = [0, 0, 0];

pub(super) const PANEL: Rgb = [17, 24, 39];
pub(super) const PANEL_EDGE: Rgb = [51, 65, 85];
pub(super) const TEXT: Rgb = [226, 232, 240];
pub(super) const FAINT_TEXT: Rgb = [132, 146, 166];
pub(super) const WARNING: Rgb = [251, 191, 36];

/// Opacity of a mask's fill: the texture beneath has to stay readable.
pub(super) const FILL_ALPHA: f32 = 0.26;
pub(super) const HALO_ALPHA: f32 = 0.45;

/// An anti-aliased paint.
pub(super) fn paint([r, g, b]: Rgb, alpha: f32) -> Paint<'static> {
    let mut color = Color::from_rgba8(r, g, b, 255);
    color.set_alpha(alpha);
    Paint { shader: Shader::SolidColor(color), ..Paint::default() }
}
