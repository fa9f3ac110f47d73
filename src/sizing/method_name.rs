//! Names of methods that a program adds.

use std::fmt;

/// Most characters of a name.
const MOST: usize = 32;

/// Name of a method that a program adds: at most 32 lower-case letters, digits, `-` and `_`. It is held in place, so
/// that fits and estimates can be copied whatever their method.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct AddedName {
    bytes: [u8; MOST],
    length: usize,
}

impl AddedName {
    /// Creates a name; `None` if it is empty, too long, or has other characters.
    pub fn new(name: &str) -> Option<Self> {
        let allowed =
            |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-_".contains(&byte);
        let mut bytes = [0; MOST];
        let place = bytes.get_mut(..name.len()).filter(|place| !place.is_empty())?;
        place.copy_from_slice(name.as_bytes());
        name.bytes().all(allowed).then_some(Self { bytes, length: name.len() })
    }

    /// Returns the name as text.
    #[expect(
        clippy::expect_used,
        reason = "a name is ASCII, and as long as it was when it was made"
    )]
    #[expect(clippy::missing_panics_doc, reason = "it does not happen")]
    pub fn as_str(&self) -> &str {
        let name = self.bytes.get(..self.length).map(std::str::from_utf8);
        name.and_then(Result::ok).expect("a name in ASCII")
    }
}

impl fmt::Debug for AddedName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

#[cfg(test)]
mod tests {
    use super::AddedName;
    use crate::sizing::MethodName;

    #[test]
    fn names_are_short_and_plain() {
        let longest = "a".repeat(32);
        for name in ["chord", "two-points_3", longest.as_str()] {
            assert_eq!(AddedName::new(name).unwrap().as_str(), name);
        }
        for name in ["", "Chord", "a b", "naïve", "a".repeat(33).as_str()] {
            assert!(AddedName::new(name).is_none(), "{name}");
        }
    }

    #[test]
    fn a_result_of_an_added_method_can_be_read_where_it_is_not_known() {
        let method: MethodName = serde_json::from_str("\"chord\"").unwrap();
        assert_eq!(method, MethodName::Added(AddedName::new("chord").unwrap()));
        assert_eq!(serde_json::to_string(&method).unwrap(), "\"chord\"");
        assert_eq!(serde_json::from_str::<MethodName>("\"robust\"").unwrap(), MethodName::Robust);
        assert!(serde_json::from_str::<MethodName>("\"No method\"").is_err());
    }
}
