//! Structures that go on above and below the first frame's plane, and cuts through them.

use crate::noise::lerp;
use crate::scene::Structure;
use crate::shape::Shape;
use crate::tissue::{LayerStack, Material};

/// How a structure goes on above and below the plane.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Extent {
    /// Like a ball: its cut is largest in its middle.
    Ball {
        /// Height of its middle, mm.
        middle_mm: f32,
        /// Half its height, mm.
        half_mm: f32,
        /// Size of the cut that its shape describes, relative to the largest.
        drawn: f32,
    },
    /// A tube across the plane: its cut moves aside by this much a millimetre.
    Tube { lean: f32 },
    /// The same at every height.
    Sheet,
}

impl Extent {
    /// A ball that is drawn as the first frame's plane cuts it.
    pub(super) fn ball(middle_mm: f32, half_mm: f32) -> Self {
        let drawn = Self::Ball { middle_mm, half_mm, drawn: 1.0 }.section(0.0);
        Self::Ball { middle_mm, half_mm, drawn }
    }

    /// Size of the cut relative to the largest; 0 where the plane does not meet it.
    pub(super) fn section(&self, height_mm: f32) -> f32 {
        match *self {
            Self::Ball { middle_mm, half_mm, .. } => {
                let share = (height_mm - middle_mm) / half_mm;
                (1.0 - share * share).max(0.0).sqrt()
            }
            _ => 1.0,
        }
    }

    /// Size of the cut relative to the shape.
    pub(super) fn scale(&self, height_mm: f32) -> f32 {
        match *self {
            Self::Ball { drawn, .. } => self.section(height_mm) / drawn,
            _ => 1.0,
        }
    }

    /// How far the cut has moved aside, mm.
    pub(super) fn shift_mm(&self, height_mm: f32) -> f32 {
        match *self {
            Self::Tube { lean } => lean * height_mm,
            _ => 0.0,
        }
    }

    /// Share of the slice, `blur_mm` thick, that lies in the structure at its middle; the rest shows
    /// what is around.
    fn presence(&self, height_mm: f32, blur_mm: f32) -> f32 {
        let Self::Ball { middle_mm, half_mm, .. } = *self else { return 1.0 };
        // The logistic function in place of the normal distribution: within 1 %.
        let below = |height: f32| 1.0 / (1.0 + (-1.702 * height / blur_mm).exp());
        let within = |off: f32| below(half_mm - off) - below(-half_mm - off);
        (within(height_mm - middle_mm) / within(0.0)).clamp(0.0, 1.0)
    }

    /// How much the surface's slope blurs the outline in a slice, relative to the slice; `radius_mm`
    /// is the largest cut's.
    fn slope(&self, height_mm: f32, radius_mm: f32) -> f32 {
        let Self::Ball { middle_mm, half_mm, .. } = *self else { return 0.0 };
        let share = ((height_mm - middle_mm) / half_mm).abs().min(0.99);
        radius_mm / half_mm * share / (1.0 - share * share).sqrt()
    }
}

/// The slice in which a structure is seen.
#[derive(Clone, Copy, Debug)]
pub(super) struct Slice {
    /// Height at the structure, mm.
    pub(super) height_mm: f32,
    /// Standard deviation of the beam across the plane, mm.
    pub(super) blur_mm: f32,
    /// A structure with a smaller radius is not cut.
    pub(super) least_mm: f32,
    /// Relative change of the thickness of strips.
    pub(super) thicker: f32,
}

/// The cut through a structure, in tissue whose mean echo is `around_db`; none where the plane does
/// not meet it. `about` is the point that the cut shrinks to.
pub(super) fn cut(
    structure: &Structure,
    extent: Extent,
    about: [f32; 2],
    around_db: f32,
    slice: Slice,
) -> Option<Structure> {
    let Slice { height_mm, blur_mm, least_mm, thicker } = slice;
    let scale = extent.scale(height_mm);
    let mut cut = structure.clone();
    let [long, short] = structure.shape.radii();
    match &mut cut.shape {
        Shape::Blob(blob) | Shape::Bean(blob) => {
            if scale * (long * short).sqrt() < least_mm {
                return None;
            }
            for axis in [0, 1] {
                blob.centre[axis] = about[axis] + scale * (blob.centre[axis] - about[axis]);
                blob.radii[axis] *= scale;
            }
            blob.bow *= scale;
            blob.centre[0] += extent.shift_mm(height_mm);
        }
        Shape::Band(band) => {
            if scale * short < 0.5 * least_mm {
                return None;
            }
            band.half_thickness *= scale * (1.0 + thicker);
            band.field = band.field.at_height(height_mm / SHEET_MM);
        }
        Shape::Tree(_) | Shape::Cut(_) => {}
    }
    raise(&mut cut.material, height_mm);
    let largest_mm = scale * short / extent.section(height_mm).max(1e-3);
    let slope = extent.slope(height_mm, largest_mm) - extent.slope(0.0, largest_mm);
    let widest = cut.edge_mm.max(0.4 * scale * short);
    cut.edge_mm = cut.edge_mm.hypot(0.5 * blur_mm * slope.max(0.0)).min(widest);
    let presence = extent.presence(height_mm, blur_mm) / extent.presence(0.0, blur_mm).max(1e-3);
    if presence < 1.0 {
        fade(&mut cut, presence, around_db);
    }
    Some(cut)
}

