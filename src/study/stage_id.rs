//! The stages by name: a table of all that is to be known of each, apart from what it does.

use crate::engine::Id;
use crate::pacing::LoadPoint;
use crate::spec::glob_matches;
use std::fmt;

/// Lists the stages, in the order in which inputs are listed, to a macro that makes an item of them. A row has
///
/// - the description of the stage, its name in code and, in brackets, what tells it from others of its kind: a level
///   or a report,
/// - the first part of its name for people, and its type in `stages/`,
/// - in braces, for the graph: the kinds of stages that it reads (those of levels: that of its own level, or else of
///   all) and those that it only follows, the file that names it beside the store, and what it needs for itself,
/// - in braces, of a stage whose JSON document others read: the name under which they do and its type, `one` of a
///   spec or `each` of its levels.
///
/// A macro takes the braces that it does not look into as one token tree.
macro_rules! each_stage {
    ($make:ident) => {
        $make! {
            /// The dataset as rows.
            Expand = "expand", expand::Expand,
            { reads [], follows [], Registry::LockFile, ResourceNeed::Core }, {};
            /// The runs at a concurrency.
            Sweep(level: LoadPoint) = "sweep", sweep::Sweep,
            { reads [Expand], follows [], Registry::LockFile, ResourceNeed::Server }, {};
            /// The metrics at a concurrency.
            Level(level: LoadPoint) = "level", level::Level,
            { reads [Sweep], follows [], Registry::LockFile, ResourceNeed::Core },
            { each levels: crate::measure::LevelMetrics, };
            /// The fits. Which levels there are may follow from the dataset.
            Fit = "fit", fit::Fit,
            { reads [Level], follows [Expand], Registry::Nowhere, ResourceNeed::Core },
            { one fits: crate::sizing::Fits, };
            /// The estimates. They read the runs too: how many are over a target is known only once there is one.
            Estimate = "estimate", estimate::Estimate,
            { reads [Sweep, Level, Fit], follows [], Registry::Nowhere, ResourceNeed::Core },
            { one assessment: crate::sizing::Assessment, };
            /// The result: all that was measured and concluded, as one document. Of the sweeps it reads only the
            /// digests: it says which runs it rests on.
            Result = "result", result::Assemble,
            { reads [Expand, Sweep, Level, Fit, Estimate], follows [], Registry::Nowhere, ResourceNeed::Core },
            { one result: crate::report::SizingResult, };
            /// A report. It reads the runs only if it says so.
            Render(report: String) = "render", render::Render,
            { reads [Result, Sweep], follows [], Registry::Nowhere, ResourceNeed::Core }, {};
        }
    };
}
pub(super) use each_stage;

/// The files that name a stage, beside the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Registry {
    /// The lock file: stages that were measured.
    LockFile,
    /// None: stages that join levels.
    Nowhere,
}

/// Resources that a stage has for itself while it runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ResourceNeed {
    /// A core: it computes.
    Core,
    /// The server, and all cores for the load.
    Server,
}

/// Distinction of a stage from others of its kind.
#[derive(Clone, Copy, Debug)]
pub(super) enum Distinction<'a> {
    /// Nothing: a spec has one of them.
    Spec,
    /// A level.
    Level(LoadPoint),
    /// A report.
    Report(&'a str),
}

/// A type by which stages of a kind are told apart.
trait Discriminator: Sized {
    fn of(own: Distinction<'_>) -> Option<Self>;
    fn level(&self) -> Option<LoadPoint>;
}

impl Discriminator for LoadPoint {
    fn of(own: Distinction<'_>) -> Option<Self> {
        if let Distinction::Level(level) = own { Some(level) } else { None }
    }

    fn level(&self) -> Option<LoadPoint> {
        Some(*self)
    }
}

impl Discriminator for String {
    fn of(own: Distinction<'_>) -> Option<Self> {
        if let Distinction::Report(report) = own { Some(report.to_owned()) } else { None }
    }

    fn level(&self) -> Option<LoadPoint> {
        None
    }
}

macro_rules! named {
    ($name:ident, $own:expr) => {
        if let Distinction::Spec = $own { Some(StageId::$name) } else { None }
    };
    ($name:ident, $own:expr, $type:ty) => {
        <$type>::of($own).map(StageId::$name)
    };
}

macro_rules! ids {
    ($(
        $(#[$about:meta])*
        $name:ident $(($own:ident: $type:ty))? = $word:literal, $module:ident::$stage:ident,
        { reads [$($read:ident),*], follows [$($followed:ident),*], $file:expr, $needs:expr },
        $documents:tt;
    )+) => {
        /// The name of a stage.
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        pub enum StageId {
            $($(#[$about])* $name $(($type))?,)+
        }

        /// A kind of stage.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(super) enum Kind {
            $($name,)+
        }

        impl Kind {
            /// All kinds, in the order of the table.
            pub const ALL: &[Self] = &[$(Self::$name),+];

            /// The kinds that it reads.
            pub fn reads(self) -> &'static [Self] {
                match self {
                    $(Self::$name => &[$(Self::$read),*],)+
                }
            }

            /// The kinds that it follows, without reading anything of them.
            pub fn follows(self) -> &'static [Self] {
                match self {
                    $(Self::$name => &[$(Self::$followed),*],)+
                }
            }

            /// The stage of this kind that is told from others by `own`; `None` if there is no such stage.
            pub fn stage(self, own: Distinction<'_>) -> Option<StageId> {
                match self {
                    $(Self::$name => named!($name, own $(, $type)?),)+
                }
            }

            fn file(self) -> Registry {
                match self {
                    $(Self::$name => $file,)+
                }
            }

            fn needs(self) -> ResourceNeed {
                match self {
                    $(Self::$name => $needs,)+
                }
            }
        }

        impl StageId {
            /// The kind of stage.
            pub(super) fn of_kind(&self) -> Kind {
                match self {
                    $(Self::$name { .. } => Kind::$name,)+
                }
            }

            /// The level that it is of, if it is of one.
            pub(super) fn level(&self) -> Option<LoadPoint> {
                match self {
                    $(Self::$name $(($own))? => None$(.or($own.level()))?,)+
                }
            }
        }

        impl fmt::Display for StageId {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                match self {
                    $(Self::$name $(($own))? => {
                        f.write_str($word)?;
                        $(write!(f, "@{}", $own)?;)?
                    })+
                }
                Ok(())
            }
        }

        impl Id for StageId {
            fn kind(&self) -> &'static str {
                match self {
                    $(Self::$name { .. } => $word,)+
                }
            }

            fn matches(pattern: &str, name: &str) -> bool {
                glob_matches(pattern, name)
            }
        }
    };
}

each_stage!(ids);

impl StageId {
    /// Returns true if the lock file lists it: stages that were measured do, those that join levels do not.
    pub fn is_locked(&self) -> bool {
        self.of_kind().file() == Registry::LockFile
    }

    /// Returns true if it contacts a server.
    pub fn asks_a_server(&self) -> bool {
        self.of_kind().needs() == ResourceNeed::Server
    }
}
