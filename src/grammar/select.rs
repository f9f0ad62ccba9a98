//! The selection grammar, the same on every command: types, a condition, a status, a span of time, a limit.
