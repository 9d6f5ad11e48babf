//! Content of `POLYDATA`: points, and the lines and polygons that join them.

use crate::Mismatch;
use crate::fields::{Fields, check_most, put_finite};
use crate::limits::{MAX_POLY_CELLS, MAX_POLY_INDICES, MAX_POLY_POINTS};

/// Bytes in front of the points: ten numbers.
pub(crate) const FIXED_BYTES: usize = 40;

/// Bytes of a point, and of an index.
const POINT_BYTES: usize = 12;
const INDEX_BYTES: usize = 4;

/// Most bytes of a content within the bounds.
pub(crate) const MAX_BYTES: usize = FIXED_BYTES
    + MAX_POLY_POINTS * POINT_BYTES
    + 2 * (MAX_POLY_INDICES + MAX_POLY_CELLS) * INDEX_BYTES;

/// Outlines in space.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PolyData {
    /// Places in millimetres, at most [`MAX_POLY_POINTS`].
    pub points: Vec<[f32; 3]>,
    /// Lines: indices of at least two points each. A closed line ends with the index it starts with.
    pub lines: Vec<Vec<u32>>,
    /// Polygons: indices of at least three points each. The last joins the first.
    pub polygons: Vec<Vec<u32>>,
}

impl PolyData {
    /// Closed lines, one for each outline. The points of an outline are in order, the first is not repeated.
    /// An outline without points is left out.
    ///
    /// ```
    /// use uniultra_igtl::PolyData;
    ///
    /// let triangle = vec![[0.0, 0.0, 0.0], [4.0, 0.0, 0.0], [0.0, 3.0, 0.0]];
    /// let lines = PolyData::closed_lines([triangle]);
    /// assert_eq!(lines.lines, [[0, 1, 2, 0]]);
    /// ```
    #[must_use]
    pub fn closed_lines(outlines: impl IntoIterator<Item = Vec<[f32; 3]>>) -> Self {
        let mut data = Self::default();
        for outline in outlines {
            let mut line = data.add(outline);
            line.extend(line.first().copied());
            data.lines.extend(Some(line).filter(|line| !line.is_empty()));
        }
        data
    }

    /// Filled polygons, one for each outline, as [`PolyData::closed_lines`].
    #[must_use]
    pub fn filled(outlines: impl IntoIterator<Item = Vec<[f32; 3]>>) -> Self {
        let mut data = Self::default();
        for outline in outlines {
            let polygon = data.add(outline);
            data.polygons.extend(Some(polygon).filter(|polygon| !polygon.is_empty()));
        }
        data
    }

    /// Adds points; gives their indices. Too many of them are refused when they are written.
    fn add(&mut self, outline: Vec<[f32; 3]>) -> Vec<u32> {
        let index = |index: usize| u32::try_from(index).unwrap_or(u32::MAX);
        let first = self.points.len();
        self.points.extend(outline);
        (first..self.points.len()).map(index).collect()
    }

    pub(crate) fn read(content: &[u8]) -> Result<Self, Mismatch> {
        let mut fields = Fields::new(content);
        let point_count = read_count(&mut fields, "points")?;
        check_most("points", MAX_POLY_POINTS, point_count)?;
        let vertices = CellSizes::read(&mut fields, "vertices", 0)?;
        let lines = CellSizes::read(&mut fields, "lines", MAX_POLY_CELLS)?;
        let polygons = CellSizes::read(&mut fields, "polygons", MAX_POLY_CELLS)?;
        let strips = CellSizes::read(&mut fields, "triangle strips", 0)?;
        let attributes = read_count(&mut fields, "attributes")?;
        check_most("attributes", 0, attributes)?;

        let expected = point_count * POINT_BYTES + lines.bytes + polygons.bytes;
        if vertices.bytes + strips.bytes != 0 || fields.remaining() != expected {
            return Err(Mismatch::new("bytes of points and cells", expected, fields.remaining()));
        }
        let mut points = Vec::with_capacity(point_count);
        for _ in 0..point_count {
            points.push(fields.finite("points")?);
        }
        let lines = lines.cells(&mut fields, 2, point_count)?;
        let polygons = polygons.cells(&mut fields, 3, point_count)?;
        Ok(Self { points, lines, polygons })
    }

