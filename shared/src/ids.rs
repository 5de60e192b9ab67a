//! Names. An id that is derived is derived from content, so every machine finds the same one.

use std::fmt;

use data_encoding::BASE32_NOPAD;
use sha2::{Digest, Sha256};

/// A text that is not a name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not {what}")]
pub struct BadName {
    /// What was read.
    pub text: String,
    /// What it should have been.
    pub what: &'static str,
}

const LONGEST_NAME: usize = 64;

fn is_name(text: &str) -> bool {
    !text.is_empty()
        && text.len() <= LONGEST_NAME
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
}

macro_rules! name {
    ($(#[$doc:meta])* $name:ident, $what:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(String);

        impl $name {
            /// Reads 1 to 64 characters of `[A-Za-z0-9_-]`.
            pub fn parse(text: &str) -> Result<$name, BadName> {
                if is_name(text) { Ok($name(text.to_owned())) } else { Err(BadName { text: text.to_owned(), what: $what }) }
            }
            /// The name as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                out.write_str(&self.0)
            }
        }
    };
}

name!(
    /// A stage of deployment: the `{env}` in every name.
    Env, "a stage name of 1 to 64 characters of A-Z, a-z, 0-9, - and _");
name!(
    /// One strategy.
    StrategyId, "a strategy id of 1 to 64 characters of A-Z, a-z, 0-9, - and _");
name!(
    /// One account at a venue.
    AccountId, "an account name of 1 to 64 characters of A-Z, a-z, 0-9, - and _");
name!(
    /// One venue.
    VenueId, "a venue name of 1 to 64 characters of A-Z, a-z, 0-9, - and _");
name!(
    /// One provider of models.
    ProviderId, "a provider name of 1 to 64 characters of A-Z, a-z, 0-9, - and _");
name!(
    /// The address from which a stage calls its venues: they count and ban by it.
    Egress, "an egress name of 1 to 64 characters of A-Z, a-z, 0-9, - and _");
/// One currency or coin, as its venue spells it: a name of any language. Binance's test network gives every account
/// `这是测试币` (its changelog of 2025-12-18), and one name that cannot be read would hide every balance.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Asset(String);

impl Asset {
    /// Reads 1 to 64 letters and digits of any language, `-` and `_`: nothing that ends a line, a field or a string.
    pub fn parse(text: &str) -> Result<Asset, BadName> {
        let plain = |one: char| one.is_alphanumeric() || one == '-' || one == '_';
        let length = text.chars().take(LONGEST_NAME.saturating_add(1)).count();
        if (1..=LONGEST_NAME).contains(&length) && text.chars().all(plain) {
            Ok(Asset(text.to_owned()))
        } else {
            Err(BadName { text: text.to_owned(), what: "an asset name of 1 to 64 letters, digits, - and _" })
        }
    }
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Asset {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

/// The one address of a stage that names none.
impl Default for Egress {
    fn default() -> Egress {
        Egress("default".to_owned())
    }
}

/// A market, spelled `BTC-USDT` everywhere except inside a venue's adapter.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Symbol {
    /// What is bought and sold.
    pub base: Asset,
    /// What it is priced in.
    pub quote: Asset,
}

impl Symbol {
    /// Reads `BASE-QUOTE`.
    pub fn parse(text: &str) -> Result<Symbol, BadName> {
        let bad = || BadName { text: text.to_owned(), what: "a symbol like BTC-USDT" };
        let (base, quote) = text.split_once('-').ok_or_else(bad)?;
        let part = |part: &str| {
            let plain = part.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit());
            if plain { Asset::parse(part).map_err(|_| bad()) } else { Err(bad()) }
        };
        Ok(Symbol { base: part(base)?, quote: part(quote)? })
    }
}

impl fmt::Display for Symbol {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}-{}", self.base, self.quote)
    }
}

/// `{strategy_id}.{seq}`: fixed with the entry intent.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PositionId {
    /// Whose position it is.
    pub strategy: StrategyId,
    /// The value of `intent_seq` that made it.
    pub seq: u64,
}

impl PositionId {
    /// Reads `demo.1677628800`.
    pub fn parse(text: &str) -> Result<PositionId, BadName> {
        let bad = || BadName { text: text.to_owned(), what: "a position id like strategy.123" };
        let (strategy, seq) = text.rsplit_once('.').ok_or_else(bad)?;
        Ok(PositionId {
            strategy: StrategyId::parse(strategy).map_err(|_| bad())?,
            seq: seq.parse().map_err(|_| bad())?,
        })
    }
}

impl fmt::Display for PositionId {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}.{}", self.strategy, self.seq)
    }
}

/// What an order is for within its position.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Leg {
    /// Opens the position.
    Entry,
    /// Rests at the venue and protects the position.
    Stop,
    /// Closes the position.
    Exit,
}

impl Leg {
    /// Every leg.
    pub const ALL: [Leg; 3] = [Leg::Entry, Leg::Stop, Leg::Exit];
    /// The stored spelling.
    pub const fn as_str(self) -> &'static str {
        match self {
            Leg::Entry => "entry",
            Leg::Stop => "stop",
            Leg::Exit => "exit",
        }
    }
    /// Reads the stored spelling.
    pub fn parse(text: &str) -> Option<Leg> {
        Leg::ALL.into_iter().find(|leg| leg.as_str() == text)
    }
}

/// The client order id: a hash of what the order is, the same on every machine.
///
/// 32 characters of `[a-z2-7]`, within what Binance (36) and Bybit (36) accept.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OrderId(String);

