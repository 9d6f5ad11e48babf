//! Writes the known messages to the standard output, for peers to read: `pack plain` or `pack extended`.

#[path = "../tests/known/mod.rs"]
mod known;

use std::io::Write;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let extended = std::env::args().nth(1).as_deref() == Some("extended");
    let mut out = std::io::stdout().lock();
    for content in known::contents() {
        out.write_all(&known::message(content, extended).encode()?)?;
    }
    Ok(())
}
