//! Listens on 127.0.0.1, decodes what comes, and sends it back encoded anew. Errors and skipped messages come
//! back as `STATUS`. The first line of the standard output is the port. Ends after one connection.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener};
use uniultra_igtl::{Content, Decoder, Message, Status, Timestamp};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let mut out = std::io::stdout();
    writeln!(out, "{}", listener.local_addr()?.port())?;
    out.flush()?;
    let (mut socket, _) = listener.accept()?;
    let mut decoder = Decoder::new(8 * 1024 * 1024);
    let mut buffer = vec![0; 4096];
    loop {
        let mut bytes = match socket.read(&mut buffer)? {
            0 => return Ok(()),
            count => &buffer[..count],
        };
        loop {
            let answer = match decoder.decode(&mut bytes) {
                Ok(None) => break,
                Ok(Some(Message { header, content: Content::Other { .. }, .. })) => {
                    status("skipped", header.type_name)
                }
                Ok(Some(message)) => message,
                Err(error) if error.is_fatal() => return Err(error.into()),
                Err(error) => status("refused", error.to_string()),
            };
            socket.write_all(&answer.encode()?)?;
        }
    }
}

fn status(name: &str, text: String) -> Message {
    let code = Status::ILLEGAL_INSTRUCTION;
    let status = Status { code, sub_code: 0, name: name.into(), text };
    Message::new("Echo", Timestamp::UNUSED, Content::Status(status))
}
