//! `pixel_size.csv`: the scale of images.

use crate::FolderError;
use crate::listing::Listing;
use crate::text;
use csv::{ReaderBuilder, StringRecord, Trim};
use std::collections::BTreeMap;
use std::path::Path;
use uniultra_core::PixelSpacing;

const FILE: &str = "pixel_size.csv";

/// What the file says about one image.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Scale {
    pub(crate) pixel_spacing: Option<PixelSpacing>,
    pub(crate) head_circumference_mm: Option<f32>,
}

/// Columns of the sides of a pixel that is square, and of one that may not be: across the image, down
/// the image.
const SQUARE: &str = "pixel_size_mm";
const SIDES: [&str; 2] = ["pixel_size_x_mm", "pixel_size_y_mm"];

/// Reads the columns `stem`, `pixel_size_mm` and, if there, `head_circumference_mm` of a set's file.
/// Where pixels are not square, `pixel_size_x_mm` and `pixel_size_y_mm` are read instead. Spreadsheets write them with commas, semicolons or tabs between them, and with commas in numbers.
///
/// # Errors
/// [`FolderError`] if the file cannot be read or is no UTF-8 text.
pub(crate) fn read(
    set: &Path,
    images: &Listing,
    problem: &mut dyn FnMut(&str, String),
) -> Result<BTreeMap<String, Scale>, FolderError> {
    let path = set.join(FILE);
    let Some(text) = text::read(&path)? else { return Ok(BTreeMap::new()) };
    let (skipped, delimiter) = delimiter(&text);
    let mut reader = ReaderBuilder::new()
        .delimiter(delimiter)
        .has_headers(false)
        .flexible(true)
        .trim(Trim::All)
        .from_reader(text.as_bytes());
    let mut records = reader.records().skip(usize::from(skipped));
    let refuse = |error: csv::Error| {
        let line = error.position().map_or(1, csv::Position::line);
        FolderError::Table { path: path.clone(), line, reason: error.to_string() }
    };
    let header = records.next().transpose().map_err(refuse)?.unwrap_or_default();
    let column = |name: &str| header.iter().position(|found| found.eq_ignore_ascii_case(name));
    let sides = match SIDES.map(column) {
        [Some(x), Some(y)] => Some([x, y]),
        [None, None] => column(SQUARE).map(|side| [side; 2]),
        _ => None,
    };
    let (Some(stem), Some(sides)) = (column("stem"), sides) else {
        let found: Vec<_> = header.iter().map(|name| format!("`{name}`")).collect();
        let line = header.position().map_or(1, csv::Position::line);
        let what = format!(
            "{FILE} line {line}: expected columns stem and {SQUARE}, or stem and {}, found {}",
            SIDES.join(" and "),
            if found.is_empty() { "an empty file".to_string() } else { found.join(", ") }
        );
        problem("", what);
        return Ok(BTreeMap::new());
    };
    let circumference = column("head_circumference_mm");

    let mut scales = BTreeMap::<String, (u64, Scale)>::new();
    let mut strangers = Vec::new();
    for record in records {
        let record = record.map_err(refuse)?;
        if record.iter().all(str::is_empty) {
            continue;
        }
        let line = record.position().map_or(0, csv::Position::line);
        let name = record.get(stem).unwrap_or_default();
        if record.iter().skip(header.len()).any(|cell| !cell.is_empty()) {
            // A comma in a number or a text would move the cells behind it.
            let (expected, found) = (header.len(), record.len());
            let what = format!("{FILE} line {line}: expected {expected} cells, found {found}");
            problem(name, what);
            continue;
        }
        let scale = Scale {
            pixel_spacing: spacing(&record, sides),
            head_circumference_mm: circumference.and_then(|column| positive(&record, column)),
        };
        if scale.pixel_spacing.is_none() {
            let [x, y] = sides.map(|side| record.get(side).unwrap_or_default());
            let found =
                if sides[0] == sides[1] { format!("{x:?}") } else { format!("{x:?}, {y:?}") };
            let what = format!(
                "{FILE} line {line}: expected a pixel size of 0.001 to 10 mm, found {found}"
            );
            problem(name, what);
        }
        let stem = match images.resolve(name) {
            Ok(stem) => stem,
            Err(stem) => {
                strangers.push((line, stem));
                continue;
            }
        };
        match scales.get(&stem) {
            None => drop(scales.insert(stem, (line, scale))),
            Some((_, known)) if *known == scale => {}
            Some((first, _)) => {
                let what = format!(
                    "{FILE} line {line}: expected one row for an image, found another in line \
                     {first}, which is used"
                );
                problem(&stem, what);
            }
        }
    }
    // A table of a larger set is fine. Where images have no row, a row without an image is likely
    // a name that is spelt in another way.
    if images.stems().any(|stem| !scales.contains_key(stem)) {
        for (line, stem) in strangers {
            problem(&stem, format!("{FILE} line {line}: expected an image's name, found {stem:?}"));
        }
    }
    Ok(scales.into_iter().map(|(stem, (_, scale))| (stem, scale)).collect())
}

