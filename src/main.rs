//! The `evt` binary: passes its arguments and environment to the library and returns its exit code.

use std::process::ExitCode;

fn main() -> ExitCode {
    evt::cli::main(std::env::args_os(), evt::env::Env::capture())
}
