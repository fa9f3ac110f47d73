//! Spreadsheets: a whole file where it is one, and otherwise the texts of its parts, one after the
//! other with a zero between them, so that what is changed is not hidden behind checksums.
#![no_main]

mod common;

use std::io::{Cursor, Write};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

const PARTS: [&str; 6] = [
    "xl/worksheets/sheet1.xml",
    "xl/sharedStrings.xml",
    "xl/workbook.xml",
    "xl/_rels/workbook.xml.rels",
    "xl/styles.xml",
    "_rels/.rels",
];
/// What stands where a part is left out.
const PLAIN: [&str; 6] = [
    include_str!("parts/sheet1.xml"),
    include_str!("parts/sharedStrings.xml"),
    include_str!("parts/workbook.xml"),
    include_str!("parts/workbook.xml.rels"),
    include_str!("parts/styles.xml"),
    include_str!("parts/rels.xml"),
];

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    if data.starts_with(b"PK") || data.starts_with(&[0xd0, 0xcf]) {
        common::read_dataset("xlsx", data);
        return;
    }
    let mut texts = data.split(|byte| *byte == 0);
    let parts: Vec<(&str, &[u8])> = PARTS
        .into_iter()
        .zip(PLAIN)
        .map(|(name, plain)| {
            let text = texts.next().filter(|text| !text.is_empty());
            (name, text.unwrap_or(plain.as_bytes()))
        })
        .collect();
    common::read_dataset("xlsx", &archive(&parts));
});

fn archive(parts: &[(&str, &[u8])]) -> Vec<u8> {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    let stored = SimpleFileOptions::default().compression_method(CompressionMethod::Stored);
    for (name, content) in parts {
        writer.start_file(*name, stored).unwrap();
        writer.write_all(content).unwrap();
    }
    writer.finish().unwrap().into_inner()
}
