//! Parser for as much of Thrift's compact protocol as is needed to check the claims of a Parquet
//! footer before a library acts on them.

/// Deepest nesting of structs; a Parquet footer has 6.
const DEEPEST: usize = 16;

/// Type of a value, by its number in the protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Kind(u8);

impl Kind {
    pub const LIST: Self = Self(9);
    pub const STRUCT: Self = Self(12);
}

/// Cursor over encoded values. Every read returns `None` if the bytes are cut off or no such value.
pub(super) struct Thrift<'a>(pub &'a [u8]);

impl<'a> Thrift<'a> {
    fn byte(&mut self) -> Option<u8> {
        let (first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*first)
    }

    fn skip_bytes(&mut self, count: u64) -> Option<()> {
        self.0 = self.0.get(usize::try_from(count).ok()?..)?;
        Some(())
    }

    fn unsigned(&mut self) -> Option<u64> {
        let mut number = 0_u64;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            number |= u64::from(byte & 0x7f).checked_shl(shift)?;
            if byte & 0x80 == 0 {
                return Some(number);
            }
        }
        None
    }

    /// Reads an integer of any width.
    pub fn number(&mut self) -> Option<i64> {
        let zigzag = self.unsigned()?;
        Some((zigzag >> 1).cast_signed() ^ -(zigzag & 1).cast_signed())
    }

    /// Reads the head of a list: the type of its entries, and their number.
    pub fn list(&mut self) -> Option<(Kind, u64)> {
        let head = self.byte()?;
        let count = match head >> 4 {
            15 => self.unsigned()?,
            short => u64::from(short),
        };
        Some((Kind(head & 0x0f), count))
    }

    /// Reads a struct: `each` gets the id and the type of every field, and reads it or returns
    /// `false` to skip it.
    pub fn fields(
        &mut self,
        each: &mut dyn FnMut(&mut Thrift<'a>, i64, Kind) -> Option<bool>,
    ) -> Option<()> {
        self.fields_at(DEEPEST, each)
    }

    fn fields_at(
        &mut self,
        deep: usize,
        each: &mut dyn FnMut(&mut Thrift<'a>, i64, Kind) -> Option<bool>,
    ) -> Option<()> {
        let mut id = 0_i64;
        loop {
            let head = self.byte()?;
            if head == 0 {
                return Some(());
            }
            id = match head >> 4 {
                0 => self.number()?,
                step => id.checked_add(i64::from(step))?,
            };
            let kind = Kind(head & 0x0f);
            if !each(self, id, kind)? {
                self.skip_at(kind, deep)?;
            }
        }
    }

    /// Skips a value.
    pub fn skip(&mut self, kind: Kind) -> Option<()> {
        self.skip_at(kind, DEEPEST)
    }

    fn skip_at(&mut self, kind: Kind, deep: usize) -> Option<()> {
        let deeper = deep.checked_sub(1)?;
        match kind.0 {
            // A truth value is its kind, but for those in a list.
            1 | 2 => Some(()),
            3 => self.byte().map(drop),
            4..=6 => self.unsigned().map(drop),
            7 => self.skip_bytes(8),
            8 => {
                let length = self.unsigned()?;
                self.skip_bytes(length)
            }
            9 | 10 => {
                let (kind, count) = self.list()?;
                self.skip_many(&[kind], count, deeper)
            }
            11 => {
                let count = self.unsigned()?;
                if count == 0 {
                    return Some(());
                }
                let kinds = self.byte()?;
                self.skip_many(&[Kind(kinds >> 4), Kind(kinds & 0x0f)], count, deeper)
            }
            12 => self.fields_at(deeper, &mut |_, _, _| Some(false)),
            13 => self.skip_bytes(16),
            _ => None,
        }
    }

    fn skip_many(&mut self, kinds: &[Kind], count: u64, deep: usize) -> Option<()> {
        for _ in 0..count {
            for kind in kinds {
                if matches!(kind.0, 1 | 2) {
                    self.byte()?;
                } else {
                    self.skip_at(*kind, deep)?;
                }
            }
        }
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_read_and_passed_over() {
        // {1: -3, 2: [1, 2], 4: {1: true}, 9: "ab", 10: {1: 2}}
        let bytes = [
            0x15, 5, 0x19, 0x25, 2, 4, 0x2c, 0x11, 0, 0x58, 2, b'a', b'b', 0x1b, 1, 0x55, 2, 4, 0,
            7,
        ];
        let (mut thrift, mut seen) = (Thrift(&bytes), Vec::new());
        let read = thrift.fields(&mut |thrift, id, _| {
            let number = if id == 1 { thrift.number()? } else { 0 };
            seen.push((id, number));
            Some(id == 1)
        });
        assert_eq!((read, thrift.0), (Some(()), &[7][..]));
        assert_eq!(seen, [(1, -3), (2, 0), (4, 0), (9, 0), (10, 0)]);
        for cut in 0..bytes.len() - 1 {
            let mut thrift = Thrift(&bytes[..cut]);
            assert_eq!(thrift.fields(&mut |_, _, _| Some(false)), None, "{cut}");
        }
    }

    #[test]
    fn neither_depth_nor_length_has_no_end() {
        let deep = [0x1c].repeat(1_000_000);
        assert_eq!(Thrift(&deep).fields(&mut |_, _, _| Some(false)), None);
        let long = [0x18, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1];
        assert_eq!(Thrift(&long).fields(&mut |_, _, _| Some(false)), None);
        let many = [0x19, 0xfc, 0xff, 0xff, 0xff, 0xff, 0x0f];
        assert_eq!(Thrift(&many).fields(&mut |_, _, _| Some(false)), None);
    }
}
