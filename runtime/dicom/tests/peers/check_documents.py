"""Reads a segmentation and a report with pydicom, highdicom and dcmqi, and compares them with their source.

    check_documents.py SOURCE SEG SR FRAME... [-- SOURCE SEG SR FRAME...]...

FRAME is the index of a segmented frame, counted from 0. The masks have to be those of `dicom_peers.rs`.
Prints one line for each reader; ends with an error where something differs.
"""

import gzip
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import highdicom
import numpy as np
import pydicom


def ellipse(frame, rows, columns):
    y, x = np.mgrid[:rows, :columns].astype(np.float32)
    x = (x - np.float32(40) - np.float32(3 * frame)) / np.float32(18)
    y = (y - np.float32(30) - np.float32(frame)) / np.float32(11)
    return (x * x + y * y < 1).astype(np.uint8)


def check(condition, what):
    if not condition:
        sys.exit(f"check_documents.py: {what}")


def with_pydicom(source, path, frames):
    seg = pydicom.dcmread(path)
    pixels = np.asarray(seg.pixel_array).reshape(len(frames), source.Rows, source.Columns)
    for position, frame in enumerate(frames):
        check(
            np.array_equal(pixels[position], ellipse(frame, source.Rows, source.Columns)), f"mask of frame {frame}"
        )
        image = seg.PerFrameFunctionalGroupsSequence[position].DerivationImageSequence[0].SourceImageSequence[0]
        check(image.ReferencedSOPInstanceUID == source.SOPInstanceUID, "referenced instance")
        if "NumberOfFrames" in source:
            check(image.ReferencedFrameNumber == frame + 1, "referenced frame")
    check(
        seg.StudyInstanceUID == source.StudyInstanceUID and seg.PatientName == source.PatientName,
        "patient or study",
    )
    check("FrameOfReferenceUID" in seg or "FrameOfReferenceUID" not in source, "frame of reference")
    print(f"pydicom {pydicom.__version__}: {len(frames)} masks equal")
    return seg


def with_highdicom(source, seg_path, sr_path, frames):
    seg = highdicom.seg.segread(seg_path)
    check(seg.number_of_segments == 1 and seg.segmentation_type.value == "BINARY", "segments")
    found = np.asarray(seg.get_stored_frames() if hasattr(seg, "get_stored_frames") else seg.pixel_array)
    found = found.reshape(len(frames), source.Rows, source.Columns)
    for position, frame in enumerate(frames):
        check(
            np.array_equal(found[position], ellipse(frame, source.Rows, source.Columns)), f"mask of frame {frame}"
        )
    description = seg.get_segment_description(1)
    print(
        f"highdicom {highdicom.__version__}: segment {description.segment_label!r}, "
        f"{description.segmented_property_category.meaning} / {description.segmented_property_type.meaning}"
    )
    if "NumberOfFrames" in source:
        by_source = seg.get_pixels_by_source_frame(
            source.SOPInstanceUID, [frame + 1 for frame in frames], combine_segments=True
        )
        for position, frame in enumerate(frames):
            check(
                np.array_equal(by_source[position] > 0, ellipse(frame, source.Rows, source.Columns) > 0),
                f"frame {frame}",
            )
    else:
        by_source = seg.get_pixels_by_source_instance([source.SOPInstanceUID], combine_segments=True)
        check(np.array_equal(by_source[0] > 0, ellipse(0, source.Rows, source.Columns) > 0), "source instance")
    print(f"highdicom {highdicom.__version__}: masks by source equal")

    sr = highdicom.sr.srread(sr_path)
    groups = sr.content.get_planar_roi_measurement_groups()
    check(len(groups) == len(frames), f"{len(frames)} measurement groups, found {len(groups)}")
    for group in groups:
        names = {m.name.meaning: (m.value, m.unit.value) for m in group.get_measurements()}
        check("Area" in names, "area")
        reference = group.referenced_segmentation_frame
        check(reference is not None, "referenced segmentation frame")
    print(
        f"highdicom {highdicom.__version__}: {len(groups)} groups, the last {names}, "
        f"tracked as {groups[-1].tracking_identifier!r}, finding {groups[-1].finding_type.meaning}"
    )


