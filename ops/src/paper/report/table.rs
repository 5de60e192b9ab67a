//! One shape for every table: it scrolls on its own, its head stays in sight, and its length has a bound.

use maud::{Markup, html};

/// The most rows of a table.
pub(super) const ROWS: usize = 2_000;

/// A column's title, and whether numbers stand in it.
pub(super) struct Column(pub(super) &'static str, pub(super) Kind);

/// What stands in a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Words on one line.
    Word,
    /// A number, to the right.
    Number,
    /// Sentences, which wrap.
    Prose,
}

impl Kind {
    const fn class(self) -> Option<&'static str> {
        match self {
            Kind::Word => None,
            Kind::Number => Some("n"),
            Kind::Prose => Some("prose"),
        }
    }
}

/// One row: its class and its cells, in the columns' order.
pub(super) struct Row(pub(super) Option<&'static str>, pub(super) Vec<Markup>);

/// A table of so many rows in all, of which the first are shown.
pub(super) fn table(name: &str, columns: &[Column], all: usize, rows: impl Iterator<Item = Row>) -> Markup {
    html! {
        div.scroll tabindex="0" role="region" aria-label=(name) {
            table {
                thead { tr { @for Column(title, kind) in columns { th class=[kind.class()] { (title) } } } }
                tbody {
                    @for Row(class, cells) in rows.take(ROWS) {
                        tr class=[class] {
                            @for (cell, Column(_, kind)) in cells.into_iter().zip(columns) {
                                td class=[kind.class()] { (cell) }
                            }
                        }
                    }
                }
            }
        }
        @if all > ROWS { p.note { "The first " (ROWS) " of " (all) "." } }
    }
}
