//! The native module of the Python package `sizer`: specs in, JSON documents out. The package's own modules, in
//! `python/sizer`, give them types.
//!
//! Work is done on a thread of its own, with the interpreter's lock released. The caller's thread waits for it, tells
//! the caller what happens, and looks for signals and for the wish to stop ([`work`]).

mod calc;
mod errors;
mod events;
mod source;
mod study;
mod work;

use pyo3::prelude::*;
use sizer::cli::{Additions, GuardCommand};
use std::ffi::OsString;

/// Runs a command line, which begins with the name of the command, and returns its exit code.
#[pyfunction]
fn main(py: Python<'_>, line: Vec<OsString>) -> u8 {
    py.detach(|| sizer::cli::main_of(line, Additions::default()))
}

/// Names the command that runs the guard of processes; it gets a last argument that says so.
#[pyfunction]
fn guard_with(program: OsString, arguments: Vec<OsString>) {
    sizer::cli::guard_with(GuardCommand::Other(program, arguments));
}

/// The native part of the package `sizer`.
#[pymodule]
mod _native {
    #[pymodule_export]
    use super::{
        calc::{calc, check_calc},
        guard_with, main,
        study::{plan, run, status, what_if},
    };

    /// Version of the package.
    #[pymodule_export]
    const VERSION: &str = env!("CARGO_PKG_VERSION");
}
