//! Pacing: the rule by which the runs of a level begin.
//!
//! # Concepts
//!
//! - A *shape* of load is one file, with its key in the spec's `concurrency` ([`Rate`], [`ThinkTime`]), its
//!   numbers in plans ([`OpenLoop`], [`ClosedLoop`]), the checks of both, and the times at which runs begin. It is
//!   registered by a line of the table below, from which the keys of `concurrency`, [`PacingSpec`] and
//!   [`Pacing`] follow.
//! - A [`LoadPoint`] is the setting of a level, and a [`Segment`] a part of its load.
//!
//! Pure: `load` acts on the times that are computed here.

mod closed_loop;
mod error;
mod key_error;
mod open_loop;
mod point;
mod segment;
mod shape;
mod starts;

pub use closed_loop::{ClosedLoop, ThinkTime};
pub use error::PacingError;
pub(crate) use key_error::KeyError;
pub use open_loop::{OpenLoop, Process, Rate};
pub use point::LoadPoint;
pub use segment::Segment;
pub(crate) use segment::Turns;
pub(crate) use shape::Shape;
pub(crate) use starts::{MOST_IN_FLIGHT, Setting, Starts, Times};

use serde::{Deserialize, Serialize};

/// Lists the shapes of load to a macro that makes an item of them, in the order of their keys in
/// messages. A row has the description of the shape, its name with
/// the type of its numbers, its key in `concurrency` with the type of
/// the value, and the description of the key. The key of a further shape is not written where it is not
/// given (`#[serde(skip_serializing_if = "Option::is_none")]`), or else no level that was measured before
/// would have the key that it had.
macro_rules! each_shape {
    ($make:ident) => {
        $make! {
            /// Runs begin when others have ended.
            Closed(ClosedLoop), think_time: ThinkTime,
            /// Time that a user takes between two runs. A level then counts users, not runs in flight.
            ;
            /// Runs begin at a rate.
            Open(OpenLoop), rate: Rate,
            /// Open loop: runs are sent at a rate, whether or not others have ended.
            ;
        }
    };
}
pub(crate) use each_shape;

macro_rules! shapes {
    ($(
        $(#[$about:meta])*
        $shape:ident($numbers:ident), $key:ident: $value:ident,
        $(#[$about_key:meta])* ;
    )+) => {
        /// A shape of load with its numbers, the form in which plans hold one.
        #[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        #[non_exhaustive]
        pub enum Pacing {
            $($(#[$about])* $shape($numbers),)+
        }

        impl Pacing {
            /// Returns the shape behind the trait.
            pub(crate) fn shape(&self) -> &dyn Shape {
                match self {
                    $(Self::$shape(shape) => shape,)+
                }
            }
        }

        /// The shape of load that a spec asks for, with the value of its key.
        #[derive(Clone, Copy, Debug, PartialEq)]
        #[non_exhaustive]
        pub enum PacingSpec {
            $($(#[$about])* $shape($value),)+
        }

        impl PacingSpec {
            /// Keys of all shapes, each with the reason why none before it can be given as well.
            pub(crate) const KEYS: &[(&str, fn() -> &'static str)] =
                &[$((stringify!($key), <$numbers as Shape>::alone)),+];

            /// Returns the key that asks for it.
            pub(crate) fn key(self) -> &'static str {
                match self {
                    $(Self::$shape(_) => stringify!($key),)+
                }
            }

            /// Checks the value of the key.
            pub(crate) fn check(self) -> Result<(), KeyError> {
                match self {
                    $(Self::$shape(value) => $numbers::check_key(value),)+
                }
            }

            /// Returns the shape with its numbers.
            pub fn pacing(self) -> Pacing {
                match self {
                    $(Self::$shape(value) => Pacing::$shape($numbers::of_key(value)),)+
                }
            }

            /// Returns the load of a level.
            pub fn point(self, level: u32) -> LoadPoint {
                match self {
                    $(Self::$shape(_) => $numbers::point(level),)+
                }
            }
        }
    };
}

each_shape!(shapes);

impl Default for Pacing {
    /// Returns the closed loop without pauses.
    fn default() -> Self {
        Self::Closed(ClosedLoop::default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::language::Seconds;

    #[test]
    fn a_key_asks_for_one_shape_and_plans_hold_it() {
        let median = Seconds::new(2.0).unwrap();
        let thinking = PacingSpec::Closed(ThinkTime { median, sigma: 0.5 });
        let open = PacingSpec::Open(Rate { per_second: 0.5, process: Process::Constant });
        for (pacing, expected, text) in [
            (
                Pacing::default(),
                Pacing::Closed(ClosedLoop { think: 0.0, sigma: 0.0 }),
                r#"{"closed":{"think":0.0,"sigma":0.0}}"#,
            ),
            (
                thinking.pacing(),
                Pacing::Closed(ClosedLoop { think: 2.0, sigma: 0.5 }),
                r#"{"closed":{"think":2.0,"sigma":0.5}}"#,
            ),
            (
                open.pacing(),
                Pacing::Open(OpenLoop { per_user: 0.5, process: Process::Constant }),
                r#"{"open":{"per_user":0.5,"process":"constant"}}"#,
            ),
        ] {
            assert_eq!(pacing, expected);
            assert_eq!(serde_json::to_string(&pacing).unwrap(), text);
            assert_eq!(serde_json::from_str::<Pacing>(text).unwrap(), expected);
        }
    }
}
