//! Check of an old spreadsheet (.xls) before a library allocates its sheets: a cell may claim to be
//! in any of 65,536 columns, and all cells up to there would be allocated.

/// Most columns of a sheet in this format.
const MOST_COLUMNS: u16 = 256;
const MOST_ROWS: u32 = 1 << 16;
const END: u32 = 0xffff_fff0;
const CELLS: [u16; 8] = [0x0203, 0x0204, 0x00d6, 0x0205, 0x027e, 0x00fd, 0x00bd, 0x0006];
const DIMENSIONS: u16 = 0x0200;
const SHEET: u16 = 0x0085;
const END_OF_SHEET: u16 = 0x000a;
const MOST_SHEETS: usize = 1_000;

/// Returns true if a sheet claims cells where none can be. Content that is no such file, or
/// damaged, claims nothing.
pub(super) fn claims_too_much(content: &[u8]) -> bool {
    let Some(file) = Compound::read(content) else { return false };
    ["Workbook", "Book"].into_iter().filter_map(|name| file.stream(name)).any(|stream| {
        let sheets = records(&stream, 0).filter(|record| record.kind == SHEET);
        let mut starts = sheets.filter_map(|sheet| u32_at(sheet.data, 0)).take(MOST_SHEETS);
        starts.any(|start| {
            let start = usize::try_from(start).unwrap_or(usize::MAX);
            let mut sheet = records(&stream, start).take_while(|it| it.kind != END_OF_SHEET);
            sheet.any(|record| record.is_far())
        })
    })
}

/// A record of a stream.
struct Record<'a> {
    kind: u16,
    data: &'a [u8],
}

impl Record<'_> {
    fn is_far(&self) -> bool {
        let column = |at| u16_at(self.data, at).is_some_and(|column| column >= MOST_COLUMNS);
        match self.kind {
            // The last column of several.
            0x00bd => column(2) || column(self.data.len().saturating_sub(2)),
            kind if CELLS.contains(&kind) => column(2),
            DIMENSIONS => match self.data.len() {
                10 => u16_at(self.data, 6).is_some_and(|columns| columns > MOST_COLUMNS),
                _ => {
                    u32_at(self.data, 4).is_some_and(|rows| rows > MOST_ROWS)
                        || u16_at(self.data, 10).is_some_and(|columns| columns > MOST_COLUMNS)
                }
            },
            _ => false,
        }
    }
}

fn records(stream: &[u8], start: usize) -> impl Iterator<Item = Record<'_>> {
    let mut rest = stream.get(start..).unwrap_or_default();
    std::iter::from_fn(move || {
        let (kind, length) = (u16_at(rest, 0)?, usize::from(u16_at(rest, 2)?));
        let data = rest.get(4..4 + length)?;
        rest = rest.get(4 + length..)?;
        Some(Record { kind, data })
    })
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    bytes.get(at..)?.first_chunk().copied().map(u16::from_le_bytes)
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..)?.first_chunk().copied().map(u32::from_le_bytes)
}

fn numbers(bytes: &[u8]) -> impl Iterator<Item = u32> {
    (0..bytes.len() / 4).filter_map(|index| u32_at(bytes, index * 4))
}

/// A compound file: a container of streams, each in a chain of sectors.
struct Compound<'a> {
    content: &'a [u8],
    size: usize,
    /// Successor of each sector.
    next: Vec<u32>,
    entries: Vec<u8>,
}

impl<'a> Compound<'a> {
    fn read(content: &'a [u8]) -> Option<Self> {
        content.strip_prefix(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1")?;
        let size = match u16_at(content, 30)? {
            9 => 512,
            12 => 4096,
            _ => return None,
        };
        let mut file = Self { content, size, next: Vec::new(), entries: Vec::new() };
        let mut tables: Vec<u32> = numbers(content.get(76..512)?).collect();
        let mut more = u32_at(content, 68)?;
        let mut left = content.len() / size;
        while more < END {
            left = left.checked_sub(1)?;
            tables.extend(numbers(file.sector(more)?));
            more = tables.pop()?;
        }
        tables.truncate(content.len() / size + 1);
        let tables = tables.into_iter().filter(|table| *table < END);
        file.next = tables.filter_map(|table| file.sector(table)).flat_map(numbers).collect();
        file.entries = file.chain(u32_at(content, 48)?, usize::MAX);
        Some(file)
    }

    fn sector(&self, number: u32) -> Option<&'a [u8]> {
        let start = usize::try_from(number).ok()?.checked_add(1)?.checked_mul(self.size)?;
        let sector = self.content.get(start..)?;
        Some(sector.get(..self.size).unwrap_or(sector))
    }

    /// Reads the sectors of a chain, up to a length in bytes; a cycle ends where the file would.
    fn chain(&self, start: u32, length: usize) -> Vec<u8> {
        let (mut out, mut at) = (Vec::new(), start);
        let length = length.min(self.content.len());
        while let Some(sector) = self.sector(at).filter(|_| out.len() < length) {
            out.extend_from_slice(sector.get(..length - out.len()).unwrap_or(sector));
            let next = usize::try_from(at).ok().and_then(|at| self.next.get(at));
            at = next.copied().unwrap_or(u32::MAX);
        }
        out
    }

