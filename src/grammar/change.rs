//! Changes to a body: `path=text`, `path:=json`, and paths to remove.
