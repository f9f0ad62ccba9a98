//! Logging for the developer of evt: `-vv` and `EVT_LOG`, to stderr.

use tracing_subscriber::EnvFilter;

/// Starts logging, if anything asks for it. `filter`: `EVT_LOG`, in the form of tracing's directives (`evt=debug`).
///
/// Says nothing about a filter that cannot be read: logs are not what the person asked for.
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
    // Fails only where an embedding program has set its own subscriber, which then wins.
    let _ = tracing::subscriber::set_global_default(subscriber);
}
