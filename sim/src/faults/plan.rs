//! How much fails: a probability per kind, in parts per million of the calls that it can befall.

use std::collections::BTreeMap;

use super::kind::Kind;
use super::target::Target;

/// One in a million.
pub(super) const MILLION: u32 = 1_000_000;

/// Probabilities per kind. Orders and cancels are rare, so they have their own, higher ones.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct FaultPlan {
    calls: BTreeMap<Kind, u32>,
    sends: BTreeMap<Kind, u32>,
    invocations: u32,
    /// How patiently the first fault of a kind that befalls rare calls is waited for; zero: for ever.
    patience: u64,
}

impl FaultPlan {
    /// Nothing fails.
    pub fn none() -> FaultPlan {
        FaultPlan::default()
    }

    /// About 0.2 % of calls, 1 % of orders and cancels, 0.1 % of invocations in each way.
    pub fn light() -> FaultPlan {
        FaultPlan::levelled(1, 3, 1_000)
    }

    /// About 3 % of calls, 15 % of orders and cancels, 1 % of invocations in each way.
    pub fn heavy() -> FaultPlan {
        FaultPlan::levelled(15, 1, 10_000)
    }

    /// `none`, `light` or `heavy`.
    pub fn named(name: &str) -> Option<FaultPlan> {
        match name {
            "none" => Some(FaultPlan::none()),
            "light" => Some(FaultPlan::light()),
            "heavy" => Some(FaultPlan::heavy()),
            _ => None,
        }
    }

    fn levelled(level: u32, patience: u64, invocations: u32) -> FaultPlan {
        let calls = Kind::ALL.iter().map(|kind| (*kind, calls_ppm(*kind).saturating_mul(level)));
        let sends = Kind::ALL.iter().filter(|kind| kind.fits(Target::VenueSend));
        let sends = sends.map(|kind| (*kind, 850_u32.saturating_mul(level)));
        FaultPlan { calls: calls.collect(), sends: sends.collect(), invocations, patience }
    }

    /// The same with `ppm` for one kind, wherever it fits.
    #[must_use]
    pub fn with(mut self, kind: Kind, ppm: u32) -> FaultPlan {
        self.calls.insert(kind, ppm);
        self.sends.insert(kind, ppm);
        self
    }

    /// The same with `ppm` for each way in which an invocation goes wrong.
    #[must_use]
    pub fn with_invocations(self, ppm: u32) -> FaultPlan {
        FaultPlan { invocations: ppm, ..self }
    }

    /// The probability of `kind` at a call to `target`.
    pub fn ppm(&self, kind: Kind, target: Target) -> u32 {
        let table = if target == Target::VenueSend { &self.sends } else { &self.calls };
        if kind.fits(target) { table.get(&kind).copied().unwrap_or(0) } else { 0 }
    }

    /// The probability of each way in which an invocation goes wrong.
    pub(super) const fn invocation_ppm(&self) -> u32 {
        self.invocations
    }

    /// After how many calls that `kind` could have befallen the first one comes at the latest, so that every
    /// kind is met in a run of weeks however rare its calls are.
    pub(super) fn first_by(&self, kind: Kind, target: Target) -> Option<u64> {
        let ppm = u64::from(self.ppm(kind, target));
        if ppm == 0 || self.patience == 0 {
            return None;
        }
        let twice = (2 * u64::from(MILLION)).div_ceil(ppm);
        let cap = match target {
            Target::VenueSend => 60,
            Target::Model => 100,
            Target::Publish => 4,
            Target::VenueRead | Target::Table | Target::Transaction | Target::Metrics | Target::Other => {
                u64::MAX
            }
        };
        Some(twice.min(self.patience.saturating_mul(cap)))
    }
}

/// Parts per million at the light level, where each kind stands in the calls that it befalls most.
const fn calls_ppm(kind: Kind) -> u32 {
    match kind {
        // It keeps everyone away for a while, so it counts for many.
        Kind::Venue429 => 80,
        Kind::Model429 | Kind::Model529 | Kind::ModelTimeout | Kind::ModelGarbage => 500,
        Kind::TableConflict => 1_000,
        Kind::TableThrottled | Kind::TableReplyLost | Kind::Table500Clean | Kind::TableRequestLost => 500,
        Kind::PublishFailed | Kind::PublishReplyLost => 6_000,
        Kind::MetricsFailed => 2_000,
        Kind::VenueRequestLost
        | Kind::VenueReplyLost
        | Kind::Venue503Applied
        | Kind::Venue503Clean
        | Kind::Venue1007Applied
        | Kind::VenueHtml502
        | Kind::VenueTruncatedJson
        | Kind::VenueNeverSent
        | Kind::VenueGhost
        | Kind::VenueDuplicate
        | Kind::VenueReadLag => 320,
    }
}
