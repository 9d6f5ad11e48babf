//! Chooses a few inputs of many: those that reach most of what no seed reaches.
//!
//! libFuzzer's own merge keeps every input that reaches anything new, which is hundreds of files. But it
//! records what each input reaches, and the choice here is made from that record.

use anyhow::{Context, Result, ensure};
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use uniultra_checkout::workspace::{self, Workspace};

/// Most seeds of a target, and the largest input that becomes one.
const MOST_SEEDS: usize = 40;
const MAX_BYTES: u64 = 4096;

/// What an input reaches, in libFuzzer's numbers: edges and how often they were taken, and compared values.
#[derive(Debug, PartialEq)]
struct Input {
    path: PathBuf,
    features: BTreeSet<u32>,
}

/// Copies inputs of the corpus to the seeds; returns how many.
pub(super) fn keep(
    workspace: &Workspace,
    binary: &Path,
    corpus: &Path,
    seeds: &Path,
    scratch: &Path,
) -> Result<usize> {
    let (record, merged) = (scratch.join("record"), scratch.join("merged"));
    if scratch.exists() {
        fs::remove_dir_all(scratch)?;
    }
    fs::create_dir_all(&merged)?;
    let mut command = workspace.command(binary);
    command.args(["-set_cover_merge=1", "-max_len=65536", "-verbosity=1"]);
    command.arg(format!("-merge_control_file={}", record.display()));
    workspace::run(command.arg(&merged).arg(seeds).arg(corpus))?;
    let inputs = parse(&fs::read_to_string(&record)?)?;
    let (seeds_of_old, found): (Vec<_>, Vec<_>) =
        inputs.into_iter().partition(|input| input.path.starts_with(seeds));
    ensure!(!seeds_of_old.is_empty(), "{}: expected seeds, found none", seeds.display());
    let small = |input: &Input| fs::metadata(&input.path).is_ok_and(|data| data.len() <= MAX_BYTES);
    let found: Vec<_> = found.into_iter().filter(small).collect();
    let chosen = choose(&seeds_of_old, &found);
    for path in &chosen {
        let name = path.file_name().context("expected a file's name")?;
        fs::copy(path, seeds.join(name))?;
    }
    Ok(chosen.len())
}

/// Reads libFuzzer's record: the number of files, the number of those in the first folder, the files, and a line
/// `FT FILE FEATURE...` for each file that was run to its end.
fn parse(record: &str) -> Result<Vec<Input>> {
    let mut lines = record.lines();
    let mut number = || lines.next().and_then(|line| line.trim().parse::<usize>().ok());
    let (count, _first) = number().zip(number()).context("expected two numbers of files")?;
    let paths = lines.by_ref().take(count);
    let mut inputs: Vec<_> =
        paths.map(|path| Input { path: path.into(), features: BTreeSet::new() }).collect();
    for line in lines {
        let Some(line) = line.strip_prefix("FT ") else { continue };
        let mut numbers = line.split_ascii_whitespace().map(str::parse::<u32>);
        let place = numbers.next().context("expected a file's number")??;
        let input = inputs.get_mut(place as usize).context("expected the number of a file")?;
        input.features = numbers.collect::<Result<_, _>>()?;
    }
    Ok(inputs)
}

/// Again and again the input that reaches most of what is not reached yet, until nothing is new or there are
/// enough.
fn choose<'a>(seeds: &[Input], found: &'a [Input]) -> Vec<&'a Path> {
    let mut reached: BTreeSet<u32> =
        seeds.iter().flat_map(|input| &input.features).copied().collect();
    let mut chosen = Vec::new();
    while seeds.len() + chosen.len() < MOST_SEEDS {
        let new = |input: &Input| input.features.difference(&reached).count();
        let best = found.iter().map(|input| (new(input), input)).max_by_key(|(new, _)| *new);
        let Some((1.., best)) = best else { break };
        reached.extend(&best.features);
        chosen.push(best.path.as_path());
    }
    chosen
}

#[cfg(test)]
mod tests {
    use super::*;

    fn input(path: &str, features: &[u32]) -> Input {
        Input { path: path.into(), features: features.iter().copied().collect() }
    }

    #[test]
    fn libfuzzers_record_is_read() {
        let record = "3\n0\nseeds/a\ncorpus/b c\ncorpus/d\nSTARTED 0 5\nFT 0 1 4\nCOV 0 1\nSTARTED 1 5\nFT 1\n\
            COV 1\nSTARTED 2 9\n";
        let expected =
            [input("seeds/a", &[1, 4]), input("corpus/b c", &[]), input("corpus/d", &[])];
        assert_eq!(parse(record).unwrap(), expected);
        for bad in ["", "x\n0\n", "1\n0\na\nFT 1 2\n", "1\n0\na\nFT 0 x\n"] {
            assert!(parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn the_inputs_that_reach_most_are_chosen() {
        let seeds = [input("seed", &[1, 2])];
        let found = [
            input("nothing new", &[1, 2]),
            input("two", &[1, 3, 4]),
            input("three", &[3, 5, 6]),
            input("one", &[4]),
        ];
        // After `three`, `two` and `one` reach one new thing each, and then nothing is left.
        let chosen = choose(&seeds, &found);
        assert_eq!(chosen.len(), 2, "{chosen:?}");
        assert_eq!(chosen[0], Path::new("three"));
        let many: Vec<_> = (0..100).map(|i| input("many", &[100 + i])).collect();
        assert_eq!(choose(&seeds, &many).len(), MOST_SEEDS - 1);
    }
}
