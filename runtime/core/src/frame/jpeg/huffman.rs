//! Huffman tables (ITU-T T.81, annexes B.2.4.2 and C).

use super::Fault;

/// Longest code, in bits.
const LONGEST: usize = 16;

/// Codes of up to this many bits are found at once.
const SHORT: usize = 9;

/// The codes of one table.
#[derive(Clone, Debug)]
pub(super) struct Table {
    /// Symbol and length of the short code that a value begins with; length 0 where there is none.
    short: Vec<(u8, u8)>,
    /// For each length: one more than the last code, in the highest bits of 16.
    end: [u32; LONGEST + 1],
    /// For each length: what to add to a code to get the place of its symbol.
    offset: [i32; LONGEST + 1],
    symbols: Vec<u8>,
}

impl Table {
    /// Reads a table: the numbers of codes of 1 to 16 bits, then the symbols. Returns it with what
    /// follows.
    pub(super) fn read(bytes: &[u8]) -> Result<(Self, &[u8]), Fault> {
        const BAD: Fault = Fault::Damaged("a Huffman table is invalid");
        let (counts, rest) = bytes.split_first_chunk::<LONGEST>().ok_or(BAD)?;
        let total = counts.iter().map(|&count| usize::from(count)).sum();
        let (symbols, rest) = rest.split_at_checked(total).ok_or(BAD)?;
        if symbols.len() > 256 {
            return Err(BAD);
        }
        let mut table = Self {
            short: vec![(0, 0); 1 << SHORT],
            end: [0; LONGEST + 1],
            offset: [0; LONGEST + 1],
            symbols: symbols.to_vec(),
        };
        let (mut code, mut place) = (0_usize, 0_usize);
        for (length, &count) in (1..=LONGEST).zip(counts) {
            table.offset[length] = place as i32 - code as i32;
            for _ in 0..count {
                // The code of ones alone is reserved, and no code may begin with another.
                if code + 1 >= 1 << length {
                    return Err(BAD);
                }
                if length <= SHORT {
                    let first = code << (SHORT - length);
                    let same = first..first + (1 << (SHORT - length));
                    table.short[same].fill((symbols[place], length as u8));
                }
                code += 1;
                place += 1;
            }
            table.end[length] = (code as u32) << (LONGEST - length);
            code <<= 1;
        }
        Ok((table, rest))
    }

    /// The symbol and the length of the code that 16 bits begin with.
    #[inline]
    pub(super) fn lookup(&self, bits: u16) -> Option<(u8, u32)> {
        let (symbol, length) = self.short[usize::from(bits >> (LONGEST - SHORT))];
        if length > 0 {
            return Some((symbol, u32::from(length)));
        }
        let bits = u32::from(bits);
        let length = (SHORT + 1..=LONGEST).find(|&length| bits < self.end[length])?;
        let code = (bits >> (LONGEST - length)) as i32;
        let place = usize::try_from(code + self.offset[length]).ok()?;
        Some((*self.symbols.get(place)?, length as u32))
    }
}

/// The tables that scans may use: four for DC coefficients, four for AC coefficients.
#[derive(Clone, Debug, Default)]
pub(super) struct Tables {
    dc: [Option<Table>; 4],
    ac: [Option<Table>; 4],
}

impl Tables {
    /// Reads the content of a DHT segment.
    pub(super) fn read(&mut self, mut segment: &[u8]) -> Result<(), Fault> {
        const BAD: Fault = Fault::Damaged("a Huffman table has no such number");
        while let Some((&place, rest)) = segment.split_first() {
            let (table, rest) = Table::read(rest)?;
            let tables = match place >> 4 {
                0 => &mut self.dc,
                1 => &mut self.ac,
                _ => return Err(BAD),
            };
            *tables.get_mut(usize::from(place & 15)).ok_or(BAD)? = Some(table);
            segment = rest;
        }
        Ok(())
    }

    /// The DC table of this number.
    pub(super) fn dc(&self, number: u8) -> Result<&Table, Fault> {
        find(&self.dc, number)
    }

    /// The AC table of this number.
    pub(super) fn ac(&self, number: u8) -> Result<&Table, Fault> {
        find(&self.ac, number)
    }
}

fn find(tables: &[Option<Table>; 4], number: u8) -> Result<&Table, Fault> {
    let table = tables.get(usize::from(number)).and_then(Option::as_ref);
    table.ok_or(Fault::Damaged("a Huffman table is missing"))
}