    fn stream(&self, name: &str) -> Option<Vec<u8>> {
        const SMALL: usize = 4096;
        const SMALL_SECTOR: usize = 64;
        let entry = self.entries.chunks_exact(128).find(|entry| {
            let units = (0..32).map_while(|index| u16_at(entry, index * 2).filter(|it| *it != 0));
            let found: String = char::decode_utf16(units).filter_map(Result::ok).collect();
            found.eq_ignore_ascii_case(name)
        })?;
        let (start, length) = (u32_at(entry, 116)?, u32_at(entry, 120)? as usize);
        if length >= SMALL {
            return Some(self.chain(start, length));
        }
        // Short streams share one, in sectors of their own.
        let shared = self.chain(u32_at(&self.entries, 116)?, usize::MAX);
        let next: Vec<u32> = numbers(&self.chain(u32_at(self.content, 60)?, usize::MAX)).collect();
        let (mut out, mut at) = (Vec::new(), start);
        while out.len() < length {
            let sector = usize::try_from(at).ok()?;
            let Some(piece) = shared.get(sector.checked_mul(SMALL_SECTOR)?..) else { break };
            out.extend_from_slice(piece.get(..SMALL_SECTOR).unwrap_or(piece));
            let Some(next) = next.get(sector).filter(|_| !piece.is_empty()) else { break };
            at = *next;
        }
        Some(out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(kind: u16, data: &[u8]) -> Vec<u8> {
        let length = u16::try_from(data.len()).unwrap();
        [&kind.to_le_bytes()[..], &length.to_le_bytes(), data].concat()
    }

    fn cell(column: u16) -> Vec<u8> {
        record(0x0203, &[&[1, 0][..], &column.to_le_bytes(), &[0; 10]].concat())
    }

    /// A file whose only stream is as long as said, in sectors that are told in a table.
    fn workbook(sheet: &[u8], length: usize) -> Vec<u8> {
        let start = record(0x0809, &[0; 16]);
        let sheets = record(SHEET, &[&40_u32.to_le_bytes()[..], &[0; 4]].concat());
        let mut stream = [start, sheets, record(END_OF_SHEET, &[]), vec![]].concat();
        assert!(stream.len() <= 40);
        stream.resize(40, 0);
        stream.extend_from_slice(sheet);
        stream.extend(record(END_OF_SHEET, &[]));
        stream.resize(length.max(stream.len()), 0);
        let small = length < 4096;
        let count = u32::try_from(stream.len().div_ceil(512)).unwrap();
        let mut head = vec![0; 512];
        head[..8].copy_from_slice(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1");
        head[30] = 9;
        head[32] = 6;
        head[48] = 1;
        head[60] = 2;
        head[64] = u8::from(small);
        head[68..72].fill(0xff);
        head[76..512].fill(0xff);
        head[76..80].fill(0);
        // Sector 0 is this table, 1 the entries, 2 the table of small sectors, then the stream.
        let mut table: Vec<u32> = vec![u32::MAX - 2, u32::MAX - 1, u32::MAX - 1];
        table.extend((4..3 + count).chain([u32::MAX - 1]));
        table.resize(128, u32::MAX);
        let table: Vec<u8> = table.into_iter().flat_map(u32::to_le_bytes).collect();
        let small_table: Vec<u8> = (1..129_u32).flat_map(u32::to_le_bytes).collect();
        let mut entries = vec![0; 512];
        for (at, name, start) in
            [(0, "Root Entry", 3), (128, "Workbook", if small { 0 } else { 3 })]
        {
            for (index, unit) in name.encode_utf16().enumerate() {
                entries[at + index * 2..][..2].copy_from_slice(&unit.to_le_bytes());
            }
            entries[at + 116] = start;
            let length = u32::try_from(stream.len()).unwrap();
            entries[at + 120..at + 124].copy_from_slice(&length.to_le_bytes());
        }
        stream.resize(usize::try_from(count).unwrap() * 512, 0);
        [head, table, entries, small_table, stream].concat()
    }

    #[test]
    fn cells_that_no_sheet_has_are_found() {
        let near = [cell(0), cell(255)].concat();
        let several = record(0x00bd, &[&[1, 0, 0, 0][..], &[0; 12], &[0xff, 0xff]].concat());
        let room = record(DIMENSIONS, &[0, 0, 0, 0, 0, 0, 0x10, 0, 0, 0, 0, 0x40, 0, 0]);
        for length in [2000, 8192] {
            assert!(!claims_too_much(&workbook(&near, length)), "{length}");
            for far in [cell(256), several.clone(), room.clone()] {
                assert!(
                    claims_too_much(&workbook(&[near.clone(), far].concat(), length)),
                    "{length}"
                );
            }
        }
        let whole = workbook(&cell(256), 8192);
        for cut in 0..whole.len() / 16 {
            claims_too_much(&whole[..cut * 16]);
        }
        assert!(!claims_too_much(b"PK"));
    }
}
