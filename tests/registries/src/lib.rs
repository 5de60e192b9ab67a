//! Judges from public package registries: other people's clients against the simulated services. The tests
//! themselves are behind the feature `registries`, so that `cargo test` needs neither Python nor a network.

pub mod python;
