//! The `sizer` command: everything it does is a call into the library.

fn main() -> std::process::ExitCode {
    sizer::cli::main()
}
