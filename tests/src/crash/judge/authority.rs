//! I13, I14, I16, I18: whether a send was allowed by status, holds and a person.

use shared::approval::{Answer, Offer, verify};
use shared::records;
use shared::secret::Secret;
use shared::tables::Table;
use shared::time::Timestamp;

use super::{Judge, becomes_pending};
use crate::crash::outside::{entries, text, time};
use crate::crash::stream::{Author, Image};
use crate::crash::world::{APPROVAL_KEY, env};

impl Judge<'_> {
    /// I13, I14, I16, I18: what the tables said at the commit that began a send.
    pub(super) fn authority(&mut self) {
        let two_phase =
            self.ended.world.scenario.settings().safety_mode == shared::settings::SafetyMode::TwoPhase;
        let mut found = Vec::new();
        for commit in self.commits.iter() {
            for image in commit.images.iter().filter(|image| begins_entry(image)) {
                let state = commit.images.iter().find(|other| other.key.table == Table::TradingState);
                match state.and_then(|state| state.before.as_ref()) {
                    None => found.push(("I14", format!("{}: sent without the state", image.key))),
                    Some(state) => {
                        let (status, holds) = (text(state, "status"), entries(state, "holds"));
                        if status != "running" || !holds.is_empty() {
                            found.push(("I13", format!("{}: sent under {status} {holds:?}", image.key)));
                        }
                    }
                }
                if two_phase && let Err(why) = approved(image, commit.at) {
                    found.push(("I16", format!("{}: {why}", image.key)));
                }
            }
            for image in commit.images.iter().filter(|image| image.key.table == Table::TradingState) {
                if let (Author::Invocation(_), Some(before), Some(after)) =
                    (commit.by, &image.before, &image.after)
                    && rises(text(before, "status"), text(after, "status"))
                {
                    found.push((
                        "I18",
                        format!("{} became {} by itself", text(before, "status"), text(after, "status")),
                    ));
                }
            }
        }
        for (invariant, what) in found {
            self.broken(invariant, what);
        }
    }
}

fn begins_entry(image: &Image) -> bool {
    becomes_pending(image) && image.after.as_ref().is_some_and(|item| text(item, "leg") == "entry")
}

/// A status that allows more than the one before. Warming up is the one way up.
fn rises(before: &str, after: &str) -> bool {
    let rank = |status| ["stopped", "halted", "reducing", "running"].iter().position(|one| *one == status);
    before != "warmup" && rank(after) > rank(before)
}

/// I16: a valid, unexpired approval of exactly these terms, consumed by this very commit.
fn approved(image: &Image, at: Timestamp) -> Result<(), String> {
    let before = image.before.as_ref().ok_or("sent without an offer")?;
    let order = records::order::decode(before).map_err(|error| error.to_string())?;
    let offer = Offer::of(&order).ok_or("sent without having been offered")?;
    let approval = records::order::approval(before).map_err(|error| error.to_string())?;
    let Answer::Approved(approval) = approval.ok_or("sent without an approval")? else {
        return Err("sent although a person rejected it".to_owned());
    };
    if !verify(&Secret::new(APPROVAL_KEY.to_owned()), &env(), &offer, &approval) {
        return Err("sent on an approval that is none".to_owned());
    }
    let sent = image.after.as_ref().and_then(|item| time(item, "sent_at")).unwrap_or(at);
    if sent >= offer.expires_at {
        return Err("sent after the offer's end".to_owned());
    }
    Ok(())
}