    pub(crate) fn write(&self, out: &mut Vec<u8>) -> Result<(), Mismatch> {
        let points = self.points.len();
        check_most("points", MAX_POLY_POINTS, points)?;
        let lines = CellSizes::of("lines", &self.lines, 2, points)?;
        let polygons = CellSizes::of("polygons", &self.polygons, 3, points)?;
        // All fit: the bounds of points and cells are much smaller.
        let counts =
            [points, 0, 0, lines.count, lines.bytes, polygons.count, polygons.bytes, 0, 0, 0];
        out.reserve(FIXED_BYTES + points * POINT_BYTES + lines.bytes + polygons.bytes);
        out.extend(counts.map(|count| (count as u32).to_be_bytes()).as_flattened());
        put_finite(out, "points", self.points.as_flattened())?;
        for cell in self.lines.iter().chain(&self.polygons) {
            out.extend((cell.len() as u32).to_be_bytes());
            out.extend(cell.iter().flat_map(|index| index.to_be_bytes()));
        }
        Ok(())
    }
}

/// How many cells there are of a kind, and their bytes.
struct CellSizes {
    field: &'static str,
    count: usize,
    bytes: usize,
}

impl CellSizes {
    fn read(fields: &mut Fields<'_>, field: &'static str, most: usize) -> Result<Self, Mismatch> {
        let count = read_count(fields, field)?;
        check_most(field, most, count)?;
        let bytes = read_count(fields, field)?;
        check_most(field, (MAX_POLY_INDICES + count) * INDEX_BYTES, bytes)?;
        Ok(Self { field, count, bytes })
    }

    fn of(
        field: &'static str,
        cells: &[Vec<u32>],
        least: usize,
        points: usize,
    ) -> Result<Self, Mismatch> {
        check_most(field, MAX_POLY_CELLS, cells.len())?;
        let indices = cells.iter().fold(0_usize, |sum, cell| sum.saturating_add(cell.len()));
        check_most("indices", MAX_POLY_INDICES, indices)?;
        cells.iter().try_for_each(|cell| check_cell(field, cell, least, points))?;
        Ok(Self { field, count: cells.len(), bytes: (indices + cells.len()) * INDEX_BYTES })
    }

    fn cells(
        &self,
        fields: &mut Fields<'_>,
        least: usize,
        points: usize,
    ) -> Result<Vec<Vec<u32>>, Mismatch> {
        let mut fields = Fields::new(fields.bytes(self.field, self.bytes)?);
        let mut cells = Vec::with_capacity(self.count);
        for _ in 0..self.count {
            let length = read_count(&mut fields, self.field)?;
            let indices = fields.bytes(self.field, length.saturating_mul(INDEX_BYTES))?;
            let indices = indices.as_chunks().0.iter();
            let cell = indices.map(|index| u32::from_be_bytes(*index)).collect::<Vec<_>>();
            check_cell(self.field, &cell, least, points)?;
            cells.push(cell);
        }
        fields.end(self.field)?;
        Ok(cells)
    }
}

fn read_count(fields: &mut Fields<'_>, field: &'static str) -> Result<usize, Mismatch> {
    Ok(usize::try_from(fields.u32(field)?).unwrap_or(usize::MAX))
}

fn check_cell(
    field: &'static str,
    cell: &[u32],
    least: usize,
    points: usize,
) -> Result<(), Mismatch> {
    if cell.len() < least {
        return Err(Mismatch::new(field, format!("at least {least} points"), cell.len()));
    }
    let exists = |index: &u32| usize::try_from(*index).is_ok_and(|index| index < points);
    match cell.iter().find(|index| !exists(index)) {
        Some(index) => Err(Mismatch::new(field, format!("indices of {points} points"), index)),
        None => Ok(()),
    }
}
