//! The folders of shards become the folder of the whole.

use crate::BatchError;
use crate::folder::{MASKS, RESULTS, RUN, is_finished, read_record, record_text};
use crate::input::is_plain;
use crate::line::ResultLine;
use crate::record::{MaskForm, RunRecord};
use crate::report::BatchReport;
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};
use uniultra_dataset::Shard;
use uniultra_report::{ReportFolder, create_folder};
use uniultra_schema::Document;
use uniultra_sink::{SinkError, StagedFolder, write_atomically};

/// Whether a folder is that of a batch, and not a report of another command.
#[must_use]
pub fn is_batch(folder: &Path) -> bool {
    folder.join(RUN).is_file() || folder.join(RESULTS).is_file()
}

/// Merges the folders of all shards of one run into `out`. The files are the bytes of one run without shards. `out`
/// appears whole or not at all. With `force`, it may be the folder of an earlier batch, which is replaced.
///
/// # Errors
/// [`BatchError::Usage`] if `out` is not free, [`BatchError::Merge`] unless the folders are all shards of one run, each once and finished; [`BatchError::Line`]
/// for a damaged line; [`BatchError::Output`].
pub fn merge(folders: &[PathBuf], out: &Path, force: bool) -> Result<BatchReport, BatchError> {
    check_target(folders, out, force)?;
    let shards = shards(folders)?;
    let Some((_, first)) = shards.first() else {
        return Err(BatchError::Merge("expected folders of shards, found none".to_string()));
    };
    let mut record = first.clone();
    record.report.shard = Shard::WHOLE;
    if let Some(parent) = out.parent().filter(|parent| !parent.as_os_str().is_empty()) {
        create_folder(parent)?;
    }
    let staged = StagedFolder::beside(out)?;
    let folder = staged.path();
    ReportFolder::create(folder)?.write(RUN, &record_text(&record)?)?;
    let path = folder.join(RESULTS);
    let readers = shards.iter().map(|(folder, _)| Reader::open(folder));
    let mut readers = readers.collect::<Result<Vec<_>, _>>()?;
    let mut files = 0;
    let mut copied = Ok(());
    write_atomically(&path, |writer| {
        copied = weave(&mut readers, folder, writer).map(|count| files = count);
        copied.as_ref().map(|_| ()).map_err(|error| io::Error::other(error.to_string()))
    })
    .or_else(|error| if copied.is_err() { Ok(()) } else { Err(error) })?;
    copied?;
    let expected = record.report.input.files;
    if files != expected {
        let message = format!("expected lines about {expected} files in all shards, found {files}");
        return Err(BatchError::Merge(message));
    }
    if record.report.masks != MaskForm::Rle {
        create_folder(&folder.join(MASKS))?;
    }
    let report = BatchReport::finish(folder, &record)?;
    staged.finish()?;
    Ok(report)
}

/// Refuses to replace anything but a batch, and that only on request.
fn check_target(folders: &[PathBuf], out: &Path, force: bool) -> Result<(), BatchError> {
    let refuse = |expected: &str, found: &str| {
        let out = out.display();
        Err(BatchError::Usage(format!("--out {out}: expected {expected}, found {found}")))
    };
    let place = fs::canonicalize(out);
    let is_out = |folder: &PathBuf| fs::canonicalize(folder).ok() == place.as_ref().ok().cloned();
    let has_files = fs::read_dir(out).map(|mut entries| entries.next().is_some());
    match has_files {
        Err(_) if !out.exists() => Ok(()),
        Err(source) => Err(BatchError::read(out, source)),
        Ok(false) => Ok(()),
        Ok(_) if folders.iter().any(is_out) => refuse("a folder of its own", "one of the shards"),
        Ok(_) if !is_batch(out) => refuse("a new or empty folder", "other files in it"),
        Ok(_) if !force => refuse("a new or empty folder, or --force", "an earlier batch in it"),
        Ok(_) => Ok(()),
    }
}

