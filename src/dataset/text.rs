//! Decoding of text to UTF-8.

use encoding_rs::{Encoding, WINDOWS_1252};
use encoding_rs_io::DecodeReaderBytesBuilder;
use std::io::{BufReader, Read};

/// Decodes text to UTF-8 without a byte order mark. UTF-16 is recognised by its mark, any other
/// encoding has to be named. Bytes without a named encoding pass unchecked.
pub(super) fn decoded<R: Read>(
    inner: R,
    encoding: Option<&'static Encoding>,
) -> BufReader<impl Read + use<R>> {
    let mut builder = DecodeReaderBytesBuilder::new();
    builder.encoding(encoding).utf8_passthru(true).strip_bom(true).bom_override(encoding.is_some());
    BufReader::new(builder.build(inner))
}

/// Returns the encoding of a known name.
pub(super) fn encoding_of(name: Option<&str>) -> Option<&'static Encoding> {
    Encoding::for_label(name?.as_bytes())
}

/// Describes the error of a byte that is invalid in UTF-8.
pub(super) fn not_utf8(byte: Option<u8>) -> String {
    let letter = byte.map_or_else(String::new, |byte| {
        let (letter, _) = WINDOWS_1252.decode_without_bom_handling(std::slice::from_ref(&byte));
        let letter = letter.into_owned();
        format!(" (the byte 0x{byte:02X} is `{letter}` in Windows-1252 and Latin-1)")
    });
    format!(
        "this is not UTF-8 text{letter}; name its encoding, such as `dataset.encoding: windows-1252`, or save it as UTF-8"
    )
}
