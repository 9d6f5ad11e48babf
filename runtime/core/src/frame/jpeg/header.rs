//! The frame header (ITU-T T.81, annex B.2.2) and the kinds of JPEG that are refused.

use super::Fault;

/// A component of the image.
#[derive(Clone, Copy, Debug)]
pub(super) struct Component {
    /// The name by which scans call it.
    pub(super) id: u8,
    /// Blocks in an MCU, from left to right and from top to bottom.
    pub(super) sampling: [usize; 2],
}

/// The frame header.
#[derive(Clone, Debug)]
pub(super) struct FrameHeader {
    pub(super) progressive: bool,
    pub(super) width: u16,
    pub(super) height: u16,
    /// One, three or four.
    pub(super) components: Vec<Component>,
    /// The largest factors of all components.
    max_sampling: [usize; 2],
}

impl FrameHeader {
    /// Reads the content of a frame header whose marker is `marker`.
    pub(super) fn read(marker: u8, segment: &[u8]) -> Result<Self, Fault> {
        const BAD: Fault = Fault::Damaged("the frame header is invalid");
        if let Some(process) = refused(marker) {
            return Err(Fault::Kind(format!("{process} (SOF{})", marker - 0xC0)));
        }
        let (&[bits, y1, y0, x1, x0, count], rest) = segment.split_first_chunk().ok_or(BAD)?;
        if bits != 8 {
            return Err(Fault::Kind(format!("{bits}-bit samples")));
        }
        let (width, height) = (u16::from_be_bytes([x1, x0]), u16::from_be_bytes([y1, y0]));
        if height == 0 && width > 0 {
            return Err(Fault::Kind("a height that follows after the data (DNL)".to_string()));
        }
        if !matches!(count, 1 | 3 | 4) {
            return Err(Fault::Kind(format!("{count} components instead of 1, 3 or 4")));
        }
        let (components, []) = rest.as_chunks::<3>() else { return Err(BAD) };
        if components.len() != usize::from(count) {
            return Err(BAD);
        }
        let component = |&[id, sampling, _]: &[u8; 3]| Component {
            id,
            // Alone, a component has the same blocks whatever its factors are.
            sampling: if count == 1 {
                [1, 1]
            } else {
                [sampling >> 4, sampling & 15].map(usize::from)
            },
        };
        let components: Vec<_> = components.iter().map(component).collect();
        let mut max_sampling = [1, 1];
        for (at, component) in components.iter().enumerate() {
            let twice = components[..at].iter().any(|other| other.id == component.id);
            if twice || component.sampling.iter().any(|factor| !(1..=4).contains(factor)) {
                return Err(BAD);
            }
            max_sampling = [0, 1].map(|axis| max_sampling[axis].max(component.sampling[axis]));
        }
        if components.iter().any(|component| component.sampling.contains(&3)) {
            return Err(Fault::Kind("colours at a third of the resolution".to_string()));
        }
        // zune-jpeg 0.5.15 returns garbage for these, which hardly any program writes.
        if components[0].sampling != max_sampling {
            return Err(Fault::Kind(
                "colours of higher resolution than the brightness".to_string(),
            ));
        }
        let progressive = marker == 0xC2;
        Ok(Self { progressive, width, height, components, max_sampling })
    }

    /// MCUs of a scan with several components, from left to right and from top to bottom.
    pub(super) fn mcus(&self) -> [usize; 2] {
        let [h, v] = self.max_sampling;
        [usize::from(self.width).div_ceil(8 * h), usize::from(self.height).div_ceil(8 * v)]
    }

    /// Blocks of a component that hold pixels.
    pub(super) fn blocks(&self, component: usize) -> [usize; 2] {
        let [h, v] = self.components[component].sampling;
        let [h_max, v_max] = self.max_sampling;
        [
            (usize::from(self.width) * h).div_ceil(8 * h_max),
            (usize::from(self.height) * v).div_ceil(8 * v_max),
        ]
    }
}

/// What a frame header's marker stands for, if that cannot be decoded.
fn refused(marker: u8) -> Option<&'static str> {
    Some(match marker {
        0xC0..=0xC2 => return None,
        0xC3 => "lossless coding",
        0xC5..=0xC7 => "hierarchical coding",
        0xC9 | 0xCA => "arithmetic coding",
        0xCB => "lossless arithmetic coding",
        0xCD..=0xCF => "hierarchical arithmetic coding",
        0xF7 => "lossless coding of JPEG-LS",
        _ => "an unknown coding",
    })
}
