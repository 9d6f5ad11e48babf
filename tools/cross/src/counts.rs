//! What the counting plugin writes: a note each time that the program wrote a line.

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

/// Names of the classes of instructions, in the plugin's order. `FMLA` are those of whole vectors, of four
/// floats and of eight halves; other products of floats are `other float`.
pub const CLASSES: [&str; 11] = [
    "FMLA.4s",
    "FMLA.8h",
    "dot product",
    "integer product",
    "other float",
    "other integer",
    "move",
    "load",
    "store",
    "scalar",
    "branch",
];

/// Words of a note: its kind, all instructions, each class, and what the caches did.
const NOTE_WORDS: usize = CLASSES.len() + 5;
/// Words of a block's line.
const BLOCK_WORDS: usize = CLASSES.len() + 4;

/// What was counted: since the start in a note, of one step as a difference.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Instructions.
    pub instructions: u64,
    /// Instructions of each class; zeros where they were not asked for.
    pub classes: [u64; CLASSES.len()],
    /// Misses of the modelled caches: first and second level.
    pub misses: [u64; 2],
    /// Bytes between the second level and memory, both ways.
    pub memory_bytes: u64,
}

/// A block of code that ran.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Block {
    /// Its address less that of the program's entry.
    pub(super) offset: i64,
    /// How often it ran since the note before.
    pub(super) executions: u64,
    pub(super) instructions: u64,
    pub(super) classes: [u64; CLASSES.len()],
}

/// One note.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Note {
    /// Since the program's start.
    pub counts: Counts,
    /// What ran since the note before, where it was asked for.
    pub(super) blocks: Vec<Block>,
}

impl Counts {
    /// What came after an earlier note.
    pub fn since(&self, earlier: &Self) -> Result<Self> {
        let less = |now: u64, then: u64| {
            now.checked_sub(then).with_context(|| format!("expected {then} or more, found {now}"))
        };
        let mut classes = self.classes;
        for (class, then) in classes.iter_mut().zip(earlier.classes) {
            *class = less(*class, then)?;
        }
        let misses = [0, 1].map(|level| less(self.misses[level], earlier.misses[level]));
        let [first, second] = misses;
        Ok(Self {
            instructions: less(self.instructions, earlier.instructions)?,
            classes,
            misses: [first?, second?],
            memory_bytes: less(self.memory_bytes, earlier.memory_bytes)?,
        })
    }

    /// For files.
    pub fn as_json(&self) -> Value {
        let classes: serde_json::Map<_, _> = CLASSES
            .iter()
            .zip(self.classes)
            .map(|(name, n)| (name.to_string(), n.into()))
            .collect();
        json!({
            "instructions": self.instructions,
            "classes": classes,
            "l1_misses": self.misses[0],
            "l2_misses": self.misses[1],
            "memory_bytes": self.memory_bytes,
        })
    }
}

/// The notes of a file.
pub(super) fn notes(text: &str) -> Result<Vec<Note>> {
    let mut notes = Vec::new();
    let mut blocks = Vec::new();
    for line in text.lines() {
        let (kind, numbers) = line.split_once(' ').unwrap_or((line, ""));
        let numbers: Vec<i64> = numbers
            .split(' ')
            .map(str::parse)
            .collect::<Result<_, _>>()
            .with_context(|| format!("expected numbers of the plugin, found `{line}`"))?;
        let expected = if kind == "block" { BLOCK_WORDS } else { NOTE_WORDS } - 1;
        ensure!(
            numbers.len() == expected && (kind == "block" || kind == "note"),
            "expected `block` or `note` of the plugin, found `{line}`"
        );
        let at = |index: usize| u64::try_from(numbers[index]).context("expected a count above 0");
        let mut classes = [0; CLASSES.len()];
        let first_class = if kind == "block" { 3 } else { 1 };
        for (index, class) in classes.iter_mut().enumerate() {
            *class = at(first_class + index)?;
        }
        if kind == "block" {
            let (executions, instructions) = (at(1)?, at(2)?);
            blocks.push(Block { offset: numbers[0], executions, instructions, classes });
        } else {
            let after = first_class + CLASSES.len();
            let counts = Counts {
                instructions: at(0)?,
                classes,
                misses: [at(after)?, at(after + 1)?],
                memory_bytes: at(after + 2)?,
            };
            notes.push(Note { counts, blocks: std::mem::take(&mut blocks) });
        }
    }
    Ok(notes)
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    #[test]
    fn notes_hold_the_blocks_before_them() {
        let text = "note 9 1 0 0 0 0 0 0 0 0 0 8 5 4 128\n\
                    block -16 3 2 0 0 1 0 0 0 0 0 0 1 0\n\
                    note 15 1 0 3 0 0 0 0 0 0 3 8 6 4 192\n";
        let found = notes(text).unwrap();
        let block = &found[1].blocks[0];
        assert_eq!((block.offset, block.executions, block.instructions), (-16, 3, 2));
        assert_eq!((block.classes[2], block.classes[9]), (1, 1));
        let step = found[1].counts.since(&found[0].counts).unwrap();
        assert_eq!((step.instructions, step.misses, step.memory_bytes), (6, [1, 0], 64));
        assert_eq!((step.classes[2], step.classes[9], step.classes[10]), (3, 3, 0));
        assert!(found[0].counts.since(&found[1].counts).is_err());
        assert_eq!(step.as_json()["classes"]["dot product"], 3);
    }

    #[test]
    fn what_is_wrong_is_said() {
        for wrong in ["note 9", "9", "block a", "word 9 1 0 0 0 0 0 0 0 0 0 8 5 4 128"] {
            let error = notes(wrong).unwrap_err().to_string();
            assert!(error.contains(wrong), "{error}");
        }
        assert_eq!(notes("").unwrap(), []);
    }
}
