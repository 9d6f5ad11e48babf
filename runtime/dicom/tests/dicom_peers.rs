//! Other programs read what this crate writes: dicom3tools' validator, dcmtk's report reader and archive, pydicom,
//! highdicom and dcmqi. A test whose program is missing says so and passes.
//!
//! Debian has `dicom3tools` and `dcmtk`. `UNIULTRA_DICOM_PYTHON` names a Python with pydicom, highdicom and dcmqi.
// What cannot be run fails its test, or says that it is missing.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stderr, clippy::print_stdout)]

use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use uniultra_core::Mask;
use uniultra_dicom::{Algorithm, DicomImage, Measurements, Segmentation};

fn crate_folder() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn fixture(name: &str) -> PathBuf {
    crate_folder().join(format!("tests/fixtures/{name}.dcm"))
}

/// Whether a program can be started. Says so if not.
fn has(program: &str) -> bool {
    let found = Command::new(program)
        .arg("--version")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok();
    if !found {
        eprintln!("SKIPPED: no {program}");
    }
    found
}

/// The moving ellipse of the simulated pictures, as `check_documents.py` expects it.
fn ellipse(frame: usize) -> Mask {
    let inside = |i: usize| {
        let x = ((i % 96) as f32 - 40.0 - 3.0 * frame as f32) / 18.0;
        let y = ((i / 96) as f32 - 30.0 - frame as f32) / 11.0;
        u8::from(x * x + y * y < 1.0)
    };
    Mask::from_binary(96, 64, (0..96 * 64).map(inside).collect()).unwrap()
}

/// Writes both documents about some frames of a fixture into `folder`.
fn write(folder: &Path, name: &str, frames: &[usize]) -> [PathBuf; 2] {
    let image = DicomImage::open(fixture(name)).unwrap();
    let algorithm = Algorithm::new("uniultra-mini-int8", "0.2.0").unwrap();
    let mut segmentation = Segmentation::new(&image, "cyst".parse().unwrap(), algorithm).unwrap();
    let mut measurements = Measurements::default();
    if let Some(spacing) = image.spacing_at(40, 30).unwrap() {
        segmentation = segmentation.with_spacing(spacing);
        measurements.area_mm2 = Some(spacing.area_mm2(622.0));
        measurements.long_axis_mm = Some(36.0 * spacing.x_mm());
        measurements.short_axis_mm = Some(22.0 * spacing.y_mm());
        measurements.perimeter_mm = Some(93.0 * spacing.x_mm());
    }
    for frame in frames {
        segmentation.add(*frame, &ellipse(*frame), measurements).unwrap();
    }
    let paths = ["seg", "sr"].map(|kind| folder.join(format!("{name}.{kind}.dcm")));
    let mut bytes = [Vec::new(), Vec::new()];
    segmentation.write_seg(&mut bytes[0]).unwrap();
    segmentation.write_sr(&mut bytes[1]).unwrap();
    for (path, bytes) in paths.iter().zip(bytes) {
        std::fs::write(path, bytes).unwrap();
    }
    paths
}

/// Sources with and without frames, regions, compression and explicit representations.
const SOURCES: &[(&str, &[usize])] = &[
    ("gray_explicit", &[0, 1, 2]),
    ("gray_implicit", &[0, 2]),
    ("regions", &[1]),
    ("jpeg_ybr_422", &[0, 1, 2]),
    ("jpegls_near", &[0]),
    ("secondary", &[0]),
];

#[test]
fn the_validator_finds_no_error() {
    if !has("dciodvfy") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    for (name, frames) in SOURCES {
        for (path, first_line) in
            write(folder.path(), name, frames).iter().zip(["Segmentation", "ComprehensiveSR"])
        {
            let run = Command::new("dciodvfy").arg(path).output().unwrap();
            let said = String::from_utf8_lossy(&run.stderr).into_owned();
            assert_eq!(said.trim(), first_line, "{name}");
        }
    }
}

#[test]
fn dcmtk_reads_the_report() {
    if !has("dsrdump") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    for (name, frames) in SOURCES {
        let [_, report] = write(folder.path(), name, frames);
        let run = Command::new("dsrdump").arg(report).output().unwrap();
        assert!(
            run.status.success() && run.stderr.is_empty(),
            "{}",
            String::from_utf8_lossy(&run.stderr)
        );
        let text = String::from_utf8_lossy(&run.stdout).into_owned();
        assert_eq!(text.matches("Measurement Group").count(), frames.len(), "{text}");
        assert!(text.contains("(367643001,SCT,\"Cyst\")"), "{text}");
    }
}

