//! Sources as the command line names them.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

/// Most frames a second that a folder is played at.
const MAX_RATE_HZ: f32 = 240.0;

/// Where frames come from.
#[derive(Clone, Debug, PartialEq)]
pub enum SourceSpec {
    /// The sequence inside this program, played forwards and backwards for ever.
    Demo,
    /// Image files of a folder, in the order of their names, once.
    Folder {
        /// The folder.
        path: PathBuf,
        /// Frames a second.
        rate_hz: f32,
    },
    /// YUV4MPEG2: what ffmpeg and GStreamer write without further options.
    Y4m(ByteSource),
    /// Frames of known size without any header.
    Raw {
        /// Samples of a pixel.
        format: RawFormat,
        /// Width in pixels.
        width: usize,
        /// Height in pixels.
        height: usize,
        /// Where the bytes come from.
        bytes: ByteSource,
    },
    /// IMAGE messages of the OpenIGTLink server.
    OpenIgtLink,
}

/// Where a stream of bytes comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ByteSource {
    /// Standard input, once.
    Stdin,
    /// A file, once; or a FIFO, opened again whenever its writer ends.
    Path(PathBuf),
    /// A Unix socket that this program makes; one writer after the other.
    UnixSocket(PathBuf),
}

/// Samples of a raw frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RawFormat {
    /// One byte a pixel.
    Gray8,
    /// Red, green, blue; three bytes a pixel.
    Rgb8,
}

impl RawFormat {
    /// Bytes of a pixel.
    #[must_use]
    pub fn bytes(self) -> usize {
        match self {
            Self::Gray8 => 1,
            Self::Rgb8 => 3,
        }
    }
}

/// The forms of a source, for help texts and errors.
pub const SOURCE_FORMS: &str = "demo, dir:FOLDER@FPS, y4m:BYTES, raw:gray8,WxH@BYTES, raw:rgb8,WxH@BYTES, unix:SOCKET \
                                or igtl; BYTES is - (stdin), a file, a FIFO or unix:SOCKET; unix:SOCKET alone takes y4m";

impl FromStr for SourceSpec {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let expected = || format!("expected {SOURCE_FORMS}; found `{text}`");
        let (kind, rest) = text.split_once(':').unwrap_or((text, ""));
        match (kind, rest) {
            ("demo", "") => Ok(Self::Demo),
            ("igtl", "") => Ok(Self::OpenIgtLink),
            ("dir", rest) => {
                let (path, rate) = rest.rsplit_once('@').ok_or_else(expected)?;
                let within = |rate: &f32| *rate > 0.0 && *rate <= MAX_RATE_HZ;
                let rate_hz = rate.parse().ok().filter(within).ok_or_else(|| {
                    format!("expected a rate of up to {MAX_RATE_HZ} frames a second after `@`, found `{rate}`")
                })?;
                match path {
                    "" => Err(expected()),
                    path => Ok(Self::Folder { path: path.into(), rate_hz }),
                }
            }
            ("unix", socket) if !socket.is_empty() => {
                Ok(Self::Y4m(ByteSource::UnixSocket(socket.into())))
            }
            ("y4m", rest) => Ok(Self::Y4m(rest.parse().map_err(|()| expected())?)),
            ("raw", rest) => raw(rest).ok_or_else(expected),
            _ => Err(expected()),
        }
    }
}

/// `gray8,640x480@BYTES`.
fn raw(text: &str) -> Option<SourceSpec> {
    let (layout, bytes) = text.split_once('@')?;
    let (format, size) = layout.split_once(',')?;
    let (width, height) = size.split_once('x')?;
    let format = match format {
        "gray8" => RawFormat::Gray8,
        "rgb8" => RawFormat::Rgb8,
        _ => return None,
    };
    let [width, height] = [width.parse().ok()?, height.parse().ok()?];
    Some(SourceSpec::Raw { format, width, height, bytes: bytes.parse().ok()? })
}

impl FromStr for ByteSource {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        match (text, text.strip_prefix("unix:")) {
            ("" | "unix:", _) => Err(()),
            ("-", _) => Ok(Self::Stdin),
            (_, Some(socket)) => Ok(Self::UnixSocket(socket.into())),
            (path, None) => Ok(Self::Path(path.into())),
        }
    }
}

impl SourceSpec {
    /// A short name for the page and for reports: no path, as the page may be open to a network.
    #[must_use]
    pub fn short_name(&self) -> &'static str {
        match self {
            Self::Demo => "demo",
            Self::Folder { .. } => "folder",
            Self::Y4m(_) => "y4m",
            Self::Raw { .. } => "raw",
            Self::OpenIgtLink => "openigtlink",
        }
    }
}

impl fmt::Display for ByteSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stdin => f.write_str("stdin"),
            Self::Path(path) => path.display().fmt(f),
            Self::UnixSocket(path) => write!(f, "the socket {}", path.display()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_form_is_read() {
        let read = |text: &str| text.parse::<SourceSpec>().unwrap();
        assert_eq!(read("demo"), SourceSpec::Demo);
        assert_eq!(read("igtl"), SourceSpec::OpenIgtLink);
        let folder = SourceSpec::Folder { path: "a@b/c".into(), rate_hz: 12.5 };
        assert_eq!(read("dir:a@b/c@12.5"), folder);
        assert_eq!(read("y4m:-"), SourceSpec::Y4m(ByteSource::Stdin));
        let socket = ByteSource::UnixSocket("/run/s".into());
        assert_eq!(read("unix:/run/s"), SourceSpec::Y4m(socket.clone()));
        assert_eq!(read("y4m:unix:/run/s"), SourceSpec::Y4m(socket));
        assert_eq!(read("y4m:/run/a:b"), SourceSpec::Y4m(ByteSource::Path("/run/a:b".into())));
        let raw = |format, bytes| SourceSpec::Raw { format, width: 640, height: 480, bytes };
        assert_eq!(read("raw:gray8,640x480@-"), raw(RawFormat::Gray8, ByteSource::Stdin));
        let socket = ByteSource::UnixSocket("/run/s@x.sock".into());
        assert_eq!(read("raw:rgb8,640x480@unix:/run/s@x.sock"), raw(RawFormat::Rgb8, socket));
    }

    #[test]
    fn anything_else_is_refused_with_the_forms() {
        for text in [
            "",
            "demo:x",
            "dir:",
            "dir:a",
            "dir:@20",
            "y4m",
            "y4m:",
            "y4m:unix:",
            "unix:",
            "raw:gray8@-",
            "raw:gray8,640@-",
            "raw:gray16,640x480@-",
            "raw:gray8,640x480",
            "raw:gray8,-1x480@-",
            "mp4:x",
        ] {
            let error = text.parse::<SourceSpec>().unwrap_err();
            assert!(error.contains("dir:FOLDER@FPS"), "{text}: {error}");
        }
        for rate in ["0", "-1", "nan", "inf", "241", ""] {
            let error = format!("dir:a@{rate}").parse::<SourceSpec>().unwrap_err();
            assert!(error.contains("240 frames a second"), "{rate}: {error}");
        }
    }
}
