//! Logging for the developer of evt: `-v` and `EVT_LOG`, to stderr.
