//! The sweep through all keys, without any date. Deleted records are missing from it, and records that no bound has ever matched
//! turn up.

use super::checks::keys_ascend;
use super::halt::Halt;
use super::page::{Page, Row};
use super::request::{Request, Sort};
use super::run::Run;
use super::{PollError, Undated, lookup};
use crate::source::{Change, Notice, Op};
use crate::watermark::{Micros, Version, is_new};

/// Number of sweeps in a row that must miss a key before the key is requested separately. A replica that is behind can hide a record from one sweep.
const MISSED_SWEEPS: u32 = 2;
/// If more keys than this are missing, and more than half of the known ones, only the user can say that they are deleted: a server
/// whose index is empty or broken looks the same.
const FEW_DELETIONS: u64 = 3;
/// Visited records that are requested by key, until one is found.
const CONTROLS: usize = 3;
/// Missing keys that are handled between two commits.
const MISSING_BATCH: usize = 100;
/// Records between two commits.
const COMMIT_RECORDS: usize = 1000;

/// Sweeps through all keys, if `--deletes sweep` or `--reconcile` asks for it.
pub(super) async fn sweep(run: &mut Run<'_>) -> Result<(), Halt> {
    let (finds_deleted, reconciles) = (run.options.sweep, run.options.reconcile);
    if !finds_deleted && !reconciles {
        return Ok(());
    }
    // The first sweep only stores which records exist. It cannot tell a record that was never emitted from one whose emission has
    // been trimmed, so it does not report any from that time.
    let is_first = !run.output.position.knows_keys;
    if is_first {
        run.output.notice(Notice::Remark(
            "The first sweep learns which records exist. The next ones report records that were missed.".to_owned(),
        ));
    }
    run.output.position.tracks_keys = true;
    run.commit().await?;
    let sweep = run.output.state.begin_sweep()?;
    read_all_keys(run, sweep, is_first).await?;
    run.output.position.knows_keys = true;
    run.commit().await?;
    if finds_deleted {
        run.output.state.end_sweep(sweep)?;
        refuse_mass_deletion(run)?;
        report_deletions(run, sweep).await?;
    }
    Ok(())
}

async fn read_all_keys(run: &mut Run<'_>, sweep: u64, is_first: bool) -> Result<(), Halt> {
    let mut last: Option<String> = None;
    let mut uncommitted = 0;
    loop {
        let request = Request {
            after: last.clone(),
            sort: Sort::Key,
            ..run.server.request()
        };
        let check = |page: &Page| keys_ascend(page, last.as_deref());
        let page = run.next_page(&request, check).await;
        let Some(page) = page.map_err(cannot_sweep)? else {
            return Ok(());
        };
        if last.is_none() {
            nothing_below(run, &page).await?;
        }
        last = page.last_key();
        for row in &page.rows {
            let is_emitted = visit(run, &page, row, sweep, is_first)?;
            if is_emitted && run.options.commit_each_record {
                run.commit().await?;
            }
        }
        uncommitted += page.len();
        if uncommitted >= COMMIT_RECORDS || run.output.file.is_none() {
            uncommitted = 0;
            run.commit().await?;
        }
        run.page_done().await?;
    }
}

/// Verifies that the first page of a sweep has the first key: it may be the response to a request of an earlier process.
async fn nothing_below(run: &mut Run<'_>, page: &Page) -> Result<(), Halt> {
    let request = Request {
        below: page.first_key(),
        sort: Sort::Key,
        ..run.server.request()
    };
    match run.next_page(&request, |_| Ok(())).await {
        Ok(None) | Err(Halt::Violation(_)) => Ok(()),
        Ok(Some(_)) => {
            let why = "the list of all keys does not begin with the first one".to_owned();
            Err(PollError::Stale { why }.into())
        }
        Err(halt) => Err(halt),
    }
}

