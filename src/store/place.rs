//! The database that the current thread works with. SQLite's errors of statements do not name it.

use std::cell::RefCell;
use std::path::{Path, PathBuf};
use std::sync::Arc;

thread_local! {
    static CURRENT: RefCell<Option<Arc<Path>>> = const { RefCell::new(None) };
}

/// Runs `op`, whose errors name the database at `path`.
pub(super) fn within<T>(path: &Arc<Path>, op: impl FnOnce() -> T) -> T {
    let before = CURRENT.replace(Some(Arc::clone(path)));
    let result = op();
    CURRENT.set(before);
    result
}

/// The database of the operation that runs on this thread.
pub(super) fn current() -> Option<PathBuf> {
    CURRENT.with_borrow(|path| path.as_deref().map(Path::to_owned))
}
