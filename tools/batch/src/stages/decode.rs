//! The first stage: files to frames.

use super::{Closed, FrameWork, Piece, Queue, Settings, Step, Task};
use crate::line::{ResultLine, Status};
use crate::plan::{Job, effective};
use crate::prompts::Asked;
use crate::resume::Place;
use std::fs::File;
use uniultra_answer::{
    FileError, Warning, frame_index, is_dicom, prompted_spacing, read_frame_file,
    warnings_of_frame, warnings_of_image,
};
use uniultra_core::{DecodedFrame, Frame, FrameError, PixelSpacing};
use uniultra_dicom::{DicomImage, Segmentation};
use uniultra_schema::SpacingSource;

/// Bytes that say what a file is.
const KIND_BYTES: usize = 4096;

/// Decodes all frames that are asked about, from `place` on, and sends them in order.
pub(crate) fn decode_all(jobs: &[Job], place: Place, settings: &Settings, queue: &Queue) {
    let jobs = jobs.iter().skip(place.job).enumerate();
    for (i, job) in jobs {
        let done = if i == 0 { place.prompts } else { 0 };
        let source = Source { job, done, settings, queue };
        if source.send().is_err() {
            return;
        }
    }
}

/// One file on its way.
struct Source<'a> {
    job: &'a Job,
    /// Prompts that have their lines already.
    done: usize,
    settings: &'a Settings,
    queue: &'a Queue,
}

