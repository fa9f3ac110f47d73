//! Pacing: the rule by which the runs of a level begin. Each shape of load is one file, with its
//! numbers, their checks and its behaviour, and one line of the list below.

mod closed;
mod open;
mod shape;

pub use closed::Closed;
pub use open::Open;
pub(in crate::load) use shape::Shape;

use crate::spec::Concurrency;
use serde::{Deserialize, Serialize};

/// Makes the enum of all shapes, the form in which plans hold one.
macro_rules! shapes {
    ($($(#[$doc:meta])* $shape:ident,)*) => {
        /// A shape of load with its numbers.
        #[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum Pacing {
            $($(#[$doc])* $shape($shape),)*
        }

        impl Pacing {
            /// Returns the pacing that a spec asks for: the first shape that accepts it.
            pub fn of_spec(load: &Concurrency) -> Self {
                $(if let Some(shape) = $shape::of_spec(load) {
                    return Self::$shape(shape);
                })*
                Self::default()
            }

            /// Returns the shape behind the trait.
            pub(in crate::load) fn shape(&self) -> &dyn Shape {
                match self {
                    $(Self::$shape(shape) => shape,)*
                }
            }
        }
    };
}

shapes! {
    /// Runs begin at a rate.
    Open,
    /// Runs begin when others have ended.
    Closed,
}

impl Default for Pacing {
    /// The closed loop without pauses.
    fn default() -> Self {
        Self::Closed(Closed::default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::{Process, Rate, Seconds, ThinkTime};

    #[test]
    fn a_spec_asks_for_one_shape_and_plans_hold_it() {
        let nothing = Concurrency::default();
        let median = Seconds::new(2.0).unwrap();
        let think_time = Some(ThinkTime { median, sigma: 0.5 });
        let thinking = Concurrency { think_time, ..Concurrency::default() };
        let rate = Some(Rate { per_second: 0.5, process: Process::Constant });
        let open = Concurrency { rate, ..Concurrency::default() };
        for (load, expected, text) in [
            (nothing, Pacing::default(), r#"{"closed":{"think":0.0,"sigma":0.0}}"#),
            (
                thinking,
                Pacing::Closed(Closed { think: 2.0, sigma: 0.5 }),
                r#"{"closed":{"think":2.0,"sigma":0.5}}"#,
            ),
            (
                open,
                Pacing::Open(Open { per_user: 0.5, process: Process::Constant }),
                r#"{"open":{"per_user":0.5,"process":"constant"}}"#,
            ),
        ] {
            let pacing = Pacing::of_spec(&load);
            assert_eq!(pacing, expected);
            assert_eq!(serde_json::to_string(&pacing).unwrap(), text);
            assert_eq!(serde_json::from_str::<Pacing>(text).unwrap(), expected);
        }
    }
}
