//! Follows the markers of a file (ITU-T T.81, annex B) from its start to the end of its first image.

use super::Fault;
use super::bits::Bits;
use super::halves::Halves;
use super::header::FrameHeader;
use super::huffman::Tables;
use super::progress::Progress;
use super::scan::{NonZero, Scan, non_zero};
use super::standard;
use crate::FrameError;

/// Most scans of a file. Encoders write about ten; a scan of a few bytes may take as long as any.
const MAX_SCANS: usize = 100;

/// The marker of a progressive frame header.
const PROGRESSIVE: u8 = 0xC2;

const EXIF: &[u8] = b"Exif\0\0";
const ADOBE: &[u8] = b"Adobe";

/// Refuses a width and a height that are out of range.
pub(super) type CheckSize = fn(usize, usize) -> Result<(), FrameError>;

/// The first image of a file, which is complete.
pub(super) struct Walked<'a> {
    pub(super) frame: FrameHeader,
    /// The first EXIF block, if there is one.
    pub(super) exif: Option<&'a [u8]>,
    /// A JPEG file of this image alone: no metadata, thumbnails or further images, and nothing
    /// between the segments.
    pub(super) image: Vec<u8>,
    /// Whether the file is sequential with several scans; the copy is then progressive.
    pub(super) has_separate_scans: bool,
}

/// What is known between two segments.
struct Walk<'a> {
    /// Bytes of the whole file.
    file: usize,
    check_size: CheckSize,
    frame: Option<Open>,
    tables: Tables,
    any_table: bool,
    restart_interval: usize,
    scans: usize,
    exif: Option<&'a [u8]>,
    /// How several colours are stored.
    adobe: Option<&'a [u8]>,
    /// The quantization tables, each with the byte before it.
    quantization: [Option<&'a [u8]>; 4],
    /// The copy, without its beginning.
    image: Vec<u8>,
}

/// What is known once the frame header was read.
struct Open {
    header: FrameHeader,
    /// Where the copy has the byte that tells the kind of coding.
    marker: usize,
    has_separate_scans: bool,
    progress: Progress,
    non_zero: NonZero,
}

/// Walks the file. Returns its first image, or why it cannot be decoded. `check_size` may refuse a
/// width and a height.
pub(super) fn walk(bytes: &[u8], check_size: CheckSize) -> Result<Walked<'_>, Fault> {
    let mut rest = bytes.strip_prefix(b"\xFF\xD8").ok_or(Fault::Damaged("it has no start"))?;
    let mut walk = Walk {
        file: bytes.len(),
        check_size,
        frame: None,
        tables: Tables::default(),
        any_table: false,
        restart_interval: 0,
        scans: 0,
        exif: None,
        adobe: None,
        quantization: [None; 4],
        image: Vec::new(),
    };
    loop {
        let (marker, behind) = Bits::new(rest).marker()?;
        match marker {
            0xD8 => return Err(Fault::Damaged("an image starts before the last one has ended")),
            0xD9 => return walk.end(),
            // TEM and restart markers have no segment.
            0x01 | 0xD0..=0xD7 => rest = behind,
            _ => {
                let (segment, behind) = segment(behind)?;
                walk.segment(marker, segment)?;
                rest = if marker == 0xDA { walk.scan(segment, behind)? } else { behind };
            }
        }
    }
}

/// A segment's content, and what follows it.
fn segment(bytes: &[u8]) -> Result<(&[u8], &[u8]), Fault> {
    let (length, rest) = bytes.split_first_chunk().ok_or(Fault::Truncated)?;
    // The length includes its own two bytes.
    let length = usize::from(u16::from_be_bytes(*length)).checked_sub(2);
    let length = length.ok_or(Fault::Damaged("a segment has no length"))?;
    // The end marker must follow, at least. A segment that was cut may hold one in its place.
    rest.split_at_checked(length).filter(|(_, behind)| behind.len() >= 2).ok_or(Fault::Truncated)
}

impl<'a> Walk<'a> {
    /// Takes account of a segment, except the data behind a scan header.
    fn segment(&mut self, marker: u8, segment: &'a [u8]) -> Result<(), Fault> {
        match marker {
            0xC4 => {
                self.tables.read(segment)?;
                self.any_table = true;
                self.keep(marker, segment);
            }
            0xC0..=0xC3 | 0xC5..=0xCB | 0xCD..=0xCF | 0xF7 => {
                if self.frame.is_some() {
                    return Err(Fault::Damaged("it has two frame headers"));
                }
                let header = FrameHeader::read(marker, segment)?;
                let place = self.image.len() + 1;
                self.keep(marker, segment);
                if header.components.len() == 1 {
                    // The decoder need not know that the factors of a single component mean nothing.
                    let at = self.image.len() - 2;
                    self.image[at] = 0x11;
                }
                self.open(header, place)?;
            }
            0xDD => {
                let &[high, low] = segment else {
                    return Err(Fault::Damaged("the restart interval is invalid"));
                };
                self.restart_interval = u16::from_be_bytes([high, low]).into();
                self.keep(marker, segment);
            }
            0xDE | 0xDF => return Err(Fault::Kind("hierarchical coding".to_string())),
            0xDB => self.quantization(segment)?,
            0xE1 => self.exif = self.exif.or(segment.strip_prefix(EXIF)),
            // The decoder refuses values that nobody has defined.
            0xEE if segment.starts_with(ADOBE) && segment.get(11).is_some_and(|&c| c <= 2) => {
                self.adobe = Some(segment);
            }
            _ => {}
        }
        Ok(())
    }

