//! Resolves arguments into a request. Everything that can be refused without a model is refused
//! here.

use crate::args::{RawBox, RawPoint, SegmentArgs};
use crate::board::RunSetup;
use crate::failure::AppError;
use crate::model::ModelSource;
use crate::output::JsonTarget;
use anyhow::Context;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use uniultra_core::{
    Frame, MAX_SIDE_PX, MaskChoice, PixelSpacing, PointLabel, PromptError, Prompts,
};
use uniultra_sink::{check_writable, read_mask_prompt};

/// Largest frame file to read: the largest frame in uncompressed 16-bit RGB, and its header.
const MAX_FRAME_FILE_BYTES: u64 = (MAX_SIDE_PX * MAX_SIDE_PX * 6 + (1 << 20)) as u64;

/// The work of `uniultra segment`.
#[derive(Debug)]
pub(crate) struct Request {
    pub(crate) frame: FrameSource,
    pub(crate) model: ModelSource,
    pub(crate) prompts: Prompts,
    pub(crate) choice: MaskChoice,
    pub(crate) outputs: Outputs,
    pub(crate) spacing: Option<PixelSpacing>,
    pub(crate) setup: RunSetup,
}

/// The source of the frame.
#[derive(Debug)]
pub(crate) enum FrameSource {
    Stdin,
    File(PathBuf),
}

/// The outputs to write.
#[derive(Debug)]
pub(crate) struct Outputs {
    pub(crate) mask: Option<PathBuf>,
    pub(crate) overlay: Option<PathBuf>,
    pub(crate) logits: Option<PathBuf>,
    pub(crate) json: Option<JsonTarget>,
}

impl Request {
    /// Resolves arguments: builds the prompts, reads the mask prompt, and checks that every output
    /// can be written and that this machine fits the profile `board`.
    pub(crate) fn resolve(args: &SegmentArgs, board: Option<&Path>) -> anyhow::Result<Self> {
        let outputs = Outputs {
            mask: args.out_mask.clone(),
            overlay: args.overlay.clone(),
            logits: args.logits.clone(),
            json: args.json.clone(),
        };
        let frame = if args.frame.as_os_str() == "-" {
            FrameSource::Stdin
        } else {
            FrameSource::File(args.frame.clone())
        };
        outputs.check(&frame, args.mask_prompt.as_deref())?;
        let prompts = prompts(args)?;
        let model = ModelSource::resolve(args.model.as_deref())?;
        let choice = if args.multimask { MaskChoice::Multimask } else { MaskChoice::Single };
        let setup = RunSetup::resolve_on_this_machine(board, args.threads)?;
        Ok(Self { frame, model, prompts, choice, outputs, spacing: args.pixel_spacing, setup })
    }
}

fn prompts(args: &SegmentArgs) -> anyhow::Result<Prompts> {
    let mut prompts = Prompts::new();
    for &RawPoint { x, y, positive } in &args.points {
        let label = if positive { PointLabel::Positive } else { PointLabel::Negative };
        prompts = prompts.with_point(x, y, label)?;
    }
    if let Some(RawBox([x0, y0, x1, y1])) = args.corners {
        prompts = prompts.with_box(x0, y0, x1, y1)?;
    }
    if let Some(path) = &args.mask_prompt {
        prompts = prompts.with_mask(read_mask_prompt(path, args.mask_prompt_index)?)?;
    }
    if prompts.is_empty() {
        return Err(PromptError::Empty.into());
    }
    Ok(prompts)
}

impl FrameSource {
    /// The path as given, for reports.
    pub(crate) fn name(&self) -> String {
        match self {
            Self::Stdin => "-".to_string(),
            Self::File(path) => path.display().to_string(),
        }
    }

    /// Reads and decodes the frame.
    pub(crate) fn read(&self) -> anyhow::Result<Frame> {
        let bytes = self
            .bytes()
            .map_err(|e| AppError::Input(format!("cannot read the frame {}: {e}", self.name())))?;
        if bytes.len() as u64 > MAX_FRAME_FILE_BYTES {
            let name = self.name();
            let message =
                format!("frame {name}: expected at most {MAX_FRAME_FILE_BYTES} bytes, found more");
            return Err(AppError::Input(message).into());
        }
        Frame::decode(&bytes).with_context(|| self.name())
    }

    fn bytes(&self) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        let limit = MAX_FRAME_FILE_BYTES + 1;
        match self {
            Self::Stdin => io::stdin().lock().take(limit).read_to_end(&mut bytes)?,
            Self::File(path) => File::open(path)?.take(limit).read_to_end(&mut bytes)?,
        };
        Ok(bytes)
    }
}

impl Outputs {
    /// Every file to write, with the option that names it.
    pub(crate) fn files(&self) -> impl Iterator<Item = (&'static str, &Path)> {
        let json = match &self.json {
            Some(JsonTarget::File(path)) => Some(path),
            _ => None,
        };
        [
            ("--out-mask", self.mask.as_ref()),
            ("--overlay", self.overlay.as_ref()),
            ("--logits", self.logits.as_ref()),
            ("--json", json),
        ]
        .into_iter()
        .filter_map(|(option, path)| Some((option, path?.as_path())))
    }

