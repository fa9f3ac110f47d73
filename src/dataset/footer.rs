//! Check of a Parquet file's footer before the library reads it: the library would recurse into
//! groups however deeply they nest, and allocate as many as are announced.

use super::thrift::{Kind, Thrift};
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};

/// Largest footer in MiB: far more than a million rows of a thousand columns need.
const MOST_MIB: u64 = 16;
const MOST_COLUMNS: u64 = 10_000;
const DEEPEST: usize = 32;
/// Most column chunks of all row groups together.
const MOST_CHUNKS: u64 = 200_000;
/// Size in bytes of the trailer: the length of the footer, and the magic bytes.
const LAST: usize = 8;
const MAGIC: [u8; 4] = *b"PAR1";

/// Fails if a file's footer claims more than any real one; leaves the file at its beginning. Bytes
/// that are no footer at all pass, since the reader reports them.
pub(crate) fn check_footer(file: &mut File) -> std::io::Result<Result<(), String>> {
    let footer = footer_of(file)?;
    file.rewind()?;
    Ok(match footer {
        None => Ok(()),
        Some(Footer::Whole(footer)) => check(&footer),
        Some(Footer::TooLong) => Err(format!("a footer of more than {MOST_MIB} MiB")),
    })
}

enum Footer {
    Whole(Vec<u8>),
    TooLong,
}

fn footer_of(file: &mut File) -> std::io::Result<Option<Footer>> {
    let Some(before) = file.metadata()?.len().checked_sub(LAST as u64) else { return Ok(None) };
    let mut last = [0; LAST];
    file.seek(SeekFrom::Start(before))?;
    file.read_exact(&mut last)?;
    let [a, b, c, d, magic @ ..] = last;
    let length = u64::from(u32::from_le_bytes([a, b, c, d]));
    let Some(start) = before.checked_sub(length).filter(|_| magic == MAGIC) else {
        return Ok(None);
    };
    if length > MOST_MIB << 20 {
        return Ok(Some(Footer::TooLong));
    }
    let mut footer = Vec::new();
    file.seek(SeekFrom::Start(start))?;
    file.take(length).read_to_end(&mut footer)?;
    Ok(Some(Footer::Whole(footer)))
}

fn check(footer: &[u8]) -> Result<(), String> {
    let mut wrong = Ok(());
    let mut chunks = 0_u64;
    // What ends early is damaged, and told so by its reader, which gets no further than this.
    let _ = Thrift(footer).fields(&mut |thrift, id, kind| match (id, kind) {
        (2, Kind::LIST) => {
            wrong = schema(thrift)?;
            wrong.is_ok().then_some(true)
        }
        (4, Kind::LIST) => {
            let (kind, count) = thrift.list()?;
            for _ in 0..count {
                chunks += 1;
                if kind != Kind::STRUCT {
                    thrift.skip(kind)?;
                    continue;
                }
                thrift.fields(&mut |thrift, id, kind| {
                    if (id, kind) != (1, Kind::LIST) {
                        return Some(false);
                    }
                    let (kind, count) = thrift.list()?;
                    for _ in 0..count {
                        chunks += 1;
                        thrift.skip(kind)?;
                    }
                    Some(true)
                })?;
            }
            Some(true)
        }
        _ => Some(false),
    });
    wrong?;
    if chunks > MOST_CHUNKS {
        return Err(format!("more than {MOST_CHUNKS} columns in all row groups together"));
    }
    Ok(())
}

/// Checks the columns, which come as a flattened tree: each says how many children follow it.
fn schema(thrift: &mut Thrift<'_>) -> Option<Result<(), String>> {
    let (_, count) = thrift.list()?;
    if count > MOST_COLUMNS {
        return Some(Err(format!("more than {MOST_COLUMNS} columns")));
    }
    // Of each group that is open, how many are still to come.
    let mut open: Vec<u64> = Vec::new();
    for _ in 0..count {
        let mut children = 0;
        thrift.fields(&mut |thrift, id, _| {
            if id == 5 {
                children = thrift.number()?;
            }
            Some(id == 5)
        })?;
        // Fewer than none is no number of columns.
        let children = u64::try_from(children).ok()?;
        if children > count {
            return Some(Err(format!("a group of {children} columns, where there are {count}")));
        }
        if let Some(left) = open.last_mut() {
            *left = left.saturating_sub(1);
        }
        if children > 0 {
            open.push(children);
        }
        while open.last() == Some(&0) {
            open.pop();
        }
        if open.len() > DEEPEST {
            return Some(Err(format!("columns nested more than {DEEPEST} deep")));
        }
    }
    Some(Ok(()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A struct with a list of structs as its second field.
    fn columns(each: &[&[u8]]) -> Vec<u8> {
        let mut footer = vec![0x29, 0xfc];
        let mut count = each.len();
        while count > 0x7f {
            footer.push(u8::try_from(count & 0x7f).unwrap() | 0x80);
            count >>= 7;
        }
        footer.push(u8::try_from(count).unwrap());
        footer.extend(each.concat());
        footer.push(0);
        footer
    }

    /// A name, and how many columns are below.
    const GROUP_OF_1: &[u8] = &[0x48, 1, b'g', 0x15, 2, 0];
    const GROUP_OF_2: &[u8] = &[0x48, 1, b'g', 0x15, 4, 0];
    const LEAF: &[u8] = &[0x15, 12, 0x38, 1, b'a', 0];

    #[test]
    fn columns_are_looked_through() {
        let flat = columns(&[GROUP_OF_2, LEAF, LEAF]);
        assert_eq!(check(&flat), Ok(()));
        let mut deep = vec![GROUP_OF_1; DEEPEST];
        deep.push(LEAF);
        assert_eq!(check(&columns(&deep)), Ok(()));
        // Depth is that of groups which are open, not how many there are.
        let mut side_by_side = vec![GROUP_OF_2];
        side_by_side.extend([GROUP_OF_1, LEAF].repeat(100));
        assert_eq!(check(&columns(&side_by_side)), Ok(()));
        deep.insert(0, GROUP_OF_1);
        assert!(check(&columns(&deep)).unwrap_err().contains("32 deep"));
        assert!(check(&columns(&vec![LEAF; 10_001])).unwrap_err().contains("10000 columns"));
        let huge = [0x48, 1, b'g', 0x15, 0xfe, 0xff, 0xff, 0xff, 0x0f, 0];
        assert!(check(&columns(&[&huge, LEAF])).unwrap_err().contains("2147483647"));
    }

    #[test]
    fn row_groups_are_counted() {
        // Groups of three columns each, none of which says anything.
        let group = [0x19, 0x3c, 0, 0, 0, 0];
        let mut footer = vec![0x49, 0xfc, 0xd0, 0x86, 3];
        footer.extend(group.repeat(50_000));
        footer.push(0);
        assert_eq!(check(&footer), Ok(()));
        let mut footer = vec![0x49, 0xfc, 0xd1, 0x86, 3];
        footer.extend(group.repeat(50_001));
        footer.push(0);
        assert!(check(&footer).unwrap_err().contains("200000 columns"));
    }
}
