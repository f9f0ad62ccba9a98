//! Points in time and durations as people write them: `10m` (ago), `2026-04-25`, RFC 3339, milliseconds since the epoch; `30s`, `5m`.
