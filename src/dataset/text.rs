//! Text as UTF-8, whatever it was written in.

use encoding_rs::{Encoding, WINDOWS_1252};
use encoding_rs_io::DecodeReaderBytesBuilder;
use std::io::{BufReader, Read};

/// A text's bytes as UTF-8, without a byte order mark: UTF-16 that begins with one is recognised,
/// anything else is named. What is UTF-8 already passes unchecked.
pub(super) fn decoded<R: Read>(
    inner: R,
    encoding: Option<&'static Encoding>,
) -> BufReader<impl Read + use<R>> {
    let mut builder = DecodeReaderBytesBuilder::new();
    builder.encoding(encoding).utf8_passthru(true).strip_bom(true).bom_override(encoding.is_some());
    BufReader::new(builder.build(inner))
}

/// The encoding of a name that is known.
pub(super) fn encoding_of(name: Option<&str>) -> Option<&'static Encoding> {
    Encoding::for_label(name?.as_bytes())
}

/// What to say of text with a byte that no UTF-8 has at its place.
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