#[test]
fn pydicom_highdicom_and_dcmqi_see_the_same_masks() {
    let Some(python) = std::env::var_os("UNIULTRA_DICOM_PYTHON") else {
        eprintln!(
            "SKIPPED: UNIULTRA_DICOM_PYTHON names no Python with pydicom, highdicom and dcmqi"
        );
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let mut command = Command::new(&python);
    command.arg(crate_folder().join("tests/peers/check_documents.py"));
    for (number, (name, frames)) in SOURCES.iter().enumerate() {
        if number > 0 {
            command.arg("--");
        }
        command.arg(fixture(name)).args(write(folder.path(), name, frames));
        command.args(frames.iter().map(usize::to_string));
    }
    let run = command.output().unwrap();
    let said =
        String::from_utf8_lossy(&run.stdout).into_owned() + &String::from_utf8_lossy(&run.stderr);
    println!("{said}");
    assert!(run.status.success(), "{said}");
}

/// An archive of dcmtk in a folder of its own; it ends with this value.
struct Archive {
    process: Child,
    port: u16,
}

impl Archive {
    fn start(folder: &Path) -> Self {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let storage = folder.join("storage");
        std::fs::create_dir(&storage).unwrap();
        let config = folder.join("dcmqrscp.cfg");
        let text = format!(
            "NetworkTCPPort = {port}\nMaxPDUSize = 16384\nMaxAssociations = 4\n\
             HostTable BEGIN\nHostTable END\nVendorTable BEGIN\nVendorTable END\n\
             AETable BEGIN\nARCHIVE {} RW (9, 1024mb) ANY\nAETable END\n",
            storage.display()
        );
        std::fs::write(&config, text).unwrap();
        let mut command = Command::new("dcmqrscp");
        command.arg("--config").arg(config).stdout(Stdio::null()).stderr(Stdio::null());
        let archive = Self { process: command.spawn().unwrap(), port };
        for _ in 0..200 {
            if TcpStream::connect(("127.0.0.1", port)).is_ok() {
                return archive;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        panic!("dcmqrscp did not start");
    }

    /// Runs a client, and checks that it ends well.
    fn client(&self, program: &str, arguments: &[&str]) {
        let mut command = Command::new(program);
        command.args(["-aec", "ARCHIVE", "127.0.0.1", &self.port.to_string()]).args(arguments);
        let run = command.output().unwrap();
        assert!(run.status.success(), "{program}: {}", String::from_utf8_lossy(&run.stderr));
    }
}

impl Drop for Archive {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// The data set of a file whose file meta information has its length.
fn data_set(bytes: &[u8]) -> &[u8] {
    let length = u32::from_le_bytes(bytes[140..144].try_into().unwrap());
    &bytes[144 + length as usize..]
}

#[test]
fn an_archive_gives_back_what_it_got() {
    if !["dcmqrscp", "storescu", "getscu", "dcmconv"].into_iter().all(has) {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let written = write(folder.path(), "gray_explicit", &[0, 1, 2]);
    let archive = Archive::start(folder.path());
    let source = fixture("gray_explicit");
    for path in written.iter().chain([&source]) {
        // Without the option, storescu does not offer segmentations.
        archive.client("storescu", &["-R", path.to_str().unwrap()]);
    }
    let fetched = folder.path().join("fetched");
    std::fs::create_dir(&fetched).unwrap();
    let study = {
        // All three are of the same study.
        let bytes = std::fs::read(&source).unwrap();
        let start = b"\x20\x00\x0D\x00UI";
        let at =
            bytes.windows(start.len()).position(|window| window == start).unwrap() + start.len();
        let length = usize::from(u16::from_le_bytes([bytes[at], bytes[at + 1]]));
        String::from_utf8(bytes[at + 2..at + 2 + length].to_vec()).unwrap()
    };
    let key = format!("StudyInstanceUID={}", study.trim_end_matches('\0'));
    let arguments =
        ["-S", "-k", "QueryRetrieveLevel=STUDY", "-k", &key, "-od", fetched.to_str().unwrap()];
    archive.client("getscu", &arguments);

    // dcmtk's programs send sequences without lengths. `dcmconv` puts the lengths back, and changes nothing else.
    let plain = folder.path().join("plain.dcm");
    let mut files = Vec::new();
    for entry in std::fs::read_dir(&fetched).unwrap() {
        let mut command = Command::new("dcmconv");
        command.args(["+te", "+e", "-g"]).arg(entry.unwrap().path()).arg(&plain);
        assert!(command.status().unwrap().success());
        files.push(std::fs::read(&plain).unwrap());
    }
    assert_eq!(files.len(), 3);
    for path in &written {
        let bytes = std::fs::read(path).unwrap();
        let same = files.iter().any(|file| data_set(file) == data_set(&bytes));
        assert!(same, "{} came back changed", path.display());
    }
}
