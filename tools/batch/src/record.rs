//! `run.json`: what a run was asked to do, so that nothing else goes on in its folder.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;
use uniultra_dataset::Shard;
use uniultra_schema::{Document, Report, SpacingReport};

/// How masks are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum MaskForm {
    /// A gray PNG for each mask: 255 object, 0 background.
    #[default]
    Png,
    /// COCO's run lengths in the results' lines, and no files.
    Rle,
    /// A DICOM segmentation for each mask in a DICOM file, PNG for the others.
    Seg,
}

/// What a run was asked to do. Two runs with the same record and model write the same bytes on the same kind of
/// processor. The number of threads is not in it: it changes no bit.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RunRecord {
    /// Engine and version.
    pub engine: String,
    /// Where the files are from.
    pub input: InputRecord,
    /// Where the prompts are from.
    pub prompts: PromptsRecord,
    /// `--masks`.
    pub masks: MaskForm,
    /// `--segment-code`, as given.
    pub segment_code: Option<String>,
    /// `--multimask`.
    pub multimask: bool,
    /// `--pixel-spacing`.
    pub pixel_spacing_mm: Option<SpacingReport>,
    /// `--bit-depth`.
    pub bit_depth: Option<u8>,
    /// The part of the files that this run does, `I/N`.
    pub shard: Shard,
}

/// Where the files are from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct InputRecord {
    /// A folder or a list.
    pub kind: InputKind,
    /// The path as given. A run may go on under another one.
    pub path: String,
    /// Number of files, those of all shards.
    pub files: usize,
    /// SHA-256 of all files' paths and sizes, in order.
    pub sha256: String,
}

/// What names the files.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum InputKind {
    /// A folder, with all folders in it.
    Tree,
    /// A list with one file a line.
    List,
}

/// Where the prompts are from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PromptsRecord {
    /// Their form.
    pub kind: PromptsKind,
    /// The path as given. A run may go on under another one.
    pub path: String,
    /// Number of prompts, those of all shards.
    pub prompts: usize,
    /// How many of them are about files that the input does not have.
    pub without_file: usize,
    /// SHA-256 of their file.
    pub sha256: String,
}

/// The form of the prompts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum PromptsKind {
    /// One JSON object a line.
    JsonLines,
    /// A table with a header.
    Csv,
    /// The boxes of an earlier run's masks.
    PreviousRun,
}

impl Report for RunRecord {
    const SCHEMA: &'static str = "uniultra-batch-run";
    const SCHEMA_VERSION: u32 = 1;
}

/// A difference of two records: what, and both values.
pub(crate) type Difference = (&'static str, String, String);

impl RunRecord {
    /// The first difference that changes results, if there is one. Paths may differ: another computer has the files
    /// elsewhere. `with_shard` counts the shard, too.
    pub(crate) fn difference(
        before: &Document<Self>,
        now: &Document<Self>,
        with_shard: bool,
    ) -> Option<Difference> {
        let hashes = |document: &Document<Self>| {
            document.model.as_ref().map_or_else(
                || "none".to_string(),
                |m| {
                    format!(
                        "{} {} ({}, {})",
                        m.id, m.version, m.image_encoder_sha256, m.mask_decoder_sha256
                    )
                },
            )
        };
        let shown = |value: &Option<SpacingReport>| match value {
            Some(SpacingReport::Square(side)) => side.to_string(),
            Some(SpacingReport::Sides([x, y])) => format!("{x},{y}"),
            None => "none".to_string(),
        };
        let option = |value: Option<String>| value.unwrap_or_else(|| "none".to_string());
        let facts = |document: &Document<Self>| {
            let Self { engine, input, prompts, masks, multimask, shard, .. } = &document.report;
            let record = &document.report;
            let shard =
                if with_shard { shard.to_string() } else { format!("N of {}", shard.count()) };
            [
                ("--model", hashes(document)),
                ("version of uniultra-tools", document.tool.version.clone()),
                ("engine", engine.clone()),
                ("--input, number of files", input.files.to_string()),
                ("--input, paths and sizes of the files, SHA-256", input.sha256.clone()),
                ("--prompts, SHA-256", prompts.sha256.clone()),
                ("--masks", masks.to_string()),
                ("--segment-code", option(record.segment_code.clone())),
                ("--multimask", multimask.to_string()),
                ("--pixel-spacing", shown(&record.pixel_spacing_mm)),
                ("--bit-depth", option(record.bit_depth.map(|bits| bits.to_string()))),
                ("--shard", shard),
            ]
        };
        let pairs = facts(before).into_iter().zip(facts(now));
        let mut differing = pairs.filter(|((_, before), (_, now))| before != now);
        differing.next().map(|((what, before), (_, now))| (what, before, now))
    }
}

impl fmt::Display for MaskForm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Png => "png",
            Self::Rle => "rle",
            Self::Seg => "seg",
        })
    }
}

impl FromStr for MaskForm {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let forms = [Self::Png, Self::Rle, Self::Seg];
        let found = forms.into_iter().find(|form| form.to_string() == text);
        found.ok_or_else(|| format!("expected png, rle or seg, found {text:?}"))
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use uniultra_schema::Tool;

    pub(crate) fn document() -> Document<RunRecord> {
        let input = InputRecord {
            kind: InputKind::Tree,
            path: "in".to_string(),
            files: 3,
            sha256: "a".to_string(),
        };
        let prompts = PromptsRecord {
            kind: PromptsKind::Csv,
            path: "p.csv".to_string(),
            prompts: 4,
            without_file: 0,
            sha256: "b".to_string(),
        };
        let record = RunRecord {
            engine: "engine 1".to_string(),
            input,
            prompts,
            masks: MaskForm::Png,
            segment_code: None,
            multimask: false,
            pixel_spacing_mm: None,
            bit_depth: None,
            shard: Shard::WHOLE,
        };
        Document::new(Tool::new("uniultra-tools", "1"), None, record)
    }

    #[test]
    fn what_changes_results_is_named_and_paths_are_not() {
        let before = document();
        let mut now = document();
        now.report.input.path = "elsewhere".to_string();
        assert_eq!(RunRecord::difference(&before, &now, true), None);
        now.report.masks = MaskForm::Rle;
        let (what, expected, found) = RunRecord::difference(&before, &now, true).unwrap();
        assert_eq!((what, expected.as_str(), found.as_str()), ("--masks", "png", "rle"));
        let mut shard = document();
        shard.report.shard = "0/2".parse().unwrap();
        let mut other = document();
        other.report.shard = "1/2".parse().unwrap();
        assert_eq!(RunRecord::difference(&shard, &other, true).unwrap().0, "--shard");
        assert_eq!(RunRecord::difference(&shard, &other, false), None);
        assert_eq!(RunRecord::difference(&before, &other, false).unwrap().0, "--shard");
    }

    #[test]
    fn forms_of_masks_parse_as_they_are_shown() {
        for form in [MaskForm::Png, MaskForm::Rle, MaskForm::Seg] {
            assert_eq!(form.to_string().parse(), Ok(form));
        }
        assert!("PNG".parse::<MaskForm>().unwrap_err().contains("png, rle or seg"));
    }
}
