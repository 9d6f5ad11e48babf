//! Walks the entropy-coded data of a scan, block by block (ITU-T T.81, annexes F.2 and G.2).
//!
//! It follows the codes without keeping the coefficients. Only in progressive files does the length
//! of the data depend on them: a refining scan has a bit for each that is not zero yet.

use super::Fault;
use super::bits::Bits;
use super::halves::Halves;
use super::header::FrameHeader;
use super::huffman::{Table, Tables};
use std::ops::Range;

/// Most blocks in an MCU of several components.
const MAX_MCU_BLOCKS: usize = 10;

const BAD_SCAN: Fault = Fault::Damaged("a scan header is invalid");
const BAD_RUN: Fault = Fault::Damaged("a block has more than 64 coefficients");

/// A component of a scan.
#[derive(Clone, Copy, Debug)]
pub(super) struct ScanComponent {
    /// Its place in the frame header.
    pub(super) index: usize,
    pub(super) dc_table: u8,
    pub(super) ac_table: u8,
}

/// A scan header.
#[derive(Clone, Debug)]
pub(super) struct Scan {
    pub(super) components: Vec<ScanComponent>,
    /// The coefficients that it brings, in zigzag order.
    pub(super) band: Range<usize>,
    /// The lowest bit that they had before; `None` if the scan is the first to bring them.
    pub(super) high_bit: Option<u8>,
    /// The lowest bit that they have after it.
    pub(super) low_bit: u8,
}

/// For each component, a bit for each coefficient of a block that is not zero; MCU rows hold whole
/// MCUs.
pub(super) type NonZero = Vec<Vec<u64>>;

/// Room for the coefficients of a progressive file; no room for others, which need none.
pub(super) fn non_zero(frame: &FrameHeader) -> NonZero {
    let [across, down] = frame.mcus();
    let blocks = |[h, v]: [usize; 2]| if frame.progressive { across * h * down * v } else { 0 };
    frame.components.iter().map(|component| vec![0; blocks(component.sampling)]).collect()
}

impl Scan {
    /// Reads the content of a SOS segment.
    pub(super) fn read(segment: &[u8], frame: &FrameHeader) -> Result<Self, Fault> {
        let (&count, rest) = segment.split_first().ok_or(BAD_SCAN)?;
        let (named, parameters) = rest.split_at_checked(2 * usize::from(count)).ok_or(BAD_SCAN)?;
        let &[start, end, bits] = parameters else { return Err(BAD_SCAN) };
        let mut components: Vec<ScanComponent> = Vec::new();
        for &[id, tables] in named.as_chunks::<2>().0 {
            let index = frame.components.iter().position(|component| component.id == id);
            let index = index.ok_or(BAD_SCAN)?;
            // The order is that of the frame header.
            if components.last().is_some_and(|last| last.index >= index) {
                return Err(BAD_SCAN);
            }
            components.push(ScanComponent { index, dc_table: tables >> 4, ac_table: tables & 15 });
        }
        let scan = if frame.progressive {
            let (high, low_bit) = (bits >> 4, bits & 15);
            let high_bit = (high > 0).then_some(high);
            let band = usize::from(start)..usize::from(end) + 1;
            Self { components, band, high_bit, low_bit }
        } else {
            Self { components, band: 0..64, high_bit: None, low_bit: 0 }
        };
        if scan.is_valid(frame) { Ok(scan) } else { Err(BAD_SCAN) }
    }

    fn is_valid(&self, frame: &FrameHeader) -> bool {
        let blocks = |component: &ScanComponent| {
            frame.components[component.index].sampling.iter().product::<usize>()
        };
        let steps = self.high_bit.is_none_or(|high| high == self.low_bit + 1);
        let dc = self.band == (0..1);
        let ac = self.band.start > 0 && self.band.end <= 64 && !self.band.is_empty();
        match self.components.len() {
            0 => false,
            _ if frame.progressive && !(steps && self.low_bit <= 13 && (dc || ac)) => false,
            1 => true,
            _ if frame.progressive && ac => false,
            _ => self.components.iter().map(blocks).sum::<usize>() <= MAX_MCU_BLOCKS,
        }
    }

