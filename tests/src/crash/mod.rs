//! The crash harness: every external call of a scenario meets every fault that it can suffer; then the run goes
//! on without faults until everything is settled, and is judged by the invariants from outside.
//!
//! The world is `sim`'s exchange behind the real adapter, the tables in memory, and the four real `handle()`s.
//! One decorator per port shares one counter (`effects.rs`). A run is single-threaded and deterministic: one
//! printed line replays it.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::wildcard_enum_match_arm,
    clippy::let_underscore_must_use,
    reason = "a harness that meets what it does not understand stops, as a test does"
)]

pub mod campaign;
pub mod drive;
pub mod effects;
pub mod judge;
pub mod mutants;
pub mod outlets;
pub mod outside;
pub mod phases;
pub mod replay;
pub mod scenario;
pub mod scenarios;
pub mod stream;
pub mod tables;
pub mod venue;
pub mod world;