impl Source<'_> {
    fn send(&self) -> Result<(), Closed> {
        let bytes = match self.read() {
            Ok(bytes) => bytes,
            Err(reason) => return self.all_failed(&reason),
        };
        if is_dicom(&bytes) {
            // A file that makes a decoder panic must not end the run.
            let opened = uniultra_engine::caught("DICOM file", || DicomImage::from_bytes(bytes));
            return match opened {
                Ok(Ok(image)) => self.dicom(&image),
                Ok(Err(error)) => self.all_failed(&error.to_string()),
                Err(error) => self.all_failed(&error.to_string()),
            };
        }
        if self.job.asked.is_empty() {
            return self.unasked(&bytes);
        }
        if self.left().is_empty() {
            return Ok(());
        }
        let decode = || Frame::decode_with(&bytes, &self.settings.decode);
        match uniultra_engine::caught("image", decode) {
            Ok(Ok(decoded)) => self.image(decoded),
            Ok(Err(error)) => self.all_failed(&error.to_string()),
            Err(error) => self.all_failed(&error.to_string()),
        }
    }

    fn read(&self) -> Result<Vec<u8>, String> {
        if let Some(problem) = &self.job.file.problem {
            return Err(problem.clone());
        }
        let file = File::open(&self.job.file.location).map_err(FileError::from);
        file.and_then(read_frame_file).map_err(|error| match error {
            FileError::Read(error) => format!("cannot be read: {error}"),
            error => error.to_string(),
        })
    }

    /// Prompts without a line, each with its number.
    fn left(&self) -> Vec<(&Asked, usize)> {
        self.job.asked.iter().zip(self.job.numbers()).skip(self.done).collect()
    }

    fn piece(&self, piece: Piece) -> Result<(), Closed> {
        self.queue.push(piece)
    }

    fn line(&self, line: ResultLine) -> Result<(), Closed> {
        self.piece(Piece::Line(Box::new(line)))
    }

    /// A line about this file.
    fn about(&self, status: Status) -> ResultLine {
        ResultLine::new(&self.job.file.path, status)
    }

    /// The beginning of a prompt's line.
    fn asked(&self, asked: &Asked, number: usize, frame: Option<usize>) -> ResultLine {
        ResultLine {
            frame,
            prompt: Some(number),
            object: asked.object.clone(),
            ..self.about(Status::Done)
        }
    }

    /// No frame of the file can be used.
    fn all_failed(&self, reason: &str) -> Result<(), Closed> {
        if self.job.asked.is_empty() {
            return self.line(self.about(Status::Failed).failed(reason));
        }
        for (asked, number) in self.left() {
            let frame = asked.frame.map(|number| number as usize);
            self.line(self.asked(asked, number, frame).failed(reason))?;
        }
        Ok(())
    }

    /// A file that no prompt is about and that is not DICOM: its first bytes say whether it is an image.
    fn unasked(&self, bytes: &[u8]) -> Result<(), Closed> {
        let start = bytes.get(..KIND_BYTES).unwrap_or(bytes);
        let line = match Frame::decode_with(start, &self.settings.decode) {
            Err(error @ FrameError::Format { .. }) => {
                ResultLine { error: Some(error.to_string()), ..self.about(Status::NotAFrame) }
            }
            _ => self.without_prompt(vec![[1, 1]]),
        };
        self.line(line)
    }

    fn without_prompt(&self, frames: Vec<[usize; 2]>) -> ResultLine {
        ResultLine { frames_without_prompt: Some(frames), ..self.about(Status::NoPrompt) }
    }

    fn image(&self, decoded: DecodedFrame) -> Result<(), Closed> {
        let warnings: Vec<Warning> = warnings_of_frame(&decoded).collect();
        let DecodedFrame { frame, orientation_applied, .. } = decoded;
        let given = self.given_spacing();
        let step = |(asked, number): (&Asked, usize)| {
            if let Some(other) = asked.frame.filter(|frame| *frame != 1) {
                let reason = format!("frame: expected 1, found {other}");
                let line = self.asked(asked, number, Some(other as usize)).failed(reason);
                return Step::Failed(Box::new(line));
            }
            let line = ResultLine { orientation_applied, ..self.asked(asked, number, None) };
            self.task(asked, line, [1, number], |_| Ok((given, warnings.clone(), None)))
        };
        let steps = self.left().into_iter().map(step).collect();
        self.piece(Piece::Frame(Box::new(FrameWork { frame, steps })))
    }

    /// The size of a pixel that goes before what a file says: that of a list's line, then that of the option.
    fn given_spacing(&self) -> Option<(PixelSpacing, SpacingSource)> {
        let given = self.job.file.spacing.or(self.settings.spacing);
        given.map(|spacing| (spacing, SpacingSource::Option))
    }

    /// A prompt with all that is known about it, or why there is no answer.
    fn task(
        &self,
        asked: &Asked,
        line: ResultLine,
        place: [usize; 2],
        facts: impl FnOnce(&uniultra_core::Prompts) -> Result<Facts, String>,
    ) -> Step {
        let prompts = asked.prompts().map_err(|error| error.to_string());
        let known = prompts.and_then(|prompts| Ok((facts(&prompts)?, prompts)));
        match known {
            Ok(((spacing, warnings, segmentation), prompts)) => {
                Step::Ask(Box::new(Task { line, place, prompts, spacing, warnings, segmentation }))
            }
            Err(reason) => Step::Failed(Box::new(line.failed(reason))),
        }
    }

    /// The frames of a DICOM file that are asked about, then a line about the others.
    fn dicom(&self, image: &DicomImage) -> Result<(), Closed> {
        let left = self.left();
        for group in left.chunk_by(|(a, _), (b, _)| effective(a) == effective(b)) {
            self.dicom_frame(image, group)?;
        }
        let frames = unprompted(&self.job.asked, image.frame_count());
        if frames.is_empty() {
            return Ok(());
        }
        self.line(self.without_prompt(frames))
    }

    /// The prompts of one frame.
    fn dicom_frame(&self, image: &DicomImage, group: &[(&Asked, usize)]) -> Result<(), Closed> {
        let Some((first, _)) = group.first() else { return Ok(()) };
        let (number, count) = (effective(first), image.frame_count());
        let decoded = match frame_index(Some(number), count) {
            None if count == 1 => Err(format!("frame: expected 1, found {number}")),
            None => Err(format!("frame: expected 1 to {count}, found {number}")),
            Some(index) => match uniultra_engine::caught("DICOM frame", || image.frame(index)) {
                Ok(Ok(frame)) => Ok((frame, index)),
                Ok(Err(error)) => Err(error.to_string()),
                Err(error) => Err(error.to_string()),
            },
        };
        let line = |asked: &Asked, prompt: usize| self.asked(asked, prompt, Some(number as usize));
        let (frame, index) = match decoded {
            Ok(decoded) => decoded,
            Err(reason) => {
                let mut lines = group.iter().map(|(asked, prompt)| line(asked, *prompt));
                return lines.try_for_each(|line| self.line(line.failed(&reason)));
            }
        };
        let step = |(asked, prompt): &(&Asked, usize)| {
            self.task(asked, line(asked, *prompt), [number as usize, *prompt], |prompts| {
                self.dicom_facts(image, index, asked, prompts)
            })
        };
        let steps = group.iter().map(step).collect();
        self.piece(Piece::Frame(Box::new(FrameWork { frame, steps })))
    }

    fn dicom_facts(
        &self,
        image: &DicomImage,
        index: usize,
        asked: &Asked,
        prompts: &uniultra_core::Prompts,
    ) -> Result<Facts, String> {
        let spacing = match self.given_spacing() {
            Some(given) => Some(given),
            None => prompted_spacing(image, prompts)
                .map_err(|error| format!("pass --pixel-spacing to overrule the file: {error}"))?
                .map(|spacing| (spacing, SpacingSource::Dicom)),
        };
        let size = spacing.map(|(spacing, _)| spacing);
        let warnings = warnings_of_image(image, asked.frame, size).collect();
        let segmentation = match &self.settings.segments {
            None => None,
            Some((kind, algorithm)) => {
                let new = Segmentation::new(image, kind.clone(), algorithm.clone());
                let mut segmentation = new.map_err(|error| error.to_string())?;
                if let Some(size) = size {
                    segmentation = segmentation.with_spacing(size);
                }
                Some((segmentation, index))
            }
        };
        Ok((spacing, warnings, segmentation))
    }
}

