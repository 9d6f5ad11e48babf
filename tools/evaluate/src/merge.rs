//! Reports of shards become the report of the whole.

use crate::picture::{choose, path_of};
use crate::report::Row;
use crate::{EvaluateError, Picture, Report, Shard};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use uniultra_report::create_folder;
use uniultra_sink::write_atomically;

/// Merges the reports of all shards of one run into one, and copies the pictures it shows to
/// `folder`. Its rows are those of the same run without shards, in the same order; the picture of
/// the median is the nearest that a shard had drawn.
///
/// # Errors
/// [`EvaluateError::Merge`] if the reports are not exactly the shards of one run,
/// [`EvaluateError::Read`] or [`EvaluateError::Report`] for files, [`EvaluateError::Output`].
pub fn merge(paths: &[PathBuf], folder: &Path) -> Result<(Report, Vec<Picture>), EvaluateError> {
    let parts = paths
        .iter()
        .map(|path| Ok((path.as_path(), Report::read(path)?)))
        .collect::<Result<Vec<_>, EvaluateError>>()?;
    let report = join(&parts)?;
    let mut drawn: BTreeMap<String, PathBuf> = BTreeMap::new();
    for (path, part) in &parts {
        let home = if path.is_dir() { path } else { path.parent().unwrap_or(path) };
        for row in &part.rows {
            let (name, file) = (path_of(row), home.join(path_of(row)));
            if is_plain(row) && file.is_file() {
                drawn.insert(name, file);
            }
        }
    }
    let pictures = choose(&report, &|row| drawn.contains_key(&path_of(row)));
    for picture in &pictures {
        let Some(source) = drawn.get(&picture.path) else { continue };
        let bytes = std::fs::read(source)
            .map_err(|error| EvaluateError::Read { path: source.clone(), source: error })?;
        let target = folder.join(&picture.path);
        if let Some(parent) = target.parent() {
            create_folder(parent)?;
        }
        write_atomically(&target, |w| w.write_all(&bytes))?;
    }
    Ok((report, pictures))
}

/// Whether a row's names stay inside a folder: a report is input like any other.
fn is_plain(row: &Row) -> bool {
    [&row.set, &row.prompt, &row.model, &row.stem]
        .iter()
        .all(|name| !name.starts_with('.') && !name.contains(['/', '\\', ':']))
}

fn join(parts: &[(&Path, Report)]) -> Result<Report, EvaluateError> {
    let Some((first_path, first)) = parts.first() else {
        return Err(EvaluateError::Merge("expected reports, found none".to_string()));
    };
    let mut shards: Vec<Shard> = Vec::new();
    let mut commands: Vec<Vec<String>> = Vec::new();
    for (path, part) in parts {
        let differs = [
            (part.settings != first.settings, "settings"),
            (part.models != first.models, "models"),
            (part.engine != first.engine, "engine"),
        ];
        if let Some((_, what)) = differs.iter().find(|(differs, _)| *differs) {
            return Err(EvaluateError::Merge(format!(
                "expected reports of one run, found other {what} in {} than in {}",
                path.display(),
                first_path.display()
            )));
        }
        shards.extend(&part.shards);
        commands.extend(part.commands.iter().cloned());
    }
    complete(&mut shards)?;
    let mut rows: Vec<Row> = parts.iter().flat_map(|(_, part)| part.rows.clone()).collect();
    // Stable: within an image the order stays as it was.
    rows.sort_by(|a, b| (&a.set, &a.stem).cmp(&(&b.set, &b.stem)));
    let mut seen = BTreeSet::new();
    if let Some(row) =
        rows.iter().find(|row| !seen.insert((&row.set, &row.stem, &row.model, &row.prompt)))
    {
        let Row { set, stem, model, prompt, .. } = row;
        let found = format!("{set}/{stem}, {model}, {prompt}");
        return Err(EvaluateError::Merge(format!("expected each row once, found {found} twice")));
    }
    let problems = parts.iter().flat_map(|(_, part)| part.problems.clone()).collect();
    let (settings, models) = (first.settings.clone(), first.models.clone());
    Ok(Report::new(settings, models, commands, vec![Shard::WHOLE], rows, problems))
}

/// Checks that the shards are all of one whole, each once.
fn complete(shards: &mut [Shard]) -> Result<(), EvaluateError> {
    shards.sort_unstable();
    let count = shards.first().map_or(0, |shard| shard.count());
    let expected = (0..count).map(|index| (index, count));
    if shards.iter().map(|shard| (shard.index(), shard.count())).eq(expected) {
        return Ok(());
    }
    let found: Vec<_> = shards.iter().map(ToString::to_string).collect();
    let message = format!("expected each shard of one run once, found {}", found.join(", "));
    Err(EvaluateError::Merge(message))
}