/// Whether the first line only names the delimiter, and the delimiter.
fn delimiter(text: &str) -> (bool, u8) {
    let first = text.lines().find(|line| !line.trim().is_empty()).unwrap_or_default();
    let bare = first.trim().trim_matches('"');
    if let Some(named) = bare.strip_prefix("sep=").or_else(|| bare.strip_prefix("SEP=")) {
        return (true, named.bytes().next().unwrap_or(b'\t'));
    }
    let count = |delimiter: u8| first.bytes().filter(|byte| *byte == delimiter).count();
    let most = [b'\t', b';', b','].into_iter().max_by_key(|delimiter| count(*delimiter));
    (false, most.unwrap_or(b','))
}

fn spacing(record: &StringRecord, sides: [usize; 2]) -> Option<PixelSpacing> {
    let [x, y] = sides.map(|side| positive(record, side));
    PixelSpacing::with_sides(x?, y?).ok()
}

fn positive(record: &StringRecord, column: usize) -> Option<f32> {
    let cell = record.get(column)?;
    // A comma in a cell is a decimal comma: nothing here is as long as a thousand.
    let value: f32 =
        if cell.contains('.') { cell.parse() } else { cell.replacen(',', ".", 1).parse() }.ok()?;
    (value.is_finite() && value > 0.0).then_some(value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use tempfile::TempDir;

    /// A set with images `a` and `b` and a table.
    fn set(table: &[u8]) -> TempDir {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("image")).unwrap();
        for name in ["a.png", "b.jpg"] {
            fs::write(folder.path().join("image").join(name), "").unwrap();
        }
        fs::write(folder.path().join(FILE), table).unwrap();
        folder
    }

    type Scales = BTreeMap<String, Scale>;

    fn read_table(table: &[u8]) -> (Result<Scales, FolderError>, Vec<String>) {
        let folder = set(table);
        let images = Listing::read(&folder.path().join("image"), "image").unwrap();
        let mut problems = Vec::new();
        let mut problem = |stem: &str, what: String| problems.push(format!("{stem}: {what}"));
        (read(folder.path(), &images, &mut problem), problems)
    }

    #[test]
    fn every_spreadsheets_table_is_read() {
        let expected = |mm| Scale {
            pixel_spacing: Some(PixelSpacing::new(mm).unwrap()),
            head_circumference_mm: Some(44.5),
        };
        for table in [
            "stem,pixel_size_mm,head_circumference_mm\na,0.1,44.5\nb,0.2,44.5\n",
            "\u{feff}stem,pixel_size_mm,head_circumference_mm\r\na,0.1,44.5\r\nb,0.2,44.5\r\n",
            "stem;pixel_size_mm;head_circumference_mm\r\na.png;0,1;44,5\r\nb.png;0,2;44,5\r\n;;\r\n",
            "sep=;\r\nstem;pixel_size_mm;head_circumference_mm\r\na;0.1;44.5\r\nb;0.2;44.5\r\n",
            "stem\tpixel_size_mm\thead_circumference_mm\na\t0.1\t44.5\nb\t0.2\t44.5",
            "\"stem\",\"pixel_size_mm\",\"head_circumference_mm\"\n\"a.PNG\",\"0,1\",\"44.5\"\n\"b\",0.2,44.5\n",
            "Pixel_Size_mm, Stem, note, head_circumference_mm\n\n0.1, image/a.png, x y, 44.5,\n 0.2 ,b.jpg,,44.5\n",
            "stem,pixel_size_mm,head_circumference_mm\ra,0.1,44.5\rb,0.2,44.5\r",
        ] {
            let (scales, problems) = read_table(table.as_bytes());
            let scales = scales.unwrap();
            assert_eq!(problems, [""; 0], "{table}");
            assert_eq!(scales["a"], expected(0.1), "{table}");
            assert_eq!(scales["b"], expected(0.2), "{table}");
        }
    }

    #[test]
    fn pixels_may_have_two_sides() {
        for table in [
            "stem,pixel_size_x_mm,pixel_size_y_mm\na,0.1,0.3\nb,0.2,0.2\n",
            "pixel_size_y_mm;stem;pixel_size_x_mm\n0,3;a.png;0,1\n0,2;b;0,2\n",
            // The two sides say more than one.
            "stem,pixel_size_mm,pixel_size_x_mm,pixel_size_y_mm\na,9,0.1,0.3\nb,9,0.2,0.2\n",
        ] {
            let (scales, problems) = read_table(table.as_bytes());
            let scales = scales.unwrap();
            assert_eq!(problems, [""; 0], "{table}");
            let sides = |stem: &str| scales[stem].pixel_spacing.map(|s| [s.x_mm(), s.y_mm()]);
            assert_eq!((sides("a"), sides("b")), (Some([0.1, 0.3]), Some([0.2, 0.2])), "{table}");
        }
    }

    #[test]
    fn what_cannot_be_read_is_named_with_its_line() {
        for (table, complaint) in [
            (
                "name,size\na,0.1\n",
                "line 1: expected columns stem and pixel_size_mm, or stem and pixel_size_x_mm and \
                 pixel_size_y_mm, found `name`, `size`",
            ),
            ("", "pixel_size_y_mm, found an empty file"),
            (
                "stem,pixel_size_mm,pixel_size_x_mm\na,0.1,0.1\n",
                "found `stem`, `pixel_size_mm`, `pixel_size_x_mm`",
            ),
            (
                "stem,pixel_size_x_mm,pixel_size_y_mm\na,0.1,11\nb,0.1,0.1\n",
                "a: pixel_size.csv line 2: expected a pixel size of 0.001 to 10 mm, found \"0.1\", \"11\"",
            ),
            (
                "stem,pixel_size_x_mm,pixel_size_y_mm\na,0.1,\nb,0.1,0.1\n",
                "line 2: expected a pixel size of 0.001 to 10 mm, found \"0.1\", \"\"",
            ),
            (
                "stem,pixel_size_mm\na,x\nb,0.1\n",
                "a: pixel_size.csv line 2: expected a pixel size of 0.001 to 10 mm, found \"x\"",
            ),
            ("stem,pixel_size_mm\na,0.1\nb\n", "b: pixel_size.csv line 3"),
            (
                "stem,pixel_size_mm\na,1,2\nb,0.1\n",
                "a: pixel_size.csv line 2: expected 2 cells, found 3",
            ),
            (
                "stem,pixel_size_mm\na,-1\nb,0.1\n",
                "line 2: expected a pixel size of 0.001 to 10 mm, found \"-1\"",
            ),
            (
                "stem,pixel_size_mm\na,0.1\nB,0.2\n",
                "B: pixel_size.csv line 3: expected an image's name",
            ),
            (
                "stem,pixel_size_mm\na,0.1\na.png,0.2\nb,0.1\n",
                "line 3: expected one row for an image, found another in line 2",
            ),
        ] {
            let (scales, problems) = read_table(table.as_bytes());
            assert!(scales.is_ok());
            assert!(
                problems.len() == 1 && problems[0].contains(complaint),
                "{table}: {problems:?}"
            );
        }
        for (table, complaint) in [
            (
                b"stem,pixel_size_mm\na,0.1\ncaf\xe9,1\n".as_slice(),
                "pixel_size.csv line 3: expected UTF-8",
            ),
            (b"\xff\xfes\0t\0", "pixel_size.csv line 1: expected UTF-8, found UTF-16"),
        ] {
            let error = read_table(table).0.unwrap_err().to_string();
            assert!(error.contains(complaint), "{error}");
        }
    }

    #[test]
    fn a_table_of_a_larger_set_is_fine() {
        let (scales, problems) = read_table(b"stem,pixel_size_mm\na,0.1\nb,0.2\nc,0.3\n");
        assert_eq!((scales.unwrap().len(), problems.len()), (2, 0));
    }
}
