//! Alerts and episodes: parts that state items and account ledgers share.

use crate::records::attrs::{Draft, text, time};
use crate::records::fields::{Found, Read};
use crate::state::{Alert, Episode};
use crate::store::Attr;

/// One entry of `alerts`.
pub fn alert_attr(alert: &Alert) -> Attr {
    Draft::new()
        .with("since", time(alert.since))
        .with("key", text(&alert.key))
        .with("detail", text(&alert.detail))
        .map()
}

/// Reads one entry of `alerts`.
pub(super) fn alert(found: Found<'_>) -> Read<Alert> {
    let fields = found.fields()?;
    Ok(Alert {
        since: fields.need("since", Found::word)?,
        key: fields.need("key", Found::text)?,
        detail: fields.need("detail", Found::text)?,
    })
}

/// One entry of `episodes`.
pub fn episode_attr(episode: &Episode) -> Attr {
    Draft::new()
        .with("id", text(episode.incident_id.as_str()))
        .with("since", time(episode.since))
        .maybe("paged_at", episode.paged_at.map(time))
        .map()
}

/// Reads one entry of `episodes`.
pub(super) fn episode(found: Found<'_>) -> Read<Episode> {
    let fields = found.fields()?;
    Ok(Episode {
        incident_id: fields.need("id", Found::word)?,
        since: fields.need("since", Found::word)?,
        paged_at: fields.maybe("paged_at", Found::word)?,
    })
}
