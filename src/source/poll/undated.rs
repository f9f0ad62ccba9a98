//! Records without a date. No bound matches them, so they are requested separately.

use super::checks::keys_ascend;
use super::halt::{Halt, Violation};
use super::page::Page;
use super::request::{Request, Sort};
use super::run::Run;
use super::{PollError, Undated};

/// How many records without a date a request showed.
enum Found {
    None,
    /// Some, and their number if the server reports it.
    Some(Option<u64>),
}

/// Reports, emits or refuses records without a date.
pub(super) async fn look_for_undated(run: &mut Run<'_>) -> Result<(), Halt> {
    let wanted = run.options.undated;
    let found = match run.scan.undated {
        // Every page was read without bounds, so they would have been found.
        0 if run.server.capabilities.bounds == Some(false) => Found::None,
        0 => request_undated(run, wanted).await?,
        count => Found::Some(Some(count)),
    };
    let Found::Some(count) = found else {
        return Ok(());
    };
    let field = run.options.field.clone();
    match wanted {
        Undated::Include => {}
        Undated::Fail => return Err(PollError::Undated { count, field }.into()),
        Undated::Warn => {
            let count = count.map_or_else(|| "Some".to_owned(), |count| count.to_string());
            run.remark_once(&format!(
                "{count} records have no `{field}` and are left out: --undated include reads them too."
            ));
        }
    }
    Ok(())
}

/// Requests records without a date, and emits them if they are wanted.
async fn request_undated(run: &mut Run<'_>, wanted: Undated) -> Result<Found, Halt> {
    let mut found = Found::None;
    let mut last: Option<String> = None;
    loop {
        let request = Request {
            undated: true,
            after: last.clone(),
            sort: Sort::Key,
            ..run.server.request()
        };
        let check = |page: &Page| {
            if page.rows.iter().any(|row| row.at.is_some()) {
                return Err(Violation::Bounds);
            }
            keys_ascend(page, last.as_deref())
        };
        let page = match wanted {
            // One try is enough for a warning: many servers do not support this request.
            Undated::Warn => match run.page(&request).await {
                Ok(page) => Some(page).filter(|page| page.len() > 0 && check(page).is_ok()),
                Err(Halt::Refused(_)) => None,
                Err(halt) => return Err(halt),
            },
            Undated::Include | Undated::Fail => {
                let page = run.next_page(&request, check).await;
                page.map_err(|halt| {
                    let field = &run.options.field;
                    halt.or_incomplete(|| format!("records without `{field}` cannot be requested"))
                })?
            }
        };
        let Some(page) = page else {
            return Ok(found);
        };
        if let Found::None = found {
            found = Found::Some(page.total);
        }
        if wanted != Undated::Include {
            return Ok(found);
        }
        last = page.last_key();
        run.emit(&page).await?;
        run.page_done().await?;
    }
}
