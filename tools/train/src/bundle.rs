//! Packs a run into a few files, for a machine without network access: the program, the
//! configuration, the checkpoints and images that it names, and a script that starts it. The files
//! are small enough to be sent one at a time.

use crate::build::StageKind;
use crate::config::Config;
use anyhow::{Context, Result, bail, ensure};
use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use toml::{Table, Value};
use uniultra_sink::write_atomically;

/// Folders of a set, as `uniultra-dataset` reads them.
const SET_FOLDERS: [&str; 4] = ["image", "mask", "image_1024", "mask_1024"];
const SPLIT: &str = "data_split.json";

/// Names in the bundle.
const PROGRAM: &str = "uniultra-train";
const CONFIG: &str = "run.toml";
const SCRIPT: &str = "run.sh";

/// A tar archive has a header of this size for each file, and pads files to whole blocks.
const BLOCK: u64 = 512;
/// Two empty blocks end an archive; writers fill up to 20.
const END: u64 = 20 * BLOCK;

const MIB: u64 = 1 << 20;

/// The content of a bundle.
#[derive(Debug)]
pub struct Bundle {
    /// The archives, in order.
    pub parts: Vec<PathBuf>,
    /// Files in them.
    pub files: usize,
    /// The script that unpacks them and trains.
    pub script: PathBuf,
}

/// Writes the run that `config` describes to `out`: `part-NN.tar` of at most `part_mib` MiB each,
/// and `run.sh`. `program` is the trainer that goes with it.
///
/// # Errors
/// A configuration or a set that cannot be read, a file larger than a part, a folder that is not
/// empty, a disk that fails.
pub fn bundle(
    kind: StageKind,
    config: &Path,
    program: &Path,
    out: &Path,
    part_mib: u64,
) -> Result<Bundle> {
    let (_, text) = Config::read(config)?;
    let base = config.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(out).with_context(|| format!("cannot make {}", out.display()))?;
    ensure!(
        fs::read_dir(out).is_ok_and(|mut entries| entries.next().is_none()),
        "{}: expected an empty folder, as old parts would be unpacked with the new ones",
        out.display()
    );
    let mut table: Table = text.parse()?;
    let mut contents =
        Contents { base: base.to_path_buf(), files: Vec::new(), named: BTreeMap::new() };
    contents.files.push((program.to_path_buf(), PROGRAM.to_string()));
    for (place, key) in [("model", "init"), ("model", "decoder_init"), ("teacher", "checkpoint")] {
        if let Some(value) = table.get_mut(place).and_then(|table| table.get_mut(key)) {
            contents.checkpoint(value)?;
        }
    }
    for place in [vec!["data"], vec!["validation", "data"]] {
        let mut found = Some(&mut table);
        for key in place {
            found = found.and_then(|table| table.get_mut(key)).and_then(Value::as_table_mut);
        }
        let sets = found.and_then(|data| data.get_mut("set")).and_then(Value::as_array_mut);
        for path in sets.into_iter().flatten().filter_map(|set| set.get_mut("path")) {
            contents.set(path)?;
        }
    }
    let parts = write_parts(out, &table.to_string(), &contents.files, part_mib)?;
    let script = out.join(SCRIPT);
    write_atomically(&script, |file| file.write_all(script_text(kind).as_bytes()))?;
    Ok(Bundle { parts, files: contents.files.len() + 1, script })
}

fn script_text(kind: StageKind) -> String {
    format!(
        "#!/bin/sh\n\
         # Unpacks the parts beside this file and trains, or goes on with a run.\n\
         # OUT is the run's folder, DEVICE cpu, cuda or auto; libtorch is found by LD_LIBRARY_PATH.\n\
         set -eu\n\
         cd \"$(dirname \"$0\")\"\n\
         for part in part-*.tar; do tar -xf \"$part\"; done\n\
         exec ./{PROGRAM} {} --config {CONFIG} --out \"${{OUT:-run}}\" --device \"${{DEVICE:-auto}}\" \
         --resume \"$@\"\n",
        kind.name()
    )
}

/// The files to pack.
struct Contents {
    base: PathBuf,
    /// Source, and name in the bundle.
    files: Vec<(PathBuf, String)>,
    /// Names that are taken, with their sources.
    named: BTreeMap<String, PathBuf>,
}

