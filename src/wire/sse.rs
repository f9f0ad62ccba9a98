//! The event stream of the WHATWG HTML standard (9.2.6): bytes in, events out, borrowed.
