//! `tradai paper`: a run of the whole system against a simulated exchange, and what it found out.

pub mod json;
pub mod outcome;
pub mod progress;
pub mod report;
#[cfg(test)]
mod sample;
mod show;
pub mod summary;
mod tally;
