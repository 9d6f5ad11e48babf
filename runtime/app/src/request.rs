//! Resolves arguments into a request. Everything that can be refused without a model is refused
//! here.

#[cfg(feature = "dicom")]
use crate::args::DicomArgs;
use crate::args::{RawBox, RawPoint, SegmentArgs};
use crate::board::RunSetup;
use crate::frame_source::FrameSource;
use crate::model::ModelSource;
use crate::output::Outputs;
use std::path::Path;
use uniultra_core::{DecodeOptions, MaskChoice, PixelSpacing, PointLabel, PromptError, Prompts};
use uniultra_sink::read_mask_prompt;

/// The work of `uniultra segment`.
#[derive(Debug)]
pub(crate) struct Request {
    pub(crate) frame: FrameSource,
    pub(crate) decode: DecodeOptions,
    #[cfg(feature = "dicom")]
    pub(crate) bit_depth: Option<u8>,
    pub(crate) model: ModelSource,
    pub(crate) prompts: Prompts,
    pub(crate) choice: MaskChoice,
    pub(crate) outputs: Outputs,
    pub(crate) spacing: Option<PixelSpacing>,
    pub(crate) setup: RunSetup,
    #[cfg(feature = "dicom")]
    pub(crate) dicom: DicomArgs,
}

impl Request {
    /// Resolves arguments: builds the prompts, reads the mask prompt, and checks that every output
    /// can be written and that this machine fits the profile `board`.
    pub(crate) fn resolve(args: &SegmentArgs, board: Option<&Path>) -> anyhow::Result<Self> {
        #[cfg(feature = "dicom")]
        let (dicom_seg, dicom_sr) = (args.dicom.dicom_seg.clone(), args.dicom.dicom_sr.clone());
        #[cfg(not(feature = "dicom"))]
        let (dicom_seg, dicom_sr) = (None, None);
        let outputs = Outputs {
            mask: args.out_mask.clone(),
            overlay: args.overlay.clone(),
            logits: args.logits.clone(),
            json: args.json.clone(),
            dicom_seg,
            dicom_sr,
        };
        let frame = if args.frame.as_os_str() == "-" {
            FrameSource::Stdin
        } else {
            FrameSource::File(args.frame.clone())
        };
        outputs.check(&frame, args.mask_prompt.as_deref())?;
        let prompts = prompts(args)?;
        let decode = match args.bit_depth {
            Some(bits) => DecodeOptions::new().with_bit_depth(bits)?,
            None => DecodeOptions::new(),
        };
        let model = ModelSource::resolve(args.model.as_deref())?;
        let choice = if args.multimask { MaskChoice::Multimask } else { MaskChoice::Single };
        let setup = RunSetup::resolve_on_this_machine(board, args.threads)?;
        Ok(Self {
            frame,
            decode,
            #[cfg(feature = "dicom")]
            bit_depth: args.bit_depth,
            model,
            prompts,
            choice,
            outputs,
            spacing: args.pixel_spacing,
            setup,
            #[cfg(feature = "dicom")]
            dicom: args.dicom.clone(),
        })
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args::{Cli, Command};
    use crate::failure::AppError;
    use clap::Parser;
    use std::fs;
    use std::path::PathBuf;

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
        assert_eq!(request.spacing, PixelSpacing::new(0.5).ok());
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
        let error = FrameSource::File(PathBuf::from("absent.png"));
        let error = error.read(&DecodeOptions::new()).unwrap_err();
        assert!(matches!(error.downcast_ref(), Some(AppError::Input(_))));
        assert!(error.to_string().contains("absent.png"));
    }
}
