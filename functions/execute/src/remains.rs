//! What can still be served of a strategy whose own items are damaged: what lives at the venue stays protected, the
//! strategy counts as `halted`, and nothing opens.
//!
//! A state without the entries of `live`, or settings that do not say where orders rest, cannot be served at all:
//! heartbeat pages the one from the item itself, the other is told by [`crate::beat::tell`].

use std::collections::BTreeMap;

use shared::records::{state, strategy_config};
use shared::roster::{Member, Unfit};
use shared::settings::Settings;
use shared::state::StrategyState;
use shared::store::{Cond, Item, Key};

/// A strategy's state, as far as it can be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// The state.
    pub state: StrategyState,
    /// What a status that cannot be read must still be when something is sent.
    pub unread_status: Option<Cond>,
    /// Which of the strategy's own items are damaged, and how.
    pub damaged: BTreeMap<Key, Unfit>,
}

impl From<StrategyState> for Found {
    /// A state that can be read whole.
    fn from(state: StrategyState) -> Found {
        Found { state, unread_status: None, damaged: BTreeMap::new() }
    }
}

/// The state, or what is left of it; why nothing is.
pub fn state_of(member: &Member) -> Result<Found, Unfit> {
    let unfit = match &member.state {
        Ok(state) => return Ok(Found::from(state.clone())),
        Err(unfit) => unfit.clone(),
    };
    let Some(item) = &member.damaged.state else { return Err(unfit) };
    let damaged = BTreeMap::from([(state::key(&member.id), unfit)]);
    Ok(Found { state: state::remains(item)?, unread_status: unread_status(item), damaged })
}

/// The settings, or what is left of them together with what is wrong; why nothing is.
pub fn settings_of(member: &Member) -> Result<(Settings, Option<Unfit>), Unfit> {
    match (&member.settings, &member.damaged.settings) {
        (Ok(settings), _) => Ok((settings.clone(), None)),
        (Err(unfit), None) => Err(unfit.clone()),
        (Err(unfit), Some(item)) => Ok((strategy_config::remains(item)?, Some(unfit.clone()))),
    }
}

fn unread_status(item: &Item) -> Option<Cond> {
    let path = state::path::status();
    match (state::vital(item).status, item.get(&path.head)) {
        (Ok(_), _) => None,
        (Err(_), Some(value)) => Some(Cond::Equals(path, value.clone())),
        (Err(_), None) => Some(Cond::Absent(path)),
    }
}
