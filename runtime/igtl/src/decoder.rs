//! From a stream of bytes to messages.

use crate::content::Kind;
use crate::header::RawHeader;
use crate::limits::{HEADER_BYTES, MAX_METADATA_BYTES};
use crate::metadata::Extended;
use crate::{Content, DecodeError, HeaderVersion, Message, Mismatch, checksum};

/// Most bytes that the extended form adds to a content: a header of any size it can have, and metadata.
const MAX_EXTENDED_BYTES: usize = u16::MAX as usize + MAX_METADATA_BYTES;

/// Reads messages from the bytes of one connection, in pieces of any size.
///
/// It holds at most one body, and of that no more than has come, so a header alone costs nothing. A message
/// takes about as much memory as its body; one that consists of lists up to three times as much, within their
/// bounds. A body of unknown type is skipped, not held.
///
/// ```
/// use uniultra_igtl::{Content, Decoder, Message, Timestamp};
///
/// let message = Message::new("Tracker", Timestamp::UNUSED, Content::Text("hello".into()));
/// let bytes = message.encode()?;
///
/// let mut decoder = Decoder::new(8 * 1024 * 1024);
/// let mut received = Vec::new();
/// for mut piece in bytes.chunks(7) {
///     loop {
///         match decoder.decode(&mut piece) {
///             Ok(Some(message)) => received.push(message),
///             Ok(None) => break,                             // read on from the socket
///             Err(error) if error.is_fatal() => return Err(error.into()), // close the socket
///             Err(error) => log_it(&error),                  // the next message can be read
///         }
///     }
/// }
/// assert_eq!(received, [message]);
/// # fn log_it(_: &uniultra_igtl::DecodeError) {}
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Decoder {
    max_body_bytes: u64,
    state: State,
    /// The header or the body, as far as it has come.
    held: Vec<u8>,
}

#[derive(Debug)]
enum State {
    Header,
    Body(Body),
    Refused(Mismatch),
}

/// A body on its way.
#[derive(Debug)]
struct Body {
    header: RawHeader,
    missing: u64,
    checksum: u64,
    purpose: Purpose,
}

/// What the bytes of a body are for.
#[derive(Clone, Copy, Debug)]
enum Purpose {
    /// To be read.
    Read(Kind),
    /// To be skipped, and the message reported.
    Report,
    /// To be skipped; an error was reported.
    Forget,
}

impl Decoder {
    /// A decoder that refuses bodies of more than `max_body_bytes`.
    #[must_use]
    pub fn new(max_body_bytes: usize) -> Self {
        let max_body_bytes = u64::try_from(max_body_bytes).unwrap_or(u64::MAX);
        Self { max_body_bytes, state: State::Header, held: Vec::new() }
    }

    /// Takes bytes from the front of `input` until a message is complete, and gives it. `None` if all bytes
    /// were taken and the message goes on. Call it until then: messages may lie behind each other, and errors
    /// between them.
    ///
    /// # Errors
    /// [`DecodeError`]. After one that [is fatal](DecodeError::is_fatal) every call gives that error; after
    /// others the next call goes on behind the message.
    pub fn decode(&mut self, input: &mut &[u8]) -> Result<Option<Message>, DecodeError> {
        loop {
            match &mut self.state {
                State::Refused(mismatch) => return Err(DecodeError::Header(mismatch.clone())),
                State::Header => {
                    let missing = HEADER_BYTES.saturating_sub(self.held.len());
                    self.held.extend_from_slice(take(input, missing));
                    if self.held.len() < HEADER_BYTES {
                        return Ok(None);
                    }
                    let header = RawHeader::read(&self.held);
                    self.held.clear();
                    self.start_body(header)?;
                }
                State::Body(body) => {
                    let piece = take(input, usize::try_from(body.missing).unwrap_or(usize::MAX));
                    body.missing -= piece.len() as u64;
                    body.checksum = checksum::extend(body.checksum, piece);
                    if matches!(body.purpose, Purpose::Read(_)) {
                        hold(&mut self.held, piece, body.missing);
                    }
                    if body.missing > 0 {
                        return Ok(None);
                    }
                    if let State::Body(body) = std::mem::replace(&mut self.state, State::Header) {
                        let message = finish(body, &self.held);
                        self.held.clear();
                        if let Some(message) = message.transpose() {
                            return message.map(Some);
                        }
                    }
                }
            }
        }
    }