/// Height over which boundaries and strips change, mm.
const SHEET_MM: f32 = 20.0;

/// Mixes a structure with what is around it above or below the plane.
fn fade(structure: &mut Structure, presence: f32, around_db: f32) {
    // Powers add.
    let mix = |inside_db: f32| {
        let power = |db: f32| 10.0_f32.powf(0.1 * db);
        10.0 * lerp(power(around_db), power(inside_db), presence).log10()
    };
    let fainter_db = 20.0 * presence.max(1e-3).log10();
    structure.material.echo_db = mix(structure.material.echo_db);
    structure.material.attenuation = lerp(0.5, structure.material.attenuation, presence);
    if let Some(wall) = &mut structure.wall {
        wall.diffuse_db += fainter_db;
        wall.specular_db += fainter_db;
    }
    structure.halo[0] *= presence;
    structure.edge_loss *= presence;
    if structure.haze[0] > -90.0 {
        structure.haze[0] = mix(structure.haze[0]);
    }
}

/// Moves a texture to a height: what is large in the plane is large across it, too.
pub(super) fn raise(material: &mut Material, height_mm: f32) {
    let size_mm = (0.7 * (material.patch_mm[0] + material.patch_mm[1])).max(2.0);
    material.field = material.field.at_height(height_mm / size_mm);
}

/// Moves layers to the heights at their depths.
pub(super) fn raise_layers(stack: &mut LayerStack, depth_mm: f32, height_mm: impl Fn(f32) -> f32) {
    stack.field = stack.field.at_height(height_mm(0.5 * depth_mm) / SHEET_MM);
    let mut below = depth_mm;
    for layer in stack.layers.iter_mut().rev() {
        let middle = 0.5 * (layer.top_mm.clamp(0.0, depth_mm) + below.clamp(0.0, depth_mm));
        raise(&mut layer.material, height_mm(middle));
        below = layer.top_mm;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::noise::Field;
    use crate::shape::Blob;

    fn cyst() -> Structure {
        Structure {
            shape: Shape::Blob(Blob::ellipse([1.0, 20.0], [5.0, 4.0], 0.2)),
            material: Material::plain(-48.0, 0.03, Field::new(1)),
            edge_mm: 0.1,
            wall: None,
            halo: [0.0, 0.0],
            haze: [-99.0, 1.0],
            edge_loss: 0.0,
        }
    }

    fn at(height_mm: f32) -> Slice {
        Slice { height_mm, blur_mm: 0.5, least_mm: 0.2, thicker: 0.0 }
    }

    #[test]
    fn a_ball_is_cut_as_a_ball() {
        let extent = Extent::ball(1.0, 5.0);
        let radius = |height: f32| cut(&cyst(), extent, [1.0, 20.0], -3.0, at(height));
        // sqrt(5^2 - 1^2) is drawn as 5 mm; 3 mm from the middle, the cut has 4 / sqrt(24) of it.
        let expected = 5.0 * 4.0 / 24.0_f32.sqrt();
        for height in [-2.0, 4.0] {
            let found = radius(height).unwrap().shape.radii()[0];
            assert!((found - expected).abs() < 1e-4, "{found}");
        }
        assert_eq!(radius(0.0).unwrap().shape.radii(), [5.0, 4.0]);
        assert!(radius(6.01).is_none() && radius(-4.01).is_none());
    }

    #[test]
    fn a_cut_near_the_end_of_a_ball_is_mixed_with_what_is_around() {
        let extent = Extent::ball(0.0, 5.0);
        let echo = |height: f32| {
            cut(&cyst(), extent, [1.0, 20.0], -3.0, at(height)).unwrap().material.echo_db
        };
        assert!(echo(2.0) < -25.0, "{}", echo(2.0));
        assert!(echo(4.8) > -10.0, "{}", echo(4.8));
    }

    #[test]
    fn a_tube_moves_aside() {
        let moved = cut(&cyst(), Extent::Tube { lean: 0.3 }, [1.0, 20.0], 0.0, at(2.0)).unwrap();
        assert!((moved.shape.centre()[0] - 1.6).abs() < 1e-6);
        assert_eq!(moved.shape.radii(), [5.0, 4.0]);
    }
}