    /// Whether its blocks come row by row, component by component: then the bits of each component can
    /// be a scan of their own.
    pub(super) fn is_in_rows(&self, frame: &FrameHeader) -> bool {
        let single =
            |component: &ScanComponent| frame.components[component.index].sampling == [1, 1];
        self.components.len() == 1 || self.components.iter().all(single)
    }

    /// Walks the data behind the scan header. Returns its length, up to the next marker, and the copy
    /// of its bits if there is one to fill.
    pub(super) fn walk(
        &self,
        data: &[u8],
        frame: &FrameHeader,
        tables: &Tables,
        restart_interval: usize,
        non_zero: &mut NonZero,
        copy: Option<Halves>,
    ) -> Result<(usize, Option<Halves>), Fault> {
        let alone = self.components.len() == 1;
        let [mcus, _] = frame.mcus();
        let [across, down] =
            if alone { frame.blocks(self.components[0].index) } else { frame.mcus() };
        let coders: Vec<_> = self
            .components
            .iter()
            .map(|component| Ok((component.index, Coder::new(self, component, frame, tables)?)))
            .collect::<Result<_, Fault>>()?;

        let mut bits = Bits::new(data).with_copy(copy);
        let mut eob_run = 0;
        let (mut until_restart, mut restart) = (restart_interval, 0);
        for (y, x) in (0..down).flat_map(|y| (0..across).map(move |x| (y, x))) {
            if restart_interval > 0 && until_restart == 0 {
                bits = restarted(bits, restart)?;
                restart = (restart + 1) % 8;
                until_restart = restart_interval;
                eob_run = 0;
            }
            until_restart = until_restart.saturating_sub(1);
            for (place, (component, coder)) in coders.iter().enumerate() {
                let sampling = frame.components[*component].sampling;
                let [h, v] = if alone { [1, 1] } else { sampling };
                for block in 0..h * v {
                    let (column, row) = (x * h + block % h, y * v + block / h);
                    let mask = non_zero[*component].get_mut(row * mcus * sampling[0] + column);
                    coder.block(&mut bits, place, &mut eob_run, mask.unwrap_or(&mut 0))?;
                }
            }
        }
        let copy = bits.end_copy();
        let mut behind = bits.marker()?;
        while is_restart(behind.0) {
            behind = Bits::new(behind.1).marker()?;
        }
        Ok((data.len() - behind.1.len() - 2, copy))
    }
}

fn is_restart(marker: u8) -> bool {
    (0xD0..=0xD7).contains(&marker)
}