    /// Refuses outputs that overwrite each other or an input, or that cannot be written.
    fn check(&self, frame: &FrameSource, mask_prompt: Option<&Path>) -> anyhow::Result<()> {
        let mut taken: Vec<(&str, PathBuf)> = Vec::new();
        if let FrameSource::File(path) = frame {
            taken.push(("the frame", identity(path)));
        }
        if let Some(path) = mask_prompt {
            taken.push(("--mask-prompt", identity(path)));
        }
        for (option, path) in self.files() {
            let place = identity(path);
            if let Some((other, _)) = taken.iter().find(|(_, taken)| *taken == place) {
                let path = path.display();
                let message = format!(
                    "{option}: expected a file of its own, found the file of {other}, {path}"
                );
                return Err(AppError::Usage(message).into());
            }
            check_writable(path)?;
            // Several results may go to the same device, such as `/dev/null`.
            if fs::metadata(path).map_or(true, |data| data.is_file()) {
                taken.push((option, place));
            }
        }
        Ok(())
    }
}

/// Refuses a JSON file that would overwrite the frame or that cannot be written.
pub(crate) fn check_json(
    json: Option<&JsonTarget>,
    frame: Option<&FrameSource>,
) -> anyhow::Result<()> {
    let outputs = Outputs { mask: None, overlay: None, logits: None, json: json.cloned() };
    outputs.check(frame.unwrap_or(&FrameSource::Stdin), None)
}

/// A path that is the same for all names of a file, even if the file does not exist yet.
fn identity(path: &Path) -> PathBuf {
    if let Ok(path) = fs::canonicalize(path) {
        return path;
    }
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    match (fs::canonicalize(folder), path.file_name()) {
        (Ok(folder), Some(name)) => folder.join(name),
        _ => path.to_path_buf(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args::{Cli, Command};
    use clap::Parser;

    fn resolve(tail: &[&str]) -> anyhow::Result<Request> {
        let line = ["uniultra", "segment"].into_iter().chain(tail.iter().copied());
        match Cli::try_parse_from(line)?.command {
            Command::Segment(args) => Request::resolve(&args, None),
            _ => panic!("not a segment line"),
        }
    }

    fn refused<T: std::error::Error + Send + Sync + 'static>(tail: &[&str]) -> T {
        resolve(tail).unwrap_err().downcast().unwrap()
    }

    #[test]
    fn a_full_line_resolves() {
        let request = resolve(&[
            "f.png",
            "--model",
            "m",
            "--point",
            "1,2",
            "--point",
            "3,4,0",
            "--box",
            "0,0,9,9",
            "--multimask",
            "--threads",
            "2",
            "--pixel-spacing",
            "0.5",
            "--json",
            "-",
        ])
        .unwrap();
        assert_eq!(request.prompts.points().len(), 2);
        assert_eq!(request.prompts.points()[1].label, PointLabel::Negative);
        assert_eq!(request.prompts.bounding_box(), Some([0.0, 0.0, 9.0, 9.0]));
        assert_eq!(request.choice, MaskChoice::Multimask);
        assert_eq!(request.setup.engine.threads, 2);
        assert_eq!(request.spacing.map(PixelSpacing::mm), Some(0.5));
        assert_eq!(request.frame.name(), "f.png");
        assert_eq!(request.model, ModelSource::Folder(PathBuf::from("m")));
    }

    #[test]
    fn bad_prompts_are_refused_before_any_work() {
        assert_eq!(refused::<PromptError>(&["f.png", "--model", "m"]), PromptError::Empty);
        for point in ["nan,1", "1,inf", "1e39,0"] {
            assert!(matches!(
                refused(&["f.png", "--model", "m", "--point", point]),
                PromptError::NotFinite { .. }
            ));
        }
        assert!(matches!(
            refused(&["f.png", "--model", "m", "--box", "5,5,4,9"]),
            PromptError::BoxCorners { .. }
        ));
        let mut line = vec!["f.png", "--model", "m"];
        line.extend(["--point", "1,1"].repeat(33));
        assert_eq!(refused::<PromptError>(&line), PromptError::TooManyPoints);
    }

    #[test]
    fn outputs_may_not_meet_each_other_or_the_inputs() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name).display().to_string();
        let (frame, a, again) = (path("frame.png"), path("a.png"), path("./a.png"));
        fs::write(&frame, b"").unwrap();
        fn line<'a>(tail: &[&'a str]) -> Vec<&'a str> {
            [&["--model", "m", "--point", "1,1"], tail].concat()
        }
        for tail in [
            [frame.as_str(), "--overlay", &frame, "--json", "-"],
            [frame.as_str(), "--out-mask", &a, "--overlay", &again],
        ] {
            assert!(matches!(refused(&line(&tail)), AppError::Usage(_)), "{tail:?}");
        }
        assert!(resolve(&line(&[&frame, "--out-mask", &a, "--json", &path("b.json")])).is_ok());
        #[cfg(unix)]
        assert!(
            resolve(&line(&[&frame, "--out-mask", "/dev/null", "--json", "/dev/null"])).is_ok()
        );
    }

    #[test]
    fn an_output_that_cannot_be_written_is_found_at_once() {
        let folder = tempfile::tempdir().unwrap();
        let below = folder.path().join("absent").join("a.png").display().to_string();
        let line = ["f.png", "--model", "m", "--point", "1,1", "--out-mask", &below];
        let error: uniultra_sink::SinkError = refused(&line);
        assert!(error.is_output());
    }

    #[test]
    fn a_missing_frame_is_bad_input() {
        let error = FrameSource::File(PathBuf::from("absent.png")).read().unwrap_err();
        assert!(matches!(error.downcast_ref(), Some(AppError::Input(_))));
        assert!(error.to_string().contains("absent.png"));
    }
}
