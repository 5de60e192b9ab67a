//! What reading a strategy file says: notes about what was read, or one line about why it was refused.

use std::fmt;

/// The longest text that a message quotes.
const LONGEST: usize = 240;

/// Why a strategy file was refused: where, what, and how to mend it, in one line.
///
/// No message quotes the value of a field that may hold a secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{file}:{line}: {}{problem}; {mend}", prefix(.field.as_deref()))]
pub struct BadSettings {
    /// The file, as the caller named it.
    pub file: String,
    /// The line, from 1; that of the table, or 1, where something is missing.
    pub line: usize,
    /// The field, or none where the text is not TOML.
    pub field: Option<String>,
    /// What is wrong.
    pub problem: String,
    /// What to write instead.
    pub mend: String,
}

fn prefix(field: Option<&str>) -> String {
    field.map(|field| format!("{field}: ")).unwrap_or_default()
}

/// Where in which file something stands.
#[derive(Debug, Clone)]
pub(super) struct Place {
    /// The file, as the caller named it.
    pub(super) file: String,
    /// The line, from 1.
    pub(super) line: usize,
    /// The field, where there is one.
    pub(super) field: Option<String>,
}

impl Place {
    /// A field in a file.
    pub(super) fn field(file: &str, line: usize, field: &str) -> Place {
        Place { file: file.to_owned(), line, field: Some(field.to_owned()) }
    }
    /// A line of a file.
    pub(super) fn line(file: &str, line: usize) -> Place {
        Place { file: file.to_owned(), line, field: None }
    }
    /// A refusal at this place.
    pub(super) fn refuse(&self, problem: impl fmt::Display, mend: impl fmt::Display) -> BadSettings {
        BadSettings {
            file: one_line(&self.file),
            line: self.line,
            field: self.field.as_deref().map(one_line),
            problem: one_line(&problem.to_string()),
            mend: one_line(&mend.to_string()),
        }
    }
}

/// The text without line breaks and other control characters, and not without end.
fn one_line(text: &str) -> String {
    let plain = |letter: char| if letter.is_control() { ' ' } else { letter };
    let mut line: String = text.chars().take(LONGEST).map(plain).collect();
    if text.chars().nth(LONGEST).is_some() {
        line.push('…');
    }
    line
}

/// Something that a person should know about settings that were accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Note {
    /// The file does not state this value.
    Supplied {
        /// Who supplied it: `profile cautious`, `default`.
        by: String,
        /// The field.
        field: String,
        /// The value, as it would be written.
        value: String,
    },
    /// The file states this and nothing reads it.
    Unused {
        /// The field.
        field: String,
        /// Why: `by backend mock`.
        why: String,
    },
    /// The settings say something that may not be meant.
    Caution {
        /// The field.
        field: String,
        /// What it means.
        meaning: String,
    },
}

impl fmt::Display for Note {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Note::Supplied { by, field, value } => write!(out, "{by}: {field} = {value}"),
            Note::Unused { field, why } => write!(out, "{field} is not used {why}"),
            Note::Caution { field, meaning } => write!(out, "{field}: {meaning}"),
        }
    }
}