impl OrderId {
    /// The id of the `plan`-th order of `leg` in `position`.
    pub fn derive(env: &Env, account: &AccountId, position: &PositionId, leg: Leg, plan: u32) -> OrderId {
        OrderId(digest(&[
            env.as_str(),
            account.as_str(),
            &position.to_string(),
            leg.as_str(),
            &plan.to_string(),
        ]))
    }
    /// Reads a stored or reported id.
    pub fn parse(text: &str) -> Result<OrderId, BadName> {
        if is_name(text) && text.len() <= 36 {
            Ok(OrderId(text.to_owned()))
        } else {
            Err(BadName { text: text.to_owned(), what: "an order id of 1 to 36 characters" })
        }
    }
    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for OrderId {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

/// An episode's id, derived from the fact that caused it, so that concurrent checkers collide.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct IncidentId(String);

impl IncidentId {
    /// The id of the episode of `kind` about `subject` that began at `since`.
    pub fn derive(env: &Env, kind: &str, subject: &str, since: &str) -> IncidentId {
        IncidentId(digest(&[env.as_str(), kind, subject, since]))
    }
    /// Reads a stored id.
    pub fn parse(text: &str) -> Result<IncidentId, BadName> {
        if is_name(text) {
            Ok(IncidentId(text.to_owned()))
        } else {
            Err(BadName { text: text.to_owned(), what: "an incident id" })
        }
    }
    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// SHA-256 over the parts, each preceded by its length so that no two lists collide; 160 bits in base32.
fn digest(parts: &[&str]) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update(part.len().to_be_bytes());
        hash.update(part.as_bytes());
    }
    let whole = BASE32_NOPAD.encode(&hash.finalize()).to_ascii_lowercase();
    whole.chars().take(32).collect()
}

/// A number in `0..modulus` that is the same for `text` on every machine; 0 when the modulus is 0.
pub fn spread(text: &str, modulus: u64) -> u64 {
    let hash = Sha256::digest(text.as_bytes());
    let head = hash.iter().take(8).fold(0u64, |number, byte| (number << 8) | u64::from(*byte));
    head.checked_rem(modulus).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn position() -> PositionId {
        PositionId::parse("demo.1677628800").unwrap()
    }

    #[test]
    fn an_order_id_is_the_same_on_every_machine_and_fits_every_venue() {
        let (env, account) = (Env::parse("dev").unwrap(), AccountId::parse("main").unwrap());
        let id = OrderId::derive(&env, &account, &position(), Leg::Entry, 0);
        assert_eq!(id, OrderId::derive(&env, &account, &position(), Leg::Entry, 0));
        assert_eq!(id.as_str().len(), 32);
        assert!(id.as_str().bytes().all(|byte| byte.is_ascii_alphanumeric()));
        insta::assert_snapshot!(id.as_str(), @"isxydcmp5m2kbuoqlrsycrpqszax462z");
    }

    #[test]
    fn every_part_of_an_order_changes_its_id() {
        let (env, account) = (Env::parse("dev").unwrap(), AccountId::parse("main").unwrap());
        let other = PositionId::parse("demo.1677628801").unwrap();
        let ids = [
            OrderId::derive(&env, &account, &position(), Leg::Entry, 0),
            OrderId::derive(&env, &account, &position(), Leg::Entry, 1),
            OrderId::derive(&env, &account, &position(), Leg::Exit, 0),
            OrderId::derive(&env, &account, &other, Leg::Entry, 0),
            OrderId::derive(&Env::parse("live").unwrap(), &account, &position(), Leg::Entry, 0),
            OrderId::derive(&env, &AccountId::parse("second").unwrap(), &position(), Leg::Entry, 0),
        ];
        let distinct: std::collections::BTreeSet<_> = ids.iter().collect();
        assert_eq!(distinct.len(), ids.len());
    }

    #[test]
    fn names_with_separators_or_control_characters_are_refused() {
        for text in ["", "a b", "a.b", "a#b", "a\n", "ä", &"a".repeat(65)] {
            assert!(StrategyId::parse(text).is_err(), "{text:?} was read");
        }
        for text in ["BTCUSDT", "btc-usdt", "BTC-", "-USDT", "BTC-USDT-X", "这是测试币-USDT", "BTC-ΩΩ"]
        {
            assert!(Symbol::parse(text).is_err(), "{text:?} was read");
        }
    }

    #[test]
    fn an_asset_has_a_name_of_any_language_and_nothing_that_could_end_it() {
        for text in ["BTC", "456", "这是测试币", "LDBTC-2_x", &"币".repeat(64)] {
            assert_eq!(Asset::parse(text).map(|asset| asset.to_string()), Ok(text.to_owned()));
        }
        let unprintable = ["a\nb", "a\u{202e}b", "a\u{0}", "\u{feff}BTC", "\u{200b}"];
        let split = ["", "a b", "a.b", "a#b", "a\"b", "a\\b", "a\u{3000}b", &"币".repeat(65)];
        for text in unprintable.into_iter().chain(split) {
            assert!(Asset::parse(text).is_err(), "{text:?} was read");
        }
    }

    #[test]
    fn a_position_id_round_trips() {
        assert_eq!(PositionId::parse(&position().to_string()), Ok(position()));
        assert!(PositionId::parse("demo").is_err());
        assert!(PositionId::parse("demo.-1").is_err());
    }
}
