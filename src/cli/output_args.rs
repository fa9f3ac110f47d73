//! Options on what is printed.

use clap::ValueEnum;

/// Output options.
#[derive(clap::Args)]
pub(super) struct OutputArgs {
    /// What to print on stdout
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub format: Format,
    /// Print no progress and no summary of stages
    #[arg(long, short)]
    pub quiet: bool,
    /// Exit with 1 if an answer is unsettled or has no GPU count
    #[arg(long)]
    pub strict: bool,
}

/// Output format on stdout.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Format {
    /// For people
    Text,
    /// For machines, and nothing else
    Json,
}