impl Contents {
    /// Takes a checkpoint in, and changes the configuration's path to its name there.
    fn checkpoint(&mut self, value: &mut Value) -> Result<()> {
        let (source, name, new) = self.name("weights", value)?;
        if new {
            self.files.push((source, name.clone()));
        }
        *value = Value::String(name);
        Ok(())
    }

    /// The same for the images and masks of a set.
    fn set(&mut self, value: &mut Value) -> Result<()> {
        let (source, name, new) = self.name("data", value)?;
        if new {
            let before = self.files.len();
            for folder in SET_FOLDERS.iter().filter(|folder| source.join(folder).is_dir()) {
                let folder_path = source.join(folder);
                let entries = fs::read_dir(&folder_path)
                    .and_then(Iterator::collect::<io::Result<Vec<_>>>)
                    .with_context(|| format!("cannot read {}", folder_path.display()))?;
                let mut paths: Vec<PathBuf> = entries.iter().map(fs::DirEntry::path).collect();
                paths.retain(|path| path.is_file());
                paths.sort();
                for path in paths {
                    let file = path.file_name().unwrap_or_default().to_string_lossy();
                    let inside = format!("{name}/{folder}/{file}");
                    self.files.push((path, inside));
                }
            }
            ensure!(
                self.files.len() > before,
                "{}: expected a set with the folders image and mask, found neither",
                source.display()
            );
            if source.join(SPLIT).is_file() {
                self.files.push((source.join(SPLIT), format!("{name}/{SPLIT}")));
            }
        }
        *value = Value::String(name);
        Ok(())
    }

    /// The target of a path in the configuration, its name in the bundle, and whether the bundle
    /// does not have it yet.
    fn name(&mut self, folder: &str, value: &Value) -> Result<(PathBuf, String, bool)> {
        let Some(path) = value.as_str() else { bail!("expected a path, found {value}") };
        let source = self.base.join(path);
        let source = source
            .canonicalize()
            .with_context(|| format!("cannot find {}", self.base.join(path).display()))?;
        let last = source.file_name().unwrap_or_default().to_string_lossy().into_owned();
        // Two runs may both have a best.safetensors.
        for number in 0.. {
            let name = match number {
                0 => format!("{folder}/{last}"),
                _ => format!("{folder}/{number}-{last}"),
            };
            match self.named.get(&name) {
                Some(taken) if *taken == source => return Ok((source, name, false)),
                Some(_) => {}
                None => {
                    self.named.insert(name.clone(), source.clone());
                    return Ok((source, name, true));
                }
            }
        }
        bail!("no name is left for {}", source.display())
    }
}

fn write_parts(
    out: &Path,
    config: &str,
    files: &[(PathBuf, String)],
    part_mib: u64,
) -> Result<Vec<PathBuf>> {
    let limit = part_mib * MIB;
    let space = |bytes: u64| BLOCK + bytes.div_ceil(BLOCK) * BLOCK;
    let mut used = END + space(config.len() as u64);
    let mut groups: Vec<Vec<&(PathBuf, String)>> = vec![Vec::new()];
    for file in files {
        let shown = file.0.display();
        let bytes = fs::metadata(&file.0).with_context(|| format!("cannot read {shown}"))?.len();
        let needed = space(bytes);
        ensure!(
            END + needed <= limit,
            "{shown}: expected at most {part_mib} MiB, the size of a part, found {bytes} bytes"
        );
        if used + needed > limit {
            groups.push(Vec::new());
            used = END;
        }
        used += needed;
        if let Some(group) = groups.last_mut() {
            group.push(file);
        }
    }
    let mut parts = Vec::with_capacity(groups.len());
    for (number, group) in groups.iter().enumerate() {
        let path = out.join(format!("part-{number:02}.tar"));
        write_atomically(&path, |file| {
            let mut archive = tar::Builder::new(file);
            archive.mode(tar::HeaderMode::Deterministic);
            if number == 0 {
                let mut header = tar::Header::new_gnu();
                header.set_size(config.len() as u64);
                header.set_mode(0o644);
                archive.append_data(&mut header, CONFIG, config.as_bytes())?;
            }
            for (source, name) in group {
                archive.append_path_with_name(source, name)?;
            }
            archive.finish()
        })?;
        parts.push(path);
    }
    Ok(parts)
}
