//! Estimate of a file's size in memory before it is unpacked: a few kilobytes can claim to be a
//! thousand million cells.

use super::DatasetError;
use super::ods;
use super::xls::claims_too_much;
use calamine::{Cell, DataRef, Reader, Xlsb, Xlsx};
use parquet::file::metadata::ParquetMetaData;
use std::io::{BufReader, Cursor, Read};

/// Most memory of a spreadsheet, in MiB, as it is held whole.
const MOST_MIB: u64 = 384;
/// Largest size of a spreadsheet's parts together, unpacked, in MiB.
const MOST_MIB_OF_PARTS: u64 = 192;
/// Most sheets that are looked at; only one is read.
const MOST_SHEETS: usize = 1_000;
/// Size in bytes beyond which a Parquet column with a better ratio than [`BEST_PACKED`] is no real
/// data.
const LARGE_COLUMN: u64 = 256 << 20;
const BEST_PACKED: u64 = 100;
/// Longest row in bytes, on average over a row group.
const LONGEST_ROW: u64 = super::LONGEST_ROW;

fn too_large(path: &str, what: String) -> DatasetError {
    DatasetError::TooLarge { path: path.to_owned(), what }
}

/// Fails if a spreadsheet would take too much memory. A damaged one passes, since its reader
/// reports it.
pub(super) fn check_spreadsheet(path: &str, content: &[u8]) -> Result<(), DatasetError> {
    if claims_too_much(content) {
        return Err(too_large(path, "cells beyond the last column or row of an .xls".to_owned()));
    }
    let Ok(mut archive) = zip::ZipArchive::new(Cursor::new(content)) else { return Ok(()) };
    let mut left = MOST_MIB_OF_PARTS << 20;
    for index in 0..archive.len() {
        // What a part says of its own size need not be true.
        let Ok(part) = archive.by_index(index) else { continue };
        let size = std::io::copy(&mut part.take(left + 1), &mut std::io::sink());
        // A part that cannot be unpacked is told by whoever reads it.
        let Ok(size) = size else { continue };
        left = left.checked_sub(size).ok_or_else(|| {
            too_large(path, format!("more than {MOST_MIB_OF_PARTS} MiB when it is unpacked"))
        })?;
    }
    if let Ok(part) = archive.by_name(ods::CONTENT)
        && !ods::is_whole(BufReader::new(part))
    {
        return Err(DatasetError::unread_sheet(path));
    }
    if extent(content).is_some_and(|extent| extent.most > MOST_MIB << 20) {
        return Err(too_large(
            path,
            format!("a sheet of more than {MOST_MIB} MiB when it is unpacked"),
        ));
    }
    Ok(())
}

/// Measures all sheets, one by one; `None` if the content is no such file.
fn extent(content: &[u8]) -> Option<Extent> {
    let mut extent = Extent::default();
    if let Ok(mut workbook) = Xlsx::new(Cursor::new(content)) {
        for name in workbook.sheet_names().into_iter().take(MOST_SHEETS) {
            let mut cells = workbook.worksheet_cells_reader(&name).ok()?;
            extent.begin();
            while extent.take(cells.next_cell().ok().flatten()) {}
        }
        return Some(extent);
    }
    let mut workbook = Xlsb::new(Cursor::new(content)).ok()?;
    for name in workbook.sheet_names().into_iter().take(MOST_SHEETS) {
        let mut cells = workbook.worksheet_cells_reader(&name).ok()?;
        extent.begin();
        while extent.take(cells.next_cell().ok().flatten()) {}
    }
    Some(extent)
}

/// Size in memory of a sheet: all cells between the outermost ones are held, filled or not.
#[derive(Default)]
struct Extent {
    first: (u32, u32),
    last: (u32, u32),
    filled: u64,
    /// Size in bytes of the largest sheet so far.
    most: u64,
}

impl Extent {
    fn begin(&mut self) {
        (self.first, self.last, self.filled) = ((u32::MAX, u32::MAX), (0, 0), 0);
    }

    /// Adds a cell; returns false once no more are needed for a verdict.
    fn take(&mut self, cell: Option<Cell<DataRef<'_>>>) -> bool {
        const OF_A_CELL: u64 = size_of::<calamine::Data>() as u64;
        const OF_A_FILLED_CELL: u64 = size_of::<Cell<calamine::Data>>() as u64;
        let Some(cell) = cell else { return false };
        let (row, column) = cell.get_position();
        self.first = (self.first.0.min(row), self.first.1.min(column));
        self.last = (self.last.0.max(row), self.last.1.max(column));
        let text = match cell.get_value() {
            DataRef::String(text) | DataRef::DateTimeIso(text) => text.len(),
            DataRef::SharedString(text) => text.len(),
            _ => 0,
        };
        self.filled = self.filled.saturating_add(OF_A_FILLED_CELL).saturating_add(text as u64);
        let side = |first: u32, last: u32| u64::from(last - first) + 1;
        let cells = side(self.first.0, self.last.0).saturating_mul(side(self.first.1, self.last.1));
        self.most = self.most.max(cells.saturating_mul(OF_A_CELL).saturating_add(self.filled));
        self.most <= MOST_MIB << 20
    }
}

/// Fails if a Parquet file claims to unpack to far more than it can hold.
pub(crate) fn check_parquet(metadata: &ParquetMetaData) -> Result<(), String> {
    let positive = |number: i64| u64::try_from(number).unwrap_or_default();
    for group in metadata.row_groups() {
        let rows = positive(group.num_rows()).max(1);
        let columns = group.columns().iter();
        let whole: u64 = columns.map(|column| positive(column.uncompressed_size())).sum();
        if whole / rows > LONGEST_ROW {
            return Err(format!("rows of more than {} MiB", LONGEST_ROW >> 20));
        }
        for column in group.columns() {
            let (size, packed) =
                (positive(column.uncompressed_size()), positive(column.compressed_size()).max(1));
            if size > LARGE_COLUMN && size / packed > BEST_PACKED {
                let mib = size >> 20;
                return Err(format!(
                    "a column of {mib} MiB compressed to less than a {BEST_PACKED}th of that"
                ));
            }
        }
    }
    Ok(())
}
