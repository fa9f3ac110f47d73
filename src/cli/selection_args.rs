//! Options that select stages.

use crate::study::{Pattern, Selection};

/// Selection of stages.
#[derive(clap::Args)]
pub(super) struct SelectionArgs {
    /// Run only these stages; what they need must already exist
    #[arg(long, value_name = "STAGE", num_args = 1..)]
    only: Vec<String>,
    /// Run these stages and whatever depends on them; what they need must already exist
    #[arg(long, value_name = "STAGE", num_args = 1..)]
    from: Vec<String>,
    /// Run these stages and whatever they need
    #[arg(long, value_name = "STAGE", num_args = 1..)]
    until: Vec<String>,
    /// Run stages again even if they are cached: these, or all that are selected
    #[arg(long, value_name = "STAGE", num_args = 0..)]
    force: Option<Vec<String>>,
}

impl SelectionArgs {
    pub fn selection(&self) -> Selection {
        let patterns =
            |texts: &[String]| texts.iter().map(|text| Pattern::from(text.as_str())).collect();
        Selection {
            only: patterns(&self.only),
            from: patterns(&self.from),
            until: patterns(&self.until),
            force: self.force.as_deref().map(patterns),
        }
    }
}
