//! A training's log: `log.csv`, `val.csv` and, at the end, `summary.json`.
//!
//! Rows reach the disk as they are written, so that a running training can be watched and a
//! killed one read. Resuming drops the rows that the training is about to write again.

use std::fs::{File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use serde::Serialize;

use super::log_rows::{LOG_COLUMNS, LogRow, LogTable, ValRow, read_val};
use uniultra_sink::write_atomically;

/// File of the losses.
pub const LOG_FILE: &str = "log.csv";
/// File of the validations.
pub const VAL_FILE: &str = "val.csv";
/// File of the results.
pub const SUMMARY_FILE: &str = "summary.json";

/// Writer of a training's log. See the [module](self).
#[derive(Debug)]
pub struct TrainLog {
    folder: PathBuf,
    parts: usize,
    log: csv::Writer<File>,
    val: csv::Writer<File>,
}

impl TrainLog {
    /// Begins the log of a new training, whose loss has the given `parts`, in `folder`.
    ///
    /// # Errors
    /// When the folder already holds a log or cannot be written.
    pub fn create(folder: &Path, parts: &[&str]) -> Result<Self> {
        for name in [LOG_FILE, VAL_FILE] {
            let path = folder.join(name);
            ensure!(
                !path.exists(),
                "{} belongs to another training: resume that or choose another folder",
                path.display()
            );
        }
        Self::resume(folder, parts, 0)
    }

    /// Continues the log of a training that goes on after optimiser step `step`: later rows are
    /// dropped. With step 0, or without a log, it begins anew.
    ///
    /// # Errors
    /// When the log has other parts, is damaged or cannot be written.
    pub fn resume(folder: &Path, parts: &[&str], step: u64) -> Result<Self> {
        std::fs::create_dir_all(folder)
            .with_context(|| format!("cannot create {}", folder.display()))?;
        let (log_path, val_path) = (folder.join(LOG_FILE), folder.join(VAL_FILE));
        let log_rows = if step > 0 && log_path.exists() {
            let table = LogTable::read(&log_path)?;
            ensure!(
                table.parts == parts,
                "{} logs the loss as {}, this training as {}",
                log_path.display(),
                table.parts.join(", "),
                parts.join(", ")
            );
            table.rows
        } else {
            Vec::new()
        };
        let val_rows =
            if step > 0 && val_path.exists() { read_val(&val_path)? } else { Vec::new() };

        rewrite(&log_path, |out| {
            out.write_record(LOG_COLUMNS.iter().chain(parts))?;
            for row in log_rows.iter().filter(|row| row.step <= step) {
                out.write_record(row.to_record())?;
            }
            Ok(())
        })?;
        rewrite(&val_path, |out| {
            // Writes the header that serde would write, because serde writes none without a row.
            out.write_record([
                "epoch",
                "step",
                "set",
                "prompt",
                "dice_mean",
                "dice_median",
                "iou_mean",
                "n",
            ])?;
            for row in val_rows.iter().filter(|row| row.step <= step) {
                out.serialize(row)?;
            }
            Ok(())
        })?;
        Ok(Self {
            folder: folder.to_owned(),
            parts: parts.len(),
            log: appender(&log_path)?,
            val: appender(&val_path)?,
        })
    }

    /// Appends a row of losses.
    ///
    /// # Errors
    /// When the number of parts is not that of the log, or the disk fails.
    pub fn step(&mut self, row: &LogRow) -> Result<()> {
        ensure!(
            row.parts.len() == self.parts,
            "the loss has {} parts, its log {}",
            row.parts.len(),
            self.parts
        );
        let mut write = || {
            self.log.write_record(row.to_record())?;
            Ok::<_, csv::Error>(self.log.flush()?)
        };
        write().with_context(|| format!("cannot write {}", self.folder.join(LOG_FILE).display()))
    }

    /// Appends the results of a validation.
    ///
    /// # Errors
    /// When the disk fails.
    pub fn validation(&mut self, rows: &[ValRow]) -> Result<()> {
        let mut write = || {
            for row in rows {
                self.val.serialize(row)?;
            }
            Ok::<_, csv::Error>(self.val.flush()?)
        };
        write().with_context(|| format!("cannot write {}", self.folder.join(VAL_FILE).display()))
    }

    /// Writes `summary.json`, atomically.
    ///
    /// # Errors
    /// If the value cannot be JSON or the disk fails.
    pub fn summary(&self, value: &impl Serialize) -> Result<()> {
        let path = self.folder.join(SUMMARY_FILE);
        let text = serde_json::to_string_pretty(value)
            .with_context(|| format!("cannot express {} in JSON", path.display()))?;
        Ok(write_atomically(&path, |out| out.write_all(format!("{text}\n").as_bytes()))?)
    }

    /// Where the log is.
    pub fn folder(&self) -> &Path {
        &self.folder
    }
}

type Rows<'a> = csv::Writer<&'a mut dyn io::Write>;

fn rewrite(path: &Path, fill: impl FnOnce(&mut Rows<'_>) -> csv::Result<()>) -> Result<()> {
    Ok(write_atomically(path, |out| {
        let mut rows = csv::WriterBuilder::new().has_headers(false).from_writer(out);
        fill(&mut rows).map_err(io::Error::other)?;
        rows.flush()
    })?)
}

fn appender(path: &Path) -> Result<csv::Writer<File>> {
    let file = OpenOptions::new()
        .append(true)
        .open(path)
        .with_context(|| format!("cannot write {}", path.display()))?;
    Ok(csv::WriterBuilder::new().has_headers(false).from_writer(file))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(step: u64) -> LogRow {
        let loss = 1.0 / step as f64;
        LogRow {
            step,
            epoch: 0,
            images: step * 4,
            seconds: 0.5,
            lr: 1e-4,
            loss,
            parts: vec![loss, 0.0],
        }
    }

    fn val(step: u64, set: &str) -> ValRow {
        let (set, prompt) = (set.to_owned(), "box".to_owned());
        ValRow {
            epoch: 0,
            step,
            set,
            prompt,
            dice_mean: 0.9,
            dice_median: 0.95,
            iou_mean: 0.8,
            n: 3,
        }
    }

    #[test]
    fn resuming_drops_later_rows_and_goes_on() {
        let folder = tempfile::tempdir().unwrap();
        let mut log = TrainLog::create(folder.path(), &["seg", "iou"]).unwrap();
        for step in 1..=5 {
            log.step(&row(step)).unwrap();
        }
        log.validation(&[val(2, "a"), val(2, "b, \"c\""), val(4, "a")]).unwrap();
        drop(log);
        // A kill tears the last row apart.
        let path = folder.path().join(LOG_FILE);
        let text = std::fs::read_to_string(&path).unwrap();
        std::fs::write(&path, &text[..text.len() - 9]).unwrap();

        let mut log = TrainLog::resume(folder.path(), &["seg", "iou"], 3).unwrap();
        log.step(&row(4)).unwrap();
        log.validation(&[val(4, "again")]).unwrap();
        let table = LogTable::read(&path).unwrap();
        assert_eq!(table.parts, ["seg", "iou"]);
        let steps: Vec<u64> = table.rows.iter().map(|row| row.step).collect();
        assert_eq!(steps, [1, 2, 3, 4]);
        assert!((table.rows[2].loss - 1.0 / 3.0).abs() < 1e-7);
        let sets: Vec<String> = read_val(&folder.path().join(VAL_FILE))
            .unwrap()
            .into_iter()
            .map(|row| row.set)
            .collect();
        assert_eq!(sets, ["a", "b, \"c\"", "again"]);
    }

    #[test]
    fn an_existing_log_is_not_overwritten() {
        let folder = tempfile::tempdir().unwrap();
        TrainLog::create(folder.path(), &["seg"]).unwrap();
        let error = TrainLog::create(folder.path(), &["seg"]).unwrap_err().to_string();
        assert!(error.contains("another training"), "{error}");
        let error = TrainLog::resume(folder.path(), &["kd"], 1).unwrap_err().to_string();
        assert!(error.contains("logs the loss as seg, this training as kd"), "{error}");
        TrainLog::resume(folder.path(), &["kd"], 0).unwrap();
    }

    #[test]
    fn damage_before_the_end_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(LOG_FILE);
        std::fs::write(&path, "step,epoch,images,seconds,lr,loss\n1,0\n2,0,8,1.0,0.1,0.5\n")
            .unwrap();
        let error = format!("{:#}", LogTable::read(&path).unwrap_err());
        assert!(error.contains("line 2 is damaged: 2 columns instead of 6"), "{error}");
    }

    #[test]
    fn values_that_are_no_numbers_survive() {
        let folder = tempfile::tempdir().unwrap();
        let mut log = TrainLog::create(folder.path(), &[]).unwrap();
        log.step(&LogRow { loss: f64::NAN, parts: vec![], ..row(1) }).unwrap();
        let mut wrong = row(2);
        wrong.parts.clear();
        wrong.parts.push(1.0);
        assert!(log.step(&wrong).is_err());
        assert!(LogTable::read(&folder.path().join(LOG_FILE)).unwrap().rows[0].loss.is_nan());
        log.summary(&serde_json::json!({"dice": 0.9})).unwrap();
        assert!(folder.path().join(SUMMARY_FILE).exists());
    }
}
