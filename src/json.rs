//! Borrowed looks into JSON text, and edits of it that leave every other byte as it was.