/// The folders in the order of their shards, checked to be a whole.
fn shards(folders: &[PathBuf]) -> Result<Vec<(PathBuf, Document<RunRecord>)>, BatchError> {
    let refuse = |message: String| Err(BatchError::Merge(message));
    let mut found: BTreeMap<usize, (PathBuf, Document<RunRecord>)> = BTreeMap::new();
    let mut first: Option<(&PathBuf, Document<RunRecord>)> = None;
    for folder in folders {
        let shown = folder.display();
        let Some(record) = read_record(folder)? else {
            return refuse(format!("expected the folder of a batch, found {shown} without {RUN}"));
        };
        if let Some((other, before)) = &first
            && let Some((what, expected, found)) = RunRecord::difference(before, &record, false)
        {
            let other = other.display();
            return refuse(format!(
                "expected shards of one run, found another {what}: {expected} in {other}, {found} in {shown}"
            ));
        }
        let shard = record.report.shard;
        if !is_finished(folder) {
            return refuse(format!(
                "expected finished shards, found {shown} (shard {shard}) unfinished; start it again with its options"
            ));
        }
        first.get_or_insert_with(|| (folder, record.clone()));
        if let Some((other, _)) = found.insert(shard.index(), (folder.clone(), record)) {
            let other = other.display();
            return refuse(format!(
                "expected each shard once, found {shard} in {other} and in {shown}"
            ));
        }
    }
    let count = first.map_or(0, |(_, record)| record.report.shard.count());
    let missing: Vec<String> = (0..count)
        .filter(|index| !found.contains_key(index))
        .map(|index| format!("{index}/{count}"))
        .collect();
    if !missing.is_empty() {
        return refuse(format!(
            "expected all {count} shards, found none of {}",
            missing.join(", ")
        ));
    }
    Ok(found.into_values().collect())
}

/// The results of a shard, file by file.
struct Reader {
    folder: PathBuf,
    results: PathBuf,
    lines: io::Lines<BufReader<File>>,
    number: u64,
    /// The first line of the next file.
    next: Option<(String, ResultLine)>,
}

impl Reader {
    fn open(folder: &Path) -> Result<Self, BatchError> {
        let results = folder.join(RESULTS);
        let file = File::open(&results).map_err(|source| BatchError::read(&results, source))?;
        let lines = BufReader::new(file).lines();
        let mut reader =
            Self { folder: folder.to_path_buf(), results, lines, number: 0, next: None };
        reader.next = reader.line()?;
        Ok(reader)
    }

    fn line(&mut self) -> Result<Option<(String, ResultLine)>, BatchError> {
        let Some(line) = self.lines.next() else { return Ok(None) };
        self.number += 1;
        let text = line.map_err(|source| BatchError::read(&self.results, source))?;
        let line = serde_json::from_str(&text)
            .map_err(|error| BatchError::line(&self.results, self.number, error))?;
        Ok(Some((text, line)))
    }

    /// Copies the lines and masks of the next file. Says whether there was one.
    fn copy(&mut self, target: &Path, writer: &mut dyn Write) -> Result<bool, BatchError> {
        let Some((mut text, mut line)) = self.next.take() else { return Ok(false) };
        let path = line.path.clone();
        loop {
            if let Some(mask) = &line.mask_file {
                self.copy_mask(mask, target)?;
            }
            let written = writeln!(writer, "{text}");
            let path_out = || target.join(RESULTS);
            written.map_err(|source| SinkError::Write { path: path_out(), source })?;
            match self.line()? {
                Some((next_text, next)) if next.path == path => (text, line) = (next_text, next),
                next => {
                    self.next = next;
                    return Ok(true);
                }
            }
        }
    }

    fn copy_mask(&self, mask: &str, target: &Path) -> Result<(), BatchError> {
        // Results are input like any other.
        if !is_plain(mask) || !mask.starts_with(MASKS) {
            let reason = format!("mask_file: expected a path below {MASKS}, found {mask:?}");
            return Err(BatchError::line(&self.results, self.number, reason));
        }
        let (from, to) = (self.folder.join(mask), target.join(mask));
        let mut source = File::open(&from).map_err(|source| BatchError::read(&from, source))?;
        if let Some(parent) = to.parent() {
            create_folder(parent)?;
        }
        // The folder appears as a whole, so its files need no care of their own.
        let mut copy = || {
            let mut file = BufWriter::new(fs::File::create(&to)?);
            io::copy(&mut source, &mut file)?;
            file.flush()
        };
        copy().map_err(|source| SinkError::Write { path: to.clone(), source }.into())
    }
}

/// Copies files in turns, one from each shard: that is how they were shared out. Gives their number.
fn weave(
    readers: &mut [Reader],
    target: &Path,
    writer: &mut dyn Write,
) -> Result<usize, BatchError> {
    let mut files = 0;
    loop {
        for reader in readers.iter_mut() {
            if !reader.copy(target, writer)? {
                return end(readers, files);
            }
            files += 1;
        }
    }
}

