//! How often sizer is confidently wrong about data that are not clean: sweeps of simulated rigs with which
//! something goes wrong, by sizer's own planner, load generator and estimator in virtual time.
//!
//! `cargo bench --bench disturbed [-- SCENARIOS [FIRST_SEED]] [--kind NAME] [--tokens] [--verbose]`; see ../README.md.

mod case;
mod disturbance;
mod kind;
mod plan;
#[path = "../rigs/mod.rs"]
mod rigs;
mod score;
mod verbose;

use case::Case;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let mut numbers = arguments.iter().filter_map(|argument| argument.parse::<usize>().ok());
    let count = numbers.next().unwrap_or(400);
    let first = numbers.next().unwrap_or(5001);
    let verbose = arguments.iter().any(|argument| argument == "--verbose");
    let wanted = arguments.iter().skip_while(|argument| *argument != "--kind").nth(1);
    let cases = rigs::on_all_cores(count, |index| {
        let kind = Case::kind_of(index).to_string();
        if wanted.is_some_and(|wanted| !kind.contains(wanted.as_str())) {
            return None;
        }
        Case::run(index, (first + index) as u64)
    });
    if verbose {
        cases.iter().for_each(verbose::print);
    }
    score::print(&cases);
}
