//! Which fault befalls a call: one stream of chance per host, so that one more call to one host does not shift
//! what befalls the others.

use std::collections::BTreeMap;

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

use super::kind::Kind;
use super::plan::{FaultPlan, MILLION};
use super::target::Target;

/// A fault, and a number from the same stream that shapes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Roll {
    pub(super) kind: Kind,
    pub(super) shape: u32,
}

/// The streams, and what came of them.
#[derive(Debug)]
pub(super) struct Dice {
    seed: u64,
    plan: FaultPlan,
    streams: BTreeMap<String, ChaCha8Rng>,
    happened: BTreeMap<Kind, u64>,
    /// By kind: calls that it could have befallen before it first did.
    chances: BTreeMap<Kind, u64>,
}

impl Dice {
    pub(super) fn new(seed: u64, plan: FaultPlan) -> Dice {
        Dice { seed, plan, streams: BTreeMap::new(), happened: BTreeMap::new(), chances: BTreeMap::new() }
    }

    /// Draws for one call. The stream moves on alike whether or not anything may fail now.
    pub(super) fn roll(&mut self, host: &str, target: Target, may_fail: bool) -> Option<Roll> {
        let seed = self.seed;
        let stream = self.streams.entry(host.to_owned()).or_insert_with(|| stream(seed, host));
        let (pick, shape) = (stream.next_u32() % MILLION, stream.next_u32());
        if !may_fail {
            return None;
        }
        let overdue = self.overdue(target);
        self.picked(target, pick).or(overdue).map(|kind| Roll { kind, shape })
    }

    fn picked(&self, target: Target, pick: u32) -> Option<Kind> {
        let mut end = 0_u32;
        Kind::ALL.iter().copied().find(|kind| {
            end = end.saturating_add(self.plan.ppm(*kind, target));
            pick < end
        })
    }

    /// A kind that should have been met by now.
    fn overdue(&mut self, target: Target) -> Option<Kind> {
        let mut found = None;
        let not_met = |kind: &Kind| kind.fits(target) && !self.happened.contains_key(kind);
        for kind in Kind::ALL.iter().copied().filter(not_met) {
            let chances = self.chances.entry(kind).or_default();
            *chances = chances.saturating_add(1);
            let due = self.plan.first_by(kind, target).is_some_and(|by| *chances >= by);
            if due && found.is_none() {
                found = Some(kind);
            }
        }
        found
    }

    /// Counts a fault once it has happened.
    pub(super) fn count(&mut self, kind: Kind) {
        let count = self.happened.entry(kind).or_default();
        *count = count.saturating_add(1);
    }

    pub(super) fn happened(&self) -> &BTreeMap<Kind, u64> {
        &self.happened
    }
}

/// The stream of a name: FNV-1a tells the names apart.
pub(super) fn stream(seed: u64, name: &str) -> ChaCha8Rng {
    let hash = name.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    });
    let mut stream = ChaCha8Rng::seed_from_u64(seed);
    stream.set_stream(hash);
    stream
}