/// After the last file of one shard, no other has more.
fn end(readers: &[Reader], files: usize) -> Result<usize, BatchError> {
    let Some(reader) = readers.iter().find(|reader| reader.next.is_some()) else {
        return Ok(files);
    };
    let shown = reader.results.display();
    let message = format!(
        "expected shards that fit each other, found more files in {shown} than in the others"
    );
    Err(BatchError::Merge(message))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::folder::REPORT;
    use crate::line::Status;
    use crate::record::tests::document;

    /// The folder of a shard about these files.
    fn shard(home: &Path, name: &str, shard: &str, paths: &[&str]) -> PathBuf {
        let folder = home.join(name);
        fs::create_dir_all(folder.join("masks")).unwrap();
        let mut record = document();
        record.report.shard = shard.parse().unwrap();
        fs::write(folder.join(RUN), record_text(&record).unwrap()).unwrap();
        let mut text = String::new();
        for path in paths {
            let mask = format!("masks/{path}.f1.p1.png");
            fs::write(folder.join(&mask), path).unwrap();
            let line = ResultLine { mask_file: Some(mask), ..ResultLine::new(path, Status::Done) };
            text += &line.text().unwrap();
            text += &ResultLine::new(path, Status::NoPrompt).text().unwrap();
        }
        fs::write(folder.join(RESULTS), text).unwrap();
        fs::write(folder.join(REPORT), "{}").unwrap();
        folder
    }

    #[test]
    fn files_come_in_turns() {
        let home = tempfile::tempdir().unwrap();
        let a = shard(home.path(), "a", "0/2", &["1", "3"]);
        let b = shard(home.path(), "b", "1/2", &["2"]);
        let out = home.path().join("new/out");
        let report = merge(&[b.clone(), a.clone()], &out, false).unwrap();
        assert_eq!((report.files, report.done), (3, 3));
        let text = fs::read_to_string(out.join(RESULTS)).unwrap();
        let paths: Vec<String> = text
            .lines()
            .map(|line| serde_json::from_str::<ResultLine>(line).unwrap().path)
            .collect();
        assert_eq!(paths, ["1", "1", "2", "2", "3", "3"]);
        assert_eq!(fs::read_to_string(out.join("masks/2.f1.p1.png")).unwrap(), "2");
        let record = read_record(&out).unwrap().unwrap();
        assert_eq!(record.report.shard, Shard::WHOLE);
        assert!(is_finished(&out) && is_batch(&out));
        let message =
            |out: &Path, force| merge(&[a.clone(), b.clone()], out, force).unwrap_err().to_string();
        assert!(message(&out, false).contains("or --force, found an earlier batch"));
        assert_eq!(merge(&[a.clone(), b.clone()], &out, true).unwrap(), report);
        assert!(message(&a, true).contains("found one of the shards"));
        fs::remove_dir_all(out.join("masks")).unwrap();
        for name in [RUN, RESULTS] {
            fs::remove_file(out.join(name)).unwrap();
        }
        assert!(message(&out, true).contains("found other files in it"));
    }

    #[test]
    fn shards_that_do_not_fit_are_named() {
        let home = tempfile::tempdir().unwrap();
        let home = home.path();
        let a = shard(home, "a", "0/3", &["1"]);
        let b = shard(home, "b", "1/3", &["2"]);
        let again = shard(home, "again", "1/3", &["2"]);
        let out = home.join("out");
        let message = |folders: &[&PathBuf]| {
            let folders: Vec<PathBuf> = folders.iter().map(|folder| (*folder).clone()).collect();
            let message = merge(&folders, &out, false).unwrap_err().to_string();
            assert!(!out.exists());
            message
        };
        assert!(message(&[&a]).contains("expected all 3 shards, found none of 1/3, 2/3"));
        let double = message(&[&a, &b, &again]);
        assert!(double.contains("found 1/3 in") && double.contains("again"), "{double}");
        let other = shard(home, "other", "2/4", &["3"]);
        assert!(message(&[&a, &b, &other]).contains("another --shard: N of 3 in"));
        let few = shard(home, "few", "2/3", &[]);
        assert!(message(&[&a, &b, &few]).contains("about 3 files in all shards, found 2"));
        let many = shard(home, "many", "2/3", &["3", "6"]);
        assert!(message(&[&a, &b, &many]).contains("more files in"));
        let unfinished = shard(home, "unfinished", "2/3", &["3"]);
        fs::remove_file(unfinished.join(REPORT)).unwrap();
        let early = message(&[&a, &b, &unfinished]);
        assert!(early.contains("(shard 2/3) unfinished"), "{early}");
        let evil = shard(home, "evil", "2/3", &["3"]);
        let line = ResultLine {
            mask_file: Some("masks/../../x".to_string()),
            ..ResultLine::new("3", Status::Done)
        };
        fs::write(evil.join(RESULTS), line.text().unwrap()).unwrap();
        assert!(message(&[&a, &b, &evil]).contains("expected a path below masks"));
        fs::create_dir(home.join("empty")).unwrap();
        assert!(message(&[&home.join("empty")]).contains("without run.json"));
    }
}
