//! Logs for developers of evt, to stderr: `-vv` and `EVT_LOG`.

use tracing_subscriber::EnvFilter;

/// Starts logging if `verbosity` (`-vv`) or `filter` (`EVT_LOG`, a tracing directive such as `evt=debug`) requests it.
///
/// Ignores an invalid filter: it must not prevent the command.
pub fn start(verbosity: u8, filter: Option<&str>, colour: bool) {
    let directives = match (filter, verbosity) {
        (Some(filter), _) => filter,
        (None, 0 | 1) => return,
        (None, 2) => "evt=debug",
        (None, _) => "evt=trace",
    };
    let subscriber = tracing_subscriber::fmt()
        .with_env_filter(EnvFilter::new(directives))
        .with_writer(std::io::stderr)
        .with_ansi(colour)
        .finish();
    // Fails only if an embedding program has set its own subscriber, which then has priority.
    let _ = tracing::subscriber::set_global_default(subscriber);
}
