//! A person at a terminal who named no source chooses one.

use super::Args;
use super::source::{Gateway, Subject, feed};
use crate::cli::Context;
use crate::config::LOCAL;
use crate::error::CliError;
use crate::store::cursors;

/// What is offered.
struct Offer {
    text: String,
    subject: Subject,
    cursor: Option<String>,
}

/// Asks what to follow: the live feed of the local platform comes first, then its gateways, then what has a name to go on
/// under, which is set in `args`.
pub(super) fn subject(args: &mut Args, cx: &Context) -> Result<Subject, CliError> {
    let platform = cx.platform_url()?;
    let mut offers = Vec::new();
    let mut offer = |text: String, subject, cursor| {
        offers.push(Offer {
            text,
            subject,
            cursor,
        });
    };
    if cx.profile_name() == LOCAL {
        let text = "the live feed: everything this platform emits";
        offer(text.to_owned(), feed(cx)?, None);
    }
    for gateway in Gateway::ALL {
        let text = format!("gateway {} (Socket.IO)", gateway.name());
        offer(text, Subject::Gateway(gateway), None);
    }
    if args.keep.resume.is_none() {
        for kept in cx.inbox()?.read_blocking(cursors::list)? {
            // What a later version has kept may have a form of its own, and of an address with a secret that was not kept.
            if !kept.stream.contains('…')
                && let Ok(stream) = kept.stream.parse()
            {
                let text = format!("go on with {} ({})", kept.name, kept.stream);
                offer(text, Subject::Stream(stream), Some(kept.name));
            }
        }
    }
    let texts: Vec<&str> = offers.iter().map(|offer| offer.text.as_str()).collect();
    let chosen = cx.ui.select(
        &format!("What to follow (platform {platform})"),
        &texts,
        "SOURCE",
    )?;
    let chosen = offers.swap_remove(chosen);
    args.keep.resume = args.keep.resume.take().or(chosen.cursor);
    Ok(chosen.subject)
}
