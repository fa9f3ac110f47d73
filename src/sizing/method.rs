//! Names of the methods of estimation.

use super::method_name::AddedName;
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// Declares the methods; each has a key in specs and results, and a line of help.
macro_rules! methods {
    ($($(#[$attribute:meta])* $name:ident = $key:literal, $summary:literal;)+) => {
        /// Methods of the estimate, by name.
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, JsonSchema)]
        pub enum MethodName {
            $($(#[$attribute])* #[schemars(rename = $key)] $name,)+
            /// A method that a program adds.
            #[schemars(skip)]
            Added(AddedName),
        }

        /// Methods of sizer itself, as a spec names them.
        #[derive(Deserialize)]
        #[serde(rename = "MethodName")]
        enum BuiltIn {
            $(#[serde(rename = $key)] $name,)+
        }

        impl MethodName {
            /// All methods of sizer itself.
            pub const ALL: &'static [Self] = &[$(Self::$name),+];

            /// Reads the name of a method of sizer itself.
            pub(crate) fn deserialize_built_in<'de, D: Deserializer<'de>>(
                deserializer: D,
            ) -> Result<Self, D::Error> {
                BuiltIn::deserialize(deserializer).map(|name| match name {
                    $(BuiltIn::$name => Self::$name,)+
                })
            }

            /// Returns the key of this method in specs and results.
            pub fn key(&self) -> &str {
                match self {
                    $(Self::$name => $key,)+
                    Self::Added(name) => name.as_str(),
                }
            }

            /// Returns a line on this method for a list of them.
            pub fn summary(&self) -> &'static str {
                match self {
                    $(Self::$name => $summary,)+
                    Self::Added(_) => "Added by a program",
                }
            }
        }
    };
}

methods! {
    /// A mean curve of the right shape, times a tail pooled over the levels around the answer.
    #[default]
    Monotone = "monotone", "A curve and a pooled tail, with intervals";
    /// A straight line by least squares: the reference calculator's method.
    Linear = "linear", "Least squares, as in the reference";
    /// A straight line by repeated medians, which resist outliers.
    Robust = "robust", "Repeated medians, which resist outliers";
}

impl std::fmt::Display for MethodName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.key())
    }
}

impl Serialize for MethodName {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.key())
    }
}

impl<'de> Deserialize<'de> for MethodName {
    /// Reads a name from an artifact or a result, which may be that of a method that is not known here.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let key = String::deserialize(deserializer)?;
        let known = Self::ALL.iter().copied().find(|method| method.key() == key);
        let named = known.or_else(|| AddedName::new(&key).map(Self::Added));
        named.ok_or_else(|| de::Error::custom(format!("`{key}` is not the name of a method")))
    }
}
