//! The rows of a training's logs, `log.csv` and `val.csv`.

use std::path::Path;

use anyhow::{Context, Result, ensure};
use serde::{Deserialize, Serialize};

/// Columns of `log.csv` before those of the loss's parts.
pub const LOG_COLUMNS: [&str; 6] = ["step", "epoch", "images", "seconds", "lr", "loss"];

/// One row of `log.csv`.
#[derive(Clone, Debug, PartialEq)]
pub struct LogRow {
    /// Optimiser steps completed.
    pub step: u64,
    /// Epoch, counted from 0.
    pub epoch: u64,
    /// Images seen since the training began.
    pub images: u64,
    /// Training time since it began, over all its sessions.
    pub seconds: f64,
    /// Learning rate.
    pub lr: f64,
    /// The whole loss.
    pub loss: f64,
    /// Its parts, in the order given to the log.
    pub parts: Vec<f64>,
}

impl LogRow {
    pub(super) fn to_record(&self) -> Vec<String> {
        let counts = [self.step, self.epoch, self.images].map(|count| count.to_string());
        // Shortest text that is exact in f32: short, and precise enough for a log.
        let values = [self.lr, self.loss].into_iter().chain(self.parts.iter().copied());
        let values = values.map(|value| (value as f32).to_string());
        counts.into_iter().chain([format!("{:.1}", self.seconds)]).chain(values).collect()
    }

    pub(super) fn from_record(record: &csv::StringRecord) -> Result<Self> {
        let field = |index: usize| record.get(index).context("the row is too short");
        Ok(Self {
            step: field(0)?.parse()?,
            epoch: field(1)?.parse()?,
            images: field(2)?.parse()?,
            seconds: field(3)?.parse()?,
            lr: field(4)?.parse()?,
            loss: field(5)?.parse()?,
            parts: record
                .iter()
                .skip(LOG_COLUMNS.len())
                .map(str::parse)
                .collect::<Result<_, _>>()?,
        })
    }
}

/// One row of `val.csv`: one set of images under one kind of prompt.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ValRow {
    /// Epoch, counted from 0.
    pub epoch: u64,
    /// Optimiser steps completed.
    pub step: u64,
    /// Name of the set.
    pub set: String,
    /// Name of the prompt.
    pub prompt: String,
    /// Mean Dice coefficient, in [0, 1].
    pub dice_mean: f64,
    /// Median Dice coefficient, in [0, 1].
    pub dice_median: f64,
    /// Mean intersection over union, in [0, 1].
    pub iou_mean: f64,
    /// Number of objects.
    pub n: u64,
}

/// All of `log.csv`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LogTable {
    /// Names of the loss's parts.
    pub parts: Vec<String>,
    /// The rows, as written.
    pub rows: Vec<LogRow>,
}

impl LogTable {
    /// Reads `log.csv`. A last row that a kill tore apart is left out.
    ///
    /// # Errors
    /// On a missing file, other columns or a damaged row before the last; names the line.
    pub fn read(path: &Path) -> Result<Self> {
        let (header, records) = records(path)?;
        ensure!(
            header.iter().take(LOG_COLUMNS.len()).eq(LOG_COLUMNS),
            "{} is not a training log: its columns are {}",
            path.display(),
            header.iter().collect::<Vec<_>>().join(", ")
        );
        let parts = header.iter().skip(LOG_COLUMNS.len()).map(str::to_owned).collect();
        let rows = parse(path, &header, &records, LogRow::from_record)?;
        Ok(Self { parts, rows })
    }
}

/// Reads `val.csv`. A last row that a kill tore apart is left out.
///
/// # Errors
/// On a missing file, other columns or a damaged row before the last; names the line.
pub fn read_val(path: &Path) -> Result<Vec<ValRow>> {
    let (header, records) = records(path)?;
    parse(path, &header, &records, |record| Ok(record.deserialize(Some(&header))?))
}

fn records(path: &Path) -> Result<(csv::StringRecord, Vec<csv::StringRecord>)> {
    let read = || {
        let mut reader = csv::ReaderBuilder::new().flexible(true).from_path(path)?;
        let header = reader.headers()?.clone();
        Ok::<_, csv::Error>((header, reader.records().collect::<Result<_, _>>()?))
    };
    read().with_context(|| format!("cannot read {}", path.display()))
}

fn parse<T>(
    path: &Path,
    header: &csv::StringRecord,
    records: &[csv::StringRecord],
    row: impl Fn(&csv::StringRecord) -> Result<T>,
) -> Result<Vec<T>> {
    let mut rows = Vec::with_capacity(records.len());
    for (index, record) in records.iter().enumerate() {
        let parsed = if record.len() == header.len() {
            row(record)
        } else {
            Err(anyhow::anyhow!("{} columns instead of {}", record.len(), header.len()))
        };
        match parsed {
            Ok(parsed) => rows.push(parsed),
            Err(_) if index + 1 == records.len() => {}
            Err(error) => {
                let line = index + 2;
                return Err(error.context(format!("{} line {line} is damaged", path.display())));
            }
        }
    }
    Ok(rows)
}
