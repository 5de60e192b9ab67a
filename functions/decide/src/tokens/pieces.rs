//! Cuts text where no token of o200k crosses, as that vocabulary's own pattern does.
//!
//! The pattern, from tiktoken's `openai_public.py`, says of text that is ASCII: letters, upper case before lower,
//! with one sign or space before them and a contraction after them; up to three digits; signs, with one space
//! before them and line ends after them; space up to its last line end; space but for the last one before a word.
//! Letters, digits and signs that are not ASCII may join any of these, so what stands beside them is not cut
//! until it is certain again.

/// A part of a text that no token crosses the ends of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part<'a> {
    /// Exactly what the vocabulary takes at once, in ASCII.
    Piece(&'a str),
    /// Several of them, nobody knows how many.
    Uncut(&'a str),
}

/// What may follow an apostrophe as a part of the word before it.
const CONTRACTIONS: [&str; 7] = ["s", "t", "re", "ve", "m", "ll", "d"];
/// Most digits of a piece.
const MOST_DIGITS: usize = 3;

/// The parts of `text`, which are all of it.
pub(super) fn parts(text: &str) -> impl Iterator<Item = Part<'_>> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let (length, is_certain) = match certain(rest.as_bytes()) {
            Some(length) => (length, true),
            None => (uncertain(rest.as_bytes()), false),
        };
        let (part, after) = rest.split_at_checked(length).filter(|(part, _)| !part.is_empty())?;
        rest = after;
        Some(if is_certain { Part::Piece(part) } else { Part::Uncut(part) })
    })
}

/// The length of the first piece; nothing where a byte that is not ASCII has a say in it.
fn certain(text: &[u8]) -> Option<usize> {
    let length = first(text);
    let is_full = length == MOST_DIGITS && text.first().is_some_and(u8::is_ascii_digit);
    let sees = match text.get(length) {
        _ if is_full => length,
        // Whether it is a contraction depends on two more.
        Some(b'\'') => length.saturating_add(3),
        // How much of a space is taken depends on all of it, and on what follows.
        Some(_) if run(text, is_space) >= length => run(text, is_space).saturating_add(1),
        Some(_) | None => length.saturating_add(1),
    };
    text.iter().take(sees).all(u8::is_ascii).then_some(length)
}

/// The length of the first piece, were all of it ASCII.
fn first(text: &[u8]) -> usize {
    let (head, next) = (text.first().copied().unwrap_or_default(), text.get(1).copied().unwrap_or_default());
    if head.is_ascii_alphabetic() {
        return word(text);
    }
    if head.is_ascii_digit() {
        return run(text, |byte| byte.is_ascii_digit()).min(MOST_DIGITS);
    }
    if !is_line_end(head) && next.is_ascii_alphabetic() {
        return word(after(text, 1)).saturating_add(1);
    }
    let before = usize::from(head == b' ');
    match run(after(text, before), is_sign) {
        0 => space(text),
        signs => {
            let length = before.saturating_add(signs);
            length.saturating_add(run(after(text, length), |byte| is_line_end(byte) || byte == b'/'))
        }
    }
}

/// Capitals, then small letters, then a contraction.
fn word(text: &[u8]) -> usize {
    let capitals = run(text, |byte| byte.is_ascii_uppercase());
    let letters = capitals.saturating_add(run(after(text, capitals), |byte| byte.is_ascii_lowercase()));
    let Some((b'\'', rest)) = after(text, letters).split_first() else { return letters };
    let follows =
        |one: &&&str| rest.get(..one.len()).is_some_and(|part| part.eq_ignore_ascii_case(one.as_bytes()));
    let contraction = CONTRACTIONS.iter().find(follows).map_or(0, |one| one.len().saturating_add(1));
    letters.saturating_add(contraction)
}

/// Up to the last line end; else all but the last one before a word; else the one.
fn space(text: &[u8]) -> usize {
    let all = run(text, is_space);
    let line_end = text.iter().take(all).rposition(|byte| is_line_end(*byte));
    match line_end {
        Some(at) => at.saturating_add(1),
        None if all < text.len() => all.saturating_sub(1).max(1),
        None => all,
    }
}

/// The length up to the first place that is an end for certain: after a digit or before one, and after a letter
/// that neither a letter nor an apostrophe follows.
fn uncertain(text: &[u8]) -> usize {
    let is_end = |pair: &[u8]| {
        let [one, next] = pair else { return false };
        let are_ascii = one.is_ascii() && next.is_ascii();
        let at_digit = one.is_ascii_digit() != next.is_ascii_digit();
        let at_word = one.is_ascii_alphabetic() && !next.is_ascii_alphabetic() && *next != b'\'';
        are_ascii && (at_digit || at_word)
    };
    text.windows(2).position(is_end).map_or(text.len(), |at| at.saturating_add(1))
}

/// How many bytes at the start are such.
fn run(text: &[u8], is_such: impl Fn(u8) -> bool) -> usize {
    text.iter().take_while(|byte| is_such(**byte)).count()
}

fn after(text: &[u8], length: usize) -> &[u8] {
    text.get(length..).unwrap_or_default()
}

/// ASCII's part of what the pattern calls space: it counts the vertical tab, Rust does not.
const fn is_space(byte: u8) -> bool {
    byte.is_ascii_whitespace() || byte == 0x0b
}

const fn is_line_end(byte: u8) -> bool {
    matches!(byte, b'\r' | b'\n')
}

const fn is_sign(byte: u8) -> bool {
    byte.is_ascii() && !byte.is_ascii_alphanumeric() && !is_space(byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cut(text: &str) -> Vec<Part<'_>> {
        parts(text).collect()
    }

    #[test]
    fn ascii_is_cut_into_the_pieces_of_the_pattern() {
        for (text, pieces) in [
            ("", vec![]),
            (
                r#"{"ema_fast":"22971.00"}"#,
                vec![r#"{""#, "ema", "_fast", r#"":""#, "229", "71", ".", "00", r#""}"#],
            ),
            ("BTC-USDT is up", vec!["BTC", "-USDT", " is", " up"]),
            ("maxQty USDTs", vec!["max", "Qty", " USDTs"]),
            ("it's we'll DON'T o'clock", vec!["it's", " we'll", " DON'T", " o", "'clock"]),
            ("a  b\n\n c", vec!["a", " ", " b", "\n\n", " c"]),
            ("x: -- 5 \t", vec!["x", ":", " --", " ", "5", " \t"]),
            ("!\n/\nok", vec!["!\n/\n", "ok"]),
        ] {
            assert_eq!(cut(text), pieces.into_iter().map(Part::Piece).collect::<Vec<_>>(), "{text:?}");
        }
    }

    #[test]
    fn what_stands_beside_other_letters_is_not_cut() {
        use Part::{Piece, Uncut};
        assert_eq!(
            cut("up 3%, ça va 12"),
            [
                Piece("up"),
                Piece(" "),
                Piece("3"),
                Piece("%,"),
                Uncut(" ça"),
                Piece(" va"),
                Piece(" "),
                Piece("12"),
            ]
        );
        assert_eq!(cut("123²4\u{17f}"), [Piece("123"), Uncut("²4\u{17f}")]);
    }

    proptest::proptest! {
        #[test]
        fn the_parts_of_a_text_are_all_of_it(text in "(\\PC|[ -~\\s']){0,60}") {
            let whole: String = parts(&text).map(|part| match part { Part::Piece(one) | Part::Uncut(one) => one }).collect();
            proptest::prop_assert_eq!(whole, text);
        }
    }
}
