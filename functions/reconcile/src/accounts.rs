//! The accounts of a shard, each with its strategies and markets: pure.

use std::collections::{BTreeMap, BTreeSet};

use shared::ids::{AccountId, StrategyId, Symbol};
use shared::ports::Wait;
use shared::roster::Member;
use shared::settings::Settings;

/// One account and everything of ours that may move it.
#[derive(Debug, Clone, PartialEq)]
pub struct Account {
    /// The account.
    pub id: AccountId,
    /// One of its strategies' settings: they agree on the venue.
    pub settings: Settings,
    /// Until when its venue must not be called.
    pub wait: Wait,
    /// The strategies that trade for it.
    pub strategies: BTreeSet<StrategyId>,
    /// Strategies whose account cannot be read: their orders may be of this account.
    pub others: BTreeSet<StrategyId>,
    /// Every market that its strategies watch.
    pub symbols: BTreeSet<Symbol>,
}

/// The accounts of a shard, and those that cannot be looked at whole.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Grouped {
    /// Those that can.
    pub accounts: Vec<Account>,
    /// Those that cannot, or the strategy that hides its account, and why.
    pub refused: Vec<(String, String)>,
}

/// Groups the members of a shard. A strategy whose state is damaged hides orders of ours, so its account
/// is not looked at; one whose account is unknown too hides them from every account.
pub fn group(members: &[Member]) -> Grouped {
    let mut grouped = Grouped::default();
    let mut accounts: BTreeMap<AccountId, Account> = BTreeMap::new();
    let mut refused: BTreeMap<AccountId, String> = BTreeMap::new();
    let (mut others, mut blind) = (BTreeSet::new(), false);
    for member in members {
        match (&member.settings, &member.state) {
            (Ok(settings), state) => {
                if let Err(why) = add(&mut accounts, settings, member.wait) {
                    refused.insert(settings.account.clone(), why);
                }
                if let Err(unfit) = state {
                    refused.insert(settings.account.clone(), unfit.to_string());
                }
            }
            (Err(unfit), Ok(_)) => {
                others.insert(member.id.clone());
                grouped.refused.push((member.id.to_string(), unfit.to_string()));
            }
            (Err(unfit), Err(_)) => {
                blind = true;
                grouped.refused.push((member.id.to_string(), unfit.to_string()));
            }
        }
    }
    for (id, mut account) in accounts {
        account.others = others.clone();
        match refused.remove(&id) {
            Some(why) => grouped.refused.push((id.to_string(), why)),
            None if blind => {
                grouped.refused.push((id.to_string(), "a strategy's account is unknown".to_owned()));
            }
            None => grouped.accounts.push(account),
        }
    }
    grouped
}

fn add(accounts: &mut BTreeMap<AccountId, Account>, settings: &Settings, wait: Wait) -> Result<(), String> {
    let account = accounts.entry(settings.account.clone()).or_insert_with(|| Account {
        id: settings.account.clone(),
        settings: settings.clone(),
        wait,
        strategies: BTreeSet::new(),
        others: BTreeSet::new(),
        symbols: BTreeSet::new(),
    });
    account.strategies.insert(settings.strategy_id.clone());
    account.symbols.extend(settings.symbols.iter().cloned());
    let place = |settings: &Settings| (settings.venue.clone(), settings.backend, settings.testnet);
    if place(settings) == place(&account.settings) {
        Ok(())
    } else {
        Err(format!("{} and {} name different venues", settings.strategy_id, account.settings.strategy_id))
    }
}