/// Goes on behind a restart marker. Another one in its place means that data is lost.
fn restarted(mut bits: Bits<'_>, number: u8) -> Result<Bits<'_>, Fault> {
    let mut copy = bits.end_copy();
    let (marker, behind) = bits.marker()?;
    if marker != 0xD0 + number {
        return Err(Fault::Truncated);
    }
    if let Some(copy) = &mut copy {
        copy.restart(marker);
    }
    Ok(Bits::new(behind).with_copy(copy))
}

/// How the blocks of a component are coded in a scan.
enum Coder<'a> {
    Sequential { dc: &'a Table, ac: &'a Table },
    DcFirst { dc: &'a Table },
    DcRefining,
    AcFirst { ac: &'a Table, band: Range<usize> },
    AcRefining { ac: &'a Table, band: Range<usize> },
}

impl<'a> Coder<'a> {
    fn new(
        scan: &Scan,
        component: &ScanComponent,
        frame: &FrameHeader,
        tables: &'a Tables,
    ) -> Result<Self, Fault> {
        let (dc, ac) = (|| tables.dc(component.dc_table), || tables.ac(component.ac_table));
        let band = scan.band.clone();
        Ok(match (scan.high_bit, band.start) {
            _ if !frame.progressive => Self::Sequential { dc: dc()?, ac: ac()? },
            (None, 0) => Self::DcFirst { dc: dc()? },
            (Some(_), 0) => Self::DcRefining,
            (None, _) => Self::AcFirst { ac: ac()?, band },
            (Some(_), _) => Self::AcRefining { ac: ac()?, band },
        })
    }

    /// Walks a block. `place` is the component's place in the scan, `eob_run` the number of blocks
    /// that have no further coefficient, `non_zero` the block's coefficients that are not zero.
    fn block(
        &self,
        bits: &mut Bits<'_>,
        place: usize,
        eob_run: &mut u32,
        non_zero: &mut u64,
    ) -> Result<(), Fault> {
        match self {
            Self::Sequential { dc, ac } => {
                bits.choose(place, false);
                difference(bits, dc)?;
                bits.choose(place, true);
                let mut at = 1;
                while at < 64 {
                    let (zeros, size) = run_and_size(bits, ac)?;
                    match (zeros, size) {
                        (15, 0) => at += 16,
                        (0, 0) => return Ok(()),
                        (_, 0) => return Err(Fault::Damaged("no such run of zeros")),
                        _ => {
                            at += zeros + 1;
                            bits.take(size)?;
                        }
                    }
                }
                if at > 64 { Err(BAD_RUN) } else { Ok(()) }
            }
            Self::DcFirst { dc } => difference(bits, dc),
            Self::DcRefining => bits.take(1).map(drop),
            Self::AcFirst { ac, band } => ac_first(bits, ac, band, eob_run, non_zero),
            Self::AcRefining { ac, band } => ac_refining(bits, ac, band, eob_run, non_zero),
        }
    }
}

/// The difference of a DC coefficient from the last one.
fn difference(bits: &mut Bits<'_>, dc: &Table) -> Result<(), Fault> {
    let size = u32::from(bits.symbol(dc)?);
    if size > 11 {
        return Err(Fault::Damaged("a difference has more than 11 bits"));
    }
    bits.take(size).map(drop)
}

/// The next symbol: a run of zeros, and the size of the coefficient behind it.
fn run_and_size(bits: &mut Bits<'_>, ac: &Table) -> Result<(usize, u32), Fault> {
    let symbol = bits.symbol(ac)?;
    Ok((usize::from(symbol >> 4), u32::from(symbol & 15)))
}

fn ac_first(
    bits: &mut Bits<'_>,
    ac: &Table,
    band: &Range<usize>,
    eob_run: &mut u32,
    non_zero: &mut u64,
) -> Result<(), Fault> {
    if *eob_run > 0 {
        *eob_run -= 1;
        return Ok(());
    }
    let mut at = band.start;
    while at < band.end {
        let (zeros, size) = run_and_size(bits, ac)?;
        match (zeros, size) {
            (15, 0) => at += 16,
            (log, 0) => {
                *eob_run = (1 << log) - 1 + bits.take(log as u32)?;
                return Ok(());
            }
            _ => {
                at += zeros;
                bits.take(size)?;
                if at >= band.end {
                    return Err(BAD_RUN);
                }
                *non_zero |= 1 << at;
                at += 1;
            }
        }
    }
    Ok(())
}

fn ac_refining(
    bits: &mut Bits<'_>,
    ac: &Table,
    band: &Range<usize>,
    eob_run: &mut u32,
    non_zero: &mut u64,
) -> Result<(), Fault> {
    let mut at = band.start;
    while *eob_run == 0 && at < band.end {
        let (zeros, size) = run_and_size(bits, ac)?;
        match (zeros, size) {
            (15, 0) => at = past_zeros(bits, at..band.end, 15, *non_zero)? + 1,
            (log, 0) => *eob_run = (1 << log) + bits.take(log as u32)?,
            (_, 1) => {
                bits.take(1)?;
                at = past_zeros(bits, at..band.end, zeros, *non_zero)?;
                if at >= band.end {
                    return Err(BAD_RUN);
                }
                *non_zero |= 1 << at;
                at += 1;
            }
            _ => return Err(Fault::Damaged("a refining scan has a large coefficient")),
        }
    }
    if *eob_run > 0 {
        past_zeros(bits, at..band.end, usize::MAX, *non_zero)?;
        *eob_run -= 1;
    }
    Ok(())
}

/// Goes past `zeros` coefficients that are zero, and past those between them that are not, each of
/// which has a bit. Returns the place of the next one that is zero.
fn past_zeros(
    bits: &mut Bits<'_>,
    places: Range<usize>,
    mut zeros: usize,
    non_zero: u64,
) -> Result<usize, Fault> {
    for at in places.clone() {
        if non_zero >> at & 1 == 1 {
            bits.take(1)?;
        } else if zeros == 0 {
            return Ok(at);
        } else {
            zeros -= 1;
        }
    }
    Ok(places.end)
}