def with_dcmqi(source, path, frames):
    """dcmqi reads only what has a place in the patient, and ultrasound has none: it has to say so. With a place added
    to a copy, its masks have to be equal."""
    tool = Path(sys.executable).with_name("segimage2itkimage")
    if not tool.exists():
        print("dcmqi: NOT RUN, no segimage2itkimage")
        return
    with tempfile.TemporaryDirectory() as folder:
        code, said, _ = itk_image(tool, path, folder)
        check(code != 0 and "Plane Orientation (Patient) is missing" in said, f"dcmqi said: {said}")
        seg = pydicom.dcmread(path)
        seg.FrameOfReferenceUID, seg.PositionReferenceIndicator = pydicom.uid.generate_uid(), ""
        shared = seg.SharedFunctionalGroupsSequence[0]
        if "PixelMeasuresSequence" not in shared:
            shared.PixelMeasuresSequence = [pydicom.Dataset()]
            shared.PixelMeasuresSequence[0].PixelSpacing = [1, 1]
        shared.PixelMeasuresSequence[0].SliceThickness = 1
        shared.PixelMeasuresSequence[0].SpacingBetweenSlices = 1
        shared.PlaneOrientationSequence = [pydicom.Dataset()]
        shared.PlaneOrientationSequence[0].ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
        for position, groups in enumerate(seg.PerFrameFunctionalGroupsSequence):
            groups.PlanePositionSequence = [pydicom.Dataset()]
            groups.PlanePositionSequence[0].ImagePositionPatient = [0, 0, position]
        placed = Path(folder) / "placed.dcm"
        seg.save_as(placed)
        code, said, volume = itk_image(tool, placed, folder)
        check(code == 0 and volume is not None, f"dcmqi said: {said}")
        for position, frame in enumerate(frames):
            check(
                np.array_equal(volume[position], ellipse(frame, source.Rows, source.Columns)),
                f"dcmqi, frame {frame}",
            )
    print("dcmqi: refuses a segmentation without a place in the patient; with one added, masks equal")


def with_dcmqi_report(path, frames):
    tool = Path(sys.executable).with_name("tid1500reader")
    if not tool.exists():
        print("dcmqi: NOT RUN, no tid1500reader")
        return
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "report.json"
        run = subprocess.run(
            [tool, "--inputDICOM", path, "--outputMetadata", out], check=False, capture_output=True, text=True
        )
        check(run.returncode == 0, f"dcmqi said: {run.stderr}")
        groups = json.loads(out.read_text())["Measurements"]
    check(len(groups) == len(frames), f"{len(frames)} groups of dcmqi, found {len(groups)}")
    items = [
        (item["quantity"]["CodeMeaning"], item["value"], item["units"]["CodeValue"])
        for item in groups[-1]["measurementItems"]
    ]
    print(f"dcmqi: {len(groups)} groups of measurements, the last {items}")


def itk_image(tool, path, folder):
    """Exit code and last words of dcmqi, and the volume that it wrote."""
    run = subprocess.run(
        [tool, "--inputDICOM", path, "--outputDirectory", folder, "-t", "nrrd"],
        check=False,
        capture_output=True,
        text=True,
    )
    files = list(Path(folder).glob("*.nrrd"))
    volume = None
    if files:
        header, data = files[0].read_bytes().split(b"\n\n", 1)
        fields = dict(line.split(": ", 1) for line in header.decode().splitlines() if ": " in line)
        data = gzip.decompress(data) if fields["encoding"] == "gzip" else data
        kind = {"unsigned char": np.uint8, "short": np.int16, "unsigned short": np.uint16}[fields["type"]]
        volume = np.frombuffer(data, kind).reshape([int(n) for n in fields["sizes"].split()][::-1])
    return run.returncode, (run.stderr + run.stdout).strip(), volume


def main():
    job = []
    for argument in [*sys.argv[1:], "--"]:
        if argument != "--":
            job.append(argument)
            continue
        source_path, seg_path, sr_path, *frames = job
        frames = [int(frame) for frame in frames]
        print(Path(source_path).stem)
        source = pydicom.dcmread(source_path, stop_before_pixels=True)
        with_pydicom(source, seg_path, frames)
        with_highdicom(source, seg_path, sr_path, frames)
        with_dcmqi(source, seg_path, frames)
        with_dcmqi_report(sr_path, frames)
        job = []


if __name__ == "__main__":
    main()
