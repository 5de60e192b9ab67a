//! A text that must never be seen: no `Display`, and a `Debug` that says nothing of it.

use std::fmt;

/// A key or a password.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Hides `text`.
    pub const fn new(text: String) -> Secret {
        Secret(text)
    }
    /// The text itself: for signing and for the header that carries it, never for a message.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("Secret(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_says_nothing_of_the_text_not_even_its_length() {
        let secret = Secret::new("canary-7f3a".to_owned());
        assert_eq!(format!("{secret:?}"), format!("{:?}", Secret::new(String::new())));
        assert_eq!(secret.expose(), "canary-7f3a");
    }
}
