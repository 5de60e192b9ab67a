//! The person at the terminal: what they are shown, what they are asked, what they are called.

use std::io::{BufRead, Write};

use crate::bad_input::BadInput;
use crate::not_done::NotDone;
use shared::approval::check_name;

/// Where they read and answer.
pub struct Person<'a> {
    /// What they read.
    pub out: &'a mut dyn Write,
    /// What they type.
    pub input: &'a mut dyn BufRead,
}

impl Person<'_> {
    /// Shows them `text` and a new line.
    pub fn tell(&mut self, text: &str) -> Result<(), NotDone> {
        writeln!(self.out, "{text}").map_err(|error| NotDone::Refused(format!("output: {error}")))
    }

    /// Asks; anything but the whole word yes is a no.
    pub fn confirm(&mut self, question: &str) -> Result<(), NotDone> {
        let output = |error| NotDone::Refused(format!("terminal: {error}"));
        write!(self.out, "{question} Type yes: ").and_then(|()| self.out.flush()).map_err(output)?;
        let mut line = String::new();
        let read = self.input.read_line(&mut line).map_err(output)?;
        match line.trim() {
            "yes" => Ok(()),
            _ if read == 0 => Err(NotDone::input("nobody answered; in a script, give --yes")),
            _ => Err(NotDone::Refused("not confirmed, nothing was done".to_owned())),
        }
    }
}

/// Who acts: the name given with `--as`, else the user's.
pub fn name(given: Option<&str>, variable: impl Fn(&str) -> Option<String>) -> Result<String, BadInput> {
    let of_user = || variable("USER").or_else(|| variable("LOGNAME")).filter(|name| !name.is_empty());
    let name = given.map(str::to_owned).or_else(of_user);
    let name = name.ok_or_else(|| BadInput::new("who are you? USER is not set; give --as NAME"))?;
    check_name(&name).map_err(|why| BadInput::new(format!("--as {name:?}: {why}")))?;
    Ok(name)
}
