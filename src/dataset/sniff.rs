//! Recognition of files by their first bytes, whatever their name says.

use super::formats::recognised;
use std::fs::File;
use std::io::{Read, Seek};

/// Returns the first bytes of a file and leaves it at its beginning.
pub(crate) fn head_of(file: &mut File) -> std::io::Result<Vec<u8>> {
    let mut head = Vec::new();
    file.by_ref().take(512).read_to_end(&mut head)?;
    file.rewind()?;
    Ok(head)
}

/// Describes a file that holds a Git LFS pointer instead of its content, with a remedy.
pub(crate) fn pointer(head: &[u8], path: &str) -> Option<String> {
    let is_pointer = head.starts_with(b"version https://git-lfs.github.com/spec/");
    is_pointer.then(|| {
        format!("is a Git LFS pointer, not the file itself; fetch it with `git lfs pull --include \"{path}\"`")
    })
}

/// Describes a file that should hold text but does not, with a remedy.
pub(crate) fn no_text(head: &[u8]) -> Option<String> {
    const UNPACK: &str = "unpack it first, or name the unpacked file";
    if let Some(what) = recognised(head) {
        return Some(what.to_owned());
    }
    let packed = |how: &str| format!("is packed with {how}; {UNPACK}");
    let start = head.trim_ascii_start().to_ascii_lowercase();
    Some(match head {
        [0x1f, 0x8b, ..] => packed("gzip"),
        [0x28, 0xb5, 0x2f, 0xfd, ..] => packed("zstd"),
        [0xfd, b'7', b'z', b'X', b'Z', ..] => packed("xz"),
        [b'B', b'Z', b'h', ..] => packed("bzip2"),
        [b'%', b'P', b'D', b'F', ..] => "is a PDF file, which holds no rows".to_owned(),
        _ if start.starts_with(b"<!doctype html") || start.starts_with(b"<html") => {
            "is a web page, perhaps a login page; download the file itself".to_owned()
        }
        // Text of other letters than Latin ones has no such zeros, and is rare without its mark.
        [first, 0, second, 0, ..]
            if *first != 0 && *second != 0 && !head.starts_with(&[0xff, 0xfe]) =>
        {
            "is UTF-16 without a byte order mark; set dataset.encoding: utf-16le".to_owned()
        }
        [0, first, 0, second, ..] if *first != 0 && *second != 0 => {
            "is UTF-16 without a byte order mark; set dataset.encoding: utf-16be".to_owned()
        }
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_told_by_their_first_bytes() {
        let lfs = b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n";
        assert!(pointer(lfs, "d.json").is_some_and(|it| it.contains("git lfs pull")));
        assert_eq!(pointer(b"version,question\n", "d.csv"), None);
        for (head, part) in [
            (&b"\x1f\x8b\x08"[..], "gzip"),
            (b"PK\x03\x04..", "dataset.format: xlsx"),
            (b"PAR1", "dataset.format: parquet"),
            (b"\n<!DOCTYPE html><html>", "web page"),
            (b"i\0d\0,\0", "utf-16le"),
        ] {
            assert!(no_text(head).is_some_and(|it| it.contains(part)), "{part}");
        }
        for head in [&b""[..], b"id,question\n", b"[", b"\xff\xfei\0d\0", "Größe".as_bytes()] {
            assert_eq!(no_text(head), None);
        }
    }
}
