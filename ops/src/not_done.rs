//! Why a command did nothing, and the exit code that says so to scripts.

use std::process::ExitCode;

use shared::store::{ReadError, WriteError};

use crate::bad_input::BadInput;

/// One line for the person.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotDone {
    /// What was given cannot be used: exit code 2.
    #[error(transparent)]
    Input(#[from] BadInput),
    /// It was refused, or it is not known whether it was done: exit code 1.
    #[error("{0}")]
    Refused(String),
}

impl NotDone {
    /// What was given cannot be used.
    pub fn input(line: impl ToString) -> NotDone {
        BadInput::new(line).into()
    }

    /// What the process ends with.
    pub fn exit_code(&self) -> ExitCode {
        match self {
            NotDone::Input(_) => ExitCode::from(2),
            NotDone::Refused(_) => ExitCode::FAILURE,
        }
    }

    /// A write that was not taken; `lost` says what a lost condition means.
    pub fn of_write(error: WriteError, lost: &str) -> NotDone {
        NotDone::Refused(match error {
            WriteError::Lost { .. } => lost.to_owned(),
            WriteError::Conflict => "a function was writing at the same moment; do it again".to_owned(),
            WriteError::NotDone(why) => format!("not written: {why}"),
            WriteError::NoAnswer(why) => {
                format!("no answer to the write, look before you do it again: {why}")
            }
        })
    }
}

impl From<ReadError> for NotDone {
    fn from(error: ReadError) -> NotDone {
        NotDone::Refused(error.to_string())
    }
}
