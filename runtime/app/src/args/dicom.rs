//! Options of `uniultra segment` for DICOM files.

use uniultra_dicom::SegmentKind;
use uniultra_sink::Destination;

fn code_help() -> String {
    let names = SegmentKind::names().collect::<Vec<_>>().join(", ");
    format!(
        "What the segment is, for --dicom-seg and --dicom-sr: a name or SCHEME:CODE:MEANING, for example \
         thyroid-nodule or \"SCT:4147007:Mass\". A category other than Morphologically Abnormal Structure follows a \
         slash: \"SCT:78067005:Placenta/SCT:91723000:Anatomical Structure\". Names: {names}"
    )
}

/// Options that need a DICOM file as FRAME.
#[derive(Clone, Debug, Default, clap::Args)]
#[command(next_help_heading = "DICOM files")]
pub(crate) struct DicomArgs {
    /// The frame of a DICOM file with several, counted from 1 as DICOM does [default: 1].
    /// Example: `uniultra segment cine.dcm --frame 12 --point 200,150`.
    #[arg(long = "frame", value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) frame_number: Option<u32>,
    /// Write the mask as a DICOM segmentation that refers to the file. Example: `uniultra segment
    /// study.dcm --point 200,150 --segment-code cyst --dicom-seg seg.dcm`.
    #[arg(long, value_name = "FILE.dcm|-", requires = "segment_code")]
    pub(crate) dicom_seg: Option<Destination>,
    /// Write the measurements in mm as a DICOM structured report. It refers to the segmentation, so
    /// --dicom-seg is needed, too. Example: `--dicom-seg seg.dcm --dicom-sr sr.dcm`.
    #[arg(long, value_name = "FILE.dcm|-", requires = "dicom_seg")]
    pub(crate) dicom_sr: Option<Destination>,
    #[arg(long, value_name = "NAME|CODE", requires = "dicom_seg", help = code_help())]
    pub(crate) segment_code: Option<SegmentKind>,
}

impl DicomArgs {
    /// The first option given, to say that it needs a DICOM file.
    pub(crate) fn first_given(&self) -> Option<&'static str> {
        [
            (self.frame_number.is_some(), "--frame"),
            (self.dicom_seg.is_some(), "--dicom-seg"),
            (self.dicom_sr.is_some(), "--dicom-sr"),
        ]
        .into_iter()
        .find_map(|(given, option)| given.then_some(option))
    }
}

#[cfg(test)]
mod tests {
    use crate::args::{Cli, Command};
    use clap::Parser;

    #[test]
    fn dicom_options_need_each_other() {
        let parse = |tail: &str| {
            let line = format!("uniultra segment f.dcm --point 1,1 {tail}");
            Cli::try_parse_from(line.split_whitespace())
        };
        let whole = "--frame 2 --dicom-seg s.dcm --dicom-sr r.dcm --segment-code cyst";
        let Command::Segment(args) = parse(whole).unwrap().command else {
            panic!("another command")
        };
        assert_eq!(args.dicom.frame_number, Some(2));
        assert_eq!(args.dicom.segment_code.unwrap().property().meaning(), "Cyst");
        for tail in [
            "--frame 0",
            "--frame -1",
            "--dicom-seg s.dcm",
            "--dicom-sr r.dcm --segment-code cyst",
            "--segment-code cyst",
            "--dicom-seg s.dcm --segment-code cists",
        ] {
            assert_eq!(parse(tail).unwrap_err().exit_code(), 2, "{tail}");
        }
    }
}