/// Spacing, warnings, and the segmentation to write.
type Facts = (Option<(PixelSpacing, SpacingSource)>, Vec<Warning>, Option<(Segmentation, usize)>);

/// Ranges of the frames that nothing is asked about, from 1. `asked` is in the order of frames.
fn unprompted(asked: &[Asked], frames: usize) -> Vec<[usize; 2]> {
    let mut ranges = Vec::new();
    let mut next = 1;
    for number in asked.iter().map(|asked| effective(asked) as usize) {
        if number > frames {
            break;
        }
        if number > next {
            ranges.push([next, number - 1]);
        }
        next = number + 1;
    }
    if next <= frames {
        ranges.push([next, frames]);
    }
    ranges
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::prompts::PromptList;
    use std::fs;

    #[test]
    fn frames_between_prompts_are_listed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("p.csv");
        let ranges = |frames: &[u32], count| {
            let rows: String = frames.iter().map(|frame| format!("c,{frame},1 1\n")).collect();
            fs::write(&path, format!("path,frame,points\n{rows}")).unwrap();
            let prompts = PromptList::read(&path).unwrap().prompts;
            let asked: Vec<_> = prompts.into_iter().map(|(_, asked)| asked).collect();
            unprompted(&asked, count)
        };
        assert_eq!(ranges(&[3, 3, 4, 9], 12), [[1, 2], [5, 8], [10, 12]]);
        assert_eq!(ranges(&[1], 1), Vec::<[usize; 2]>::new());
        assert_eq!(ranges(&[1, 2], 2), Vec::<[usize; 2]>::new());
        // Numbers beyond the last frame are failures of their own.
        assert_eq!(ranges(&[2, 7], 4), [[1, 1], [3, 4]]);
        assert_eq!(unprompted(&[], 3), [[1, 3]]);
    }
}
