//! Content of `CAPABILITY`: the types of messages that the sender understands.

use crate::Mismatch;
use crate::fields::{Fields, check_most, put_padded};
use crate::header::check_type_name;
use crate::limits::{MAX_TYPE_NAME_BYTES, MAX_TYPE_NAMES};

pub(crate) fn read(content: &[u8]) -> Result<Vec<String>, Mismatch> {
    check_most("type names", MAX_TYPE_NAMES, content.len() / MAX_TYPE_NAME_BYTES)?;
    let mut fields = Fields::new(content);
    let mut names = Vec::with_capacity(content.len() / MAX_TYPE_NAME_BYTES);
    while fields.remaining() > 0 {
        let name = fields.padded("type name", MAX_TYPE_NAME_BYTES)?;
        check_type_name("type name", &name)?;
        names.push(name);
    }
    Ok(names)
}

pub(crate) fn write(out: &mut Vec<u8>, names: &[String]) -> Result<(), Mismatch> {
    check_most("type names", MAX_TYPE_NAMES, names.len())?;
    names.iter().try_for_each(|name| {
        check_type_name("type name", name)?;
        put_padded(out, "type name", name, MAX_TYPE_NAME_BYTES)
    })
}
