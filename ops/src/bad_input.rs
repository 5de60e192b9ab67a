//! What a person gave us that cannot be used: one line that names file, field and mend; exit code 2.

use std::fmt;

/// One line for the person, and nothing was done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadInput(String);

impl BadInput {
    /// From anything whose text is one line.
    pub fn new(line: impl ToString) -> BadInput {
        BadInput(line.to_string().replace('\n', " "))
    }
}

impl fmt::Display for BadInput {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

impl std::error::Error for BadInput {}