    /// Whether no message has begun, so that the stream may end here.
    #[must_use]
    pub fn is_between_messages(&self) -> bool {
        matches!(self.state, State::Header) && self.held.is_empty()
    }

    /// Decides what the body is for, before any of its bytes is held.
    fn start_body(&mut self, header: Result<RawHeader, Mismatch>) -> Result<(), DecodeError> {
        let header = header.and_then(|header| match header.body_bytes {
            bytes if bytes > self.max_body_bytes => {
                let expected = format!("at most {}", self.max_body_bytes);
                Err(Mismatch::new("body size", expected, bytes))
            }
            _ => Ok(header),
        });
        let header = match header {
            Ok(header) => header,
            Err(mismatch) => {
                self.state = State::Refused(mismatch.clone());
                return Err(DecodeError::Header(mismatch));
            }
        };
        let accepted = header.device_name().and_then(|_| check_body_size(&header));
        let (purpose, result) = match (accepted, Kind::of(&header.type_name)) {
            (Ok(()), Some(kind)) => (Purpose::Read(kind), Ok(())),
            (Ok(()), None) => (Purpose::Report, Ok(())),
            (Err(mismatch), _) => {
                let type_name = header.type_name.clone();
                (Purpose::Forget, Err(DecodeError::Message { type_name, mismatch }))
            }
        };
        let missing = header.body_bytes;
        self.state = State::Body(Body { header, missing, checksum: 0, purpose });
        result
    }
}

/// Refuses a body that is too long for its type.
fn check_body_size(header: &RawHeader) -> Result<(), Mismatch> {
    let Some(most) = Kind::of(&header.type_name).and_then(Kind::max_bytes) else {
        return Ok(());
    };
    let most = match header.version {
        HeaderVersion::Plain => most,
        HeaderVersion::Extended => most + MAX_EXTENDED_BYTES,
    };
    if header.body_bytes > most as u64 {
        return Err(Mismatch::new("body size", format!("at most {most}"), header.body_bytes));
    }
    Ok(())
}

/// Takes at most `count` bytes from the front of `input`.
fn take<'a>(input: &mut &'a [u8], count: usize) -> &'a [u8] {
    let (taken, rest) = input.split_at_checked(count).unwrap_or((input, &[]));
    *input = rest;
    taken
}

/// Adds `piece` to `held`, whose memory at most doubles, and never exceeds what the whole body needs.
fn hold(held: &mut Vec<u8>, piece: &[u8], missing: u64) {
    let needed = held.len() + piece.len();
    if needed > held.capacity() {
        let all = needed.saturating_add(usize::try_from(missing).unwrap_or(usize::MAX));
        let capacity = needed.max(held.capacity().saturating_mul(2)).min(all);
        held.reserve_exact(capacity - held.len());
    }
    held.extend_from_slice(piece);
}

/// The message of a complete body; `None` if an error was reported before.
fn finish(body: Body, held: &[u8]) -> Result<Option<Message>, DecodeError> {
    let Body { header, checksum: found, purpose, .. } = body;
    let type_name = header.type_name.clone();
    if found != header.checksum && !matches!(purpose, Purpose::Forget) {
        return Err(DecodeError::Checksum { type_name, expected: header.checksum, found });
    }
    let message = match purpose {
        Purpose::Forget => return Ok(None),
        Purpose::Report => skipped(header),
        Purpose::Read(kind) => read(kind, header, held),
    };
    message.map(Some).map_err(|mismatch| DecodeError::Message { type_name, mismatch })
}

fn skipped(header: RawHeader) -> Result<Message, Mismatch> {
    let content = Content::Other { body_bytes: header.body_bytes };
    let device_name = header.device_name()?;
    Ok(Message { header: header.into_header(device_name), content })
}

fn read(kind: Kind, header: RawHeader, body: &[u8]) -> Result<Message, Mismatch> {
    let device_name = header.device_name()?;
    let mut header = header.into_header(device_name);
    let content = match header.version {
        HeaderVersion::Plain => kind.read(body)?,
        HeaderVersion::Extended => {
            let extended = Extended::read(body)?;
            header.message_id = extended.message_id;
            header.metadata = extended.metadata;
            kind.read(extended.content)?
        }
    };
    Ok(Message { header, content })
}
