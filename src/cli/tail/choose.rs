//! A person at a terminal who named no source chooses one.

use super::source::{Gateway, Subject, feed};
use crate::cli::Context;
use crate::config::LOCAL;
use crate::error::CliError;

/// Asks what to follow; the live feed of the local platform comes first.
pub(super) fn subject(cx: &Context) -> Result<Subject, CliError> {
    let platform = cx.platform_url()?;
    let mut offers = Vec::new();
    if cx.profile_name() == LOCAL {
        offers.push((
            "the live feed: everything this platform emits".to_owned(),
            feed(cx)?,
        ));
    }
    for gateway in Gateway::ALL {
        let text = format!("gateway {} (Socket.IO)", gateway.name());
        offers.push((text, Subject::Gateway(gateway)));
    }
    let texts: Vec<&str> = offers.iter().map(|(text, _)| text.as_str()).collect();
    let question = format!("What to follow of {platform}");
    let chosen = cx.ui.select(&question, &texts, "SOURCE")?;
    Ok(offers.swap_remove(chosen).1)
}
