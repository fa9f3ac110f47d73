//! Names of the methods of estimation.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Declares the methods; each has a key in specs and results, and a line of help.
macro_rules! methods {
    ($($(#[$attribute:meta])* $name:ident = $key:literal, $summary:literal;)+) => {
        /// Methods of the estimate, by name.
        #[derive(
            Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema,
        )]
        pub enum MethodName {
            $($(#[$attribute])* #[serde(rename = $key)] $name,)+
        }

        impl MethodName {
            /// All methods.
            pub const ALL: &'static [Self] = &[$(Self::$name),+];

            /// Returns the key of this method in specs and results.
            pub fn key(self) -> &'static str {
                match self {
                    $(Self::$name => $key,)+
                }
            }

            /// Returns a line on this method for a list of them.
            pub fn summary(self) -> &'static str {
                match self {
                    $(Self::$name => $summary,)+
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
    /// A straight line by repeated medians, which outliers cannot pull away.
    Robust = "robust", "Repeated medians, which outliers cannot pull away";
}

impl std::fmt::Display for MethodName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.key())
    }
}
