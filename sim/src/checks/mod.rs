//! Checkers that look from outside: items of the tables, messages of the topics and the exchange's own ledger.
//! They share no code with what they check. Each answers with one line for each thing that is wrong: none
//! invented, none missed.

mod books;
#[cfg(test)]
pub(crate) mod fixture;
mod items;
mod pages;
mod protection;
mod rules;
mod venue;

pub use books::books_equal_venue;
pub use items::{Item, Outside, Stage};
pub use pages::{Delivery, pages_delivered};
pub use protection::protection_gaps;
pub use rules::{Facts, rejections, rules_kept};
