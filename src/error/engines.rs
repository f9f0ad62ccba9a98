//! Errors of the engines: delivery, flows, the platform, the listener, samples.
