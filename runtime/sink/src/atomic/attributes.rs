//! Access control lists and extended attributes of a file that is replaced.

use rustix::fs::{XattrFlags, fgetxattr, flistxattr, fremovexattr, fsetxattr};
use rustix::io::Errno;
use std::fs::File;

/// Who may use a file, and what a folder hands down to files in it.
const LISTS: [&str; 3] = ["system.posix_acl_access", "system.posix_acl_default", "system.nfs4_acl"];

/// Attributes that users and their programs set. Those of the system (labels of SELinux, rights of
/// programs) are for the system to set again.
const OF_USERS: &[u8] = b"user.";

/// The kernel's limit, of a value and of the list of names.
const MAX_BYTES: usize = 64 << 10;

/// Gives a file or folder `new` the attributes of `old` that users set.
pub(super) fn keep_attributes(new: &File, old: &File) {
    for name in names(old) {
        let kept = match value(old, &name) {
            Ok(value) => fsetxattr(new, name.as_slice(), &value, XattrFlags::empty()),
            Err(error) => Err(error),
        };
        if let Err(error) = kept {
            log::warn!("the attribute {} is not kept: {error}", name.escape_ascii());
        }
    }
}

/// Gives a file or folder `new` the access control lists of `old`, which may be none.
///
/// False if a list could not be kept. Then the group's bits of the older mode must not be used: they
/// are the most that anybody on the list may do.
pub(super) fn keep_lists(new: &File, old: &File) -> bool {
    let mut kept = true;
    for name in LISTS {
        let Ok(list) = value(old, name.as_bytes()) else {
            // The folder may have handed one down to the new file.
            let _ = fremovexattr(new, name);
            continue;
        };
        if let Err(error) = fsetxattr(new, name, &list, XattrFlags::empty()) {
            log::warn!("the access control list {name} is not kept: {error}");
            kept = false;
        }
    }
    kept
}

fn names(file: &File) -> Vec<Vec<u8>> {
    let mut buffer = vec![0; MAX_BYTES];
    // File systems without attributes answer with an error.
    let length = flistxattr(file, buffer.as_mut_slice()).unwrap_or(0);
    let names = buffer.get(..length).unwrap_or_default().split(|byte| *byte == 0);
    names.filter(|name| name.starts_with(OF_USERS)).map(<[u8]>::to_vec).collect()
}

fn value(file: &File, name: &[u8]) -> Result<Vec<u8>, Errno> {
    let mut buffer = vec![0; MAX_BYTES];
    let length = fgetxattr(file, name, buffer.as_mut_slice())?;
    buffer.truncate(length);
    Ok(buffer)
}