    /// Takes account of quantization tables. The decoder wants all of them before the first scan.
    fn quantization(&mut self, mut segment: &'a [u8]) -> Result<(), Fault> {
        const BAD: Fault = Fault::Damaged("a quantization table is invalid");
        while let Some(&place) = segment.first() {
            let bytes = match place >> 4 {
                0 => 1 + 64,
                1 => 1 + 2 * 64,
                _ => return Err(BAD),
            };
            let (table, rest) = segment.split_at_checked(bytes).ok_or(BAD)?;
            let known = self.quantization.get_mut(usize::from(place & 15)).ok_or(BAD)?;
            if self.scans > 0 && known.is_some_and(|known| known != table) {
                let found = "quantization tables that change between scans";
                return Err(Fault::Kind(found.to_string()));
            }
            *known = Some(table);
            segment = rest;
        }
        Ok(())
    }

    fn open(&mut self, header: FrameHeader, marker: usize) -> Result<(), Fault> {
        let (width, height) = (header.width.into(), header.height.into());
        (self.check_size)(width, height).map_err(Fault::Size)?;
        let [across, down] = header.mcus();
        // An MCU takes at least a bit. Nothing was allocated yet.
        if self.file.saturating_mul(8) < across * down {
            return Err(Fault::Truncated);
        }
        let progress = Progress::new(header.components.len());
        let non_zero = non_zero(&header);
        self.frame = Some(Open { header, marker, has_separate_scans: false, progress, non_zero });
        Ok(())
    }

    /// Walks a scan. Returns what follows it, from the next marker on.
    fn scan(&mut self, segment: &[u8], data: &'a [u8]) -> Result<&'a [u8], Fault> {
        if !self.any_table {
            self.any_table = true;
            // Without the marker and the length.
            self.tables.read(&standard::TABLES[4..])?;
            self.image.extend(standard::TABLES);
        }
        let open = self.frame.as_mut().ok_or(Fault::Damaged("a scan has no frame header"))?;
        let scan = Scan::read(segment, &open.header)?;
        self.scans += 1;
        if self.scans > MAX_SCANS {
            return Err(Fault::Kind(format!("more than {MAX_SCANS} scans")));
        }
        let header = &open.header;
        let apart = !header.progressive && scan.components.len() < header.components.len();
        if apart && !scan.is_in_rows(header) {
            return Err(Fault::Kind("separate scans of colours of several blocks".to_string()));
        }
        open.progress.add(&scan)?;
        let copy = apart.then(|| Halves::new(scan.components.len()));
        let (tables, interval) = (&self.tables, self.restart_interval);
        let (length, copy) = scan.walk(data, header, tables, interval, &mut open.non_zero, copy)?;
        let (data, rest) = data.split_at(length);
        match copy {
            None => {
                self.keep(0xDA, segment);
                self.image.extend(data);
            }
            Some(halves) => {
                let marker = open.marker;
                open.has_separate_scans = true;
                self.keep_halves(&scan, segment, halves);
                self.image[marker] = PROGRESSIVE;
            }
        }
        Ok(rest)
    }

    /// Adds a scan to the copy as two progressive ones for each component.
    fn keep_halves(&mut self, scan: &Scan, segment: &[u8], halves: Halves) {
        let names = segment[1..].as_chunks::<2>().0.iter().take(scan.components.len());
        let headers =
            names.flat_map(|&[id, tables]| [[1, id, tables, 0, 0, 0], [1, id, tables, 1, 63, 0]]);
        for (header, data) in headers.zip(halves.finish()) {
            self.keep(0xDA, &header);
            self.image.extend(data);
        }
    }

    /// Adds a segment to the copy.
    fn keep(&mut self, marker: u8, segment: &[u8]) {
        add(&mut self.image, marker, segment);
    }

    fn end(self) -> Result<Walked<'a>, Fault> {
        let Open { header, progress, has_separate_scans, .. } =
            self.frame.ok_or(Fault::Truncated)?;
        if !progress.is_complete() {
            return Err(Fault::Truncated);
        }
        let mut image = b"\xFF\xD8".to_vec();
        if let Some(adobe) = self.adobe
            && header.components.len() > 1
        {
            add(&mut image, 0xEE, adobe);
        }
        for table in self.quantization.into_iter().flatten() {
            add(&mut image, 0xDB, table);
        }
        image.extend(self.image);
        image.extend(b"\xFF\xD9");
        Ok(Walked { frame: header, exif: self.exif, image, has_separate_scans })
    }
}

/// Adds a segment to a file.
fn add(image: &mut Vec<u8>, marker: u8, segment: &[u8]) {
    let length = segment.len() as u16 + 2;
    image.extend([0xFF, marker]);
    image.extend(length.to_be_bytes());
    image.extend(segment);
}
