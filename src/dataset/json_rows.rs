//! A strict JSON array of objects, handed over row by row: as values, all rows together take many times
//! what their text does.

use super::{DatasetError, EachRow, RawRow};
use serde::de::{Deserialize, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use std::fmt;

/// Hands the rows over, or gives `None` where the text is not such an array: then nothing was handed
/// over.
pub(super) fn stream(
    path: &str,
    text: &str,
    each: &mut EachRow<'_>,
) -> Option<Result<(), DatasetError>> {
    // Objects that hold nothing take no memory, however many.
    serde_json::from_str::<Vec<AnObject>>(text).ok()?;
    let mut stopped = None;
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let read = deserializer.deserialize_seq(Rows { each, stopped: &mut stopped });
    Some(match (stopped, read) {
        (Some(error), _) => Err(error),
        (None, Ok(())) => Ok(()),
        (None, Err(error)) => {
            let message = error.to_string();
            let what = message.split(" at line ").next().unwrap_or(&message).to_owned();
            let (line, column) = (error.line(), error.column());
            Err(DatasetError::Malformed { path: path.to_owned(), line, column, message: what })
        }
    })
}

/// An object, whatever is in it.
struct AnObject;

impl<'de> Deserialize<'de> for AnObject {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Any;
        impl<'de> Visitor<'de> for Any {
            type Value = AnObject;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<AnObject, A::Error> {
                while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
                Ok(AnObject)
            }
        }
        deserializer.deserialize_map(Any)
    }
}

struct Rows<'a, 'b> {
    each: &'a mut EachRow<'b>,
    stopped: &'a mut Option<DatasetError>,
}

impl<'de> Visitor<'de> for Rows<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array of objects")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut rows: A) -> Result<(), A::Error> {
        while let Some(row) = rows.next_element::<RawRow>()? {
            if let Err(error) = (self.each)(row) {
                *self.stopped = Some(error);
                return Err(A::Error::custom("stopped"));
            }
        }
        Ok(())
    }
}