/// Notes that a record exists, and emits it if it was missed so far. Returns whether it was.
fn visit(
    run: &mut Run<'_>,
    page: &Page,
    row: &Row,
    sweep: u64,
    is_first: bool,
) -> Result<bool, Halt> {
    let Some(key) = page.key(row) else {
        return Ok(false);
    };
    let (options, output) = (run.options, &mut run.output);
    let at = row.at.unwrap_or(Micros::MAX);
    if output.position.since.is_some_and(|since| at < since) {
        return Ok(false);
    }
    let digest = output.digest(page.record(row));
    let plain = key.plain();
    let version = Version {
        key: plain.as_bytes(),
        digest,
        at,
    };
    let is_known = match output.state.visit_key(version.key, digest, at, sweep)? {
        // An older version comes from a replica that is behind.
        Some((known, known_at)) => known == digest || at < known_at,
        None => is_first && output.position.trimmed.is_some_and(|trimmed| at < trimmed),
    };
    let is_undated = row.at.is_none() && options.undated != Undated::Include;
    let is_after = options.until.is_some_and(|until| at >= until);
    if is_known || is_undated || is_after || !is_new(output.state, &version)? {
        return Ok(false);
    }
    output.emit(page, row, &run.server, &version)?;
    Ok(true)
}

/// Reports as deleted the keys that two sweeps have missed and that the server does not return when each is requested separately.
async fn report_deletions(run: &mut Run<'_>, sweep: u64) -> Result<(), Halt> {
    loop {
        let missing = run
            .output
            .state
            .missing_keys(MISSED_SWEEPS, MISSING_BATCH)?;
        if missing.is_empty() {
            return Ok(());
        }
        verify_lookup(run, sweep).await?;
        for key in missing {
            if is_deleted(run, &key, sweep).await? {
                emit_deletion(run, &key)?;
                run.output.state.forget_key(&key);
            }
            if run.options.commit_each_record {
                run.commit().await?;
            }
        }
        run.commit().await?;
    }
}

/// Whether the server has no record with this key. A record that exists after all is visited.
async fn is_deleted(run: &mut Run<'_>, key: &[u8], sweep: u64) -> Result<bool, Halt> {
    let Some(page) = lookup::find(run, key).await.map_err(cannot_sweep)? else {
        return Ok(true);
    };
    for row in &page.rows {
        visit(run, &page, row, sweep, false)?;
    }
    Ok(false)
}

/// Refuses to take the absence of most records for their deletion, unless the user has confirmed it.
fn refuse_mass_deletion(run: &Run<'_>) -> Result<(), Halt> {
    let (missing, known) = run.output.state.missing_of_known()?;
    let is_most = missing > FEW_DELETIONS && missing.saturating_mul(2) > known;
    match is_most && !run.options.allow_mass_deletion {
        true => Err(PollError::MassDeletion { missing, known }.into()),
        false => Ok(()),
    }
}

/// Verifies that the server finds records by key at all: requests some that the sweep has just visited.
async fn verify_lookup(run: &mut Run<'_>, sweep: u64) -> Result<(), Halt> {
    let visited = run.output.state.visited_keys(sweep, CONTROLS)?;
    if visited.is_empty() {
        return Ok(());
    }
    for key in visited {
        if lookup::find(run, &key)
            .await
            .map_err(cannot_sweep)?
            .is_some()
        {
            return Ok(());
        }
    }
    let why = "its records cannot be requested by key, so a missing record may not be deleted";
    Err(PollError::Incomplete {
        why: why.to_owned(),
    }
    .into())
}

fn emit_deletion(run: &mut Run<'_>, key: &[u8]) -> Result<(), Halt> {
    let quoted = lookup::quoted(&String::from_utf8_lossy(key));
    let record = format!("{{\"op\":\"delete\",\"key\":{quoted}}}");
    let digest = run.output.digest(&record);
    let version = Version {
        key,
        digest,
        at: Micros::MIN,
    };
    let change = Change {
        op: Op::Deleted,
        key: &quoted,
        key_path: run.server.capabilities.key.as_deref().unwrap_or_default(),
        at: None,
        digest,
    };
    run.output.emit_change(&record, change, &version)
}

fn cannot_sweep(halt: Halt) -> Halt {
    halt.or_incomplete(|| "its keys cannot be read one after the other".to_owned())
}
