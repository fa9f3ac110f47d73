//! The `sizer` command, a thin wrapper around the library.

fn main() -> std::process::ExitCode {
    sizer::cli::main()
}
