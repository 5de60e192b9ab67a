//! How many tokens a text is at most, from a part of the vocabulary that is known here.
//!
//! A piece that is a token is one. Any other piece is merged from its bytes, two neighbours at a time, until no two
//! neighbours together are a token (tiktoken's `_byte_pair_merge`). So whatever is left is a chain of which no two
//! neighbours together are a token *that is known here*, and the longest such chain is a bound, however few are
//! known: more of them only bring it closer.

use super::pieces::{Part, parts};

/// Tokens of o200k, one a line in the order of their bytes: its 5,000 first that are printable ASCII, and those of our own fixed words. A test
/// holds that they are, and writes the file anew where our words have changed.
pub(super) const KNOWN: &str = include_str!("known.txt");

/// Longer pieces, which no prompt of ours has, count one a byte.
const LONGEST: usize = 24;
/// And so does a longer text: no budget has room for it, and a provider may answer with a megabyte of anything, over
/// which the cycle's time must not pass.
const LONGEST_TEXT: usize = 60 * 1024;

/// The tokens that are known, in the order of their bytes: found by halving.
#[derive(Debug)]
pub(super) struct Known<'a>(Vec<&'a str>);

impl Known<'_> {
    /// Those of o200k.
    pub(super) fn of_o200k() -> Known<'static> {
        Known(KNOWN.lines().collect())
    }

    fn contains(&self, piece: &str) -> bool {
        self.0.binary_search(&piece).is_ok()
    }

    /// At most this many tokens are in `text`.
    pub(super) fn bound(&self, text: &str) -> u32 {
        if text.len() > LONGEST_TEXT {
            return u32::try_from(text.len()).unwrap_or(u32::MAX);
        }
        let most = |part: Part<'_>| match part {
            Part::Piece(piece) => self.of_piece(piece),
            Part::Uncut(text) => text.len(),
        };
        parts(text)
            .fold(0, |sum: u32, part| sum.saturating_add(u32::try_from(most(part)).unwrap_or(u32::MAX)))
    }

    fn of_piece(&self, piece: &str) -> usize {
        let is_number = piece.bytes().all(|byte| byte.is_ascii_digit());
        if is_number || self.contains(piece) {
            return 1;
        }
        if piece.len() > LONGEST { piece.len() } else { self.longest_chain(piece) }
    }

    /// The most parts of `piece` of which no two neighbours together are a known token.
    fn longest_chain(&self, piece: &str) -> usize {
        // For each end: where the last part of a chain up to it begins, and how long that chain is at most.
        let mut ends: Vec<Vec<(usize, usize)>> = vec![Vec::new()];
        for end in 1..=piece.len() {
            let is_left = |from| piece.get(from..end).is_some_and(|both| !self.contains(both));
            let left: Vec<bool> = (0..end).map(is_left).collect();
            let may_meet = |from: usize| left.get(from).copied().unwrap_or_default();
            let chain = |(begin, before): (usize, &Vec<(usize, usize)>)| {
                let lengths = before.iter().filter(|(from, _)| may_meet(*from)).map(|(_, length)| *length);
                let longest = if begin == 0 { Some(0) } else { lengths.max() };
                longest.map(|length| (begin, length.saturating_add(1)))
            };
            let chains = ends.iter().enumerate().filter_map(chain).collect();
            ends.push(chains);
        }
        let whole = ends.last().into_iter().flatten().map(|(_, length)| *length);
        whole.max().unwrap_or(piece.len())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_line_is_found_and_nothing_else() {
        let known = Known::of_o200k();
        assert!(KNOWN.lines().is_sorted() && KNOWN.lines().all(|line| known.contains(line)));
        let set: BTreeSet<&str> = KNOWN.lines().collect();
        for line in KNOWN.lines() {
            for other in [format!("{line}~"), format!(" {line}"), line.get(1..).unwrap().to_owned()] {
                assert_eq!(known.contains(&other), set.contains(other.as_str()), "{other:?}");
            }
        }
        assert!(!known.contains("") && !known.contains("the\n the"));
    }

    #[test]
    fn digits_count_a_third_known_words_one_and_what_is_not_ascii_its_bytes() {
        let known = Known::of_o200k();
        for (text, tokens) in
            [("", 0), ("1", 1), ("123", 1), ("1234", 2), ("the", 1), ("23140.50", 4), ("é", 2), ("₿ 1", 5)]
        {
            assert_eq!(known.bound(text), tokens, "{text}");
        }
    }

    #[test]
    fn of_a_word_that_is_not_known_no_two_parts_are_left_that_are() {
        for (tokens, longest) in [
            (vec![], 4),
            (vec!["ab"], 3),
            (vec!["ab", "bc", "cd"], 3),
            (vec!["ab", "bc", "cd", "abc", "bcd"], 2),
            (vec!["abcd"], 1),
        ] {
            let sorted: BTreeSet<&str> = tokens.into_iter().collect();
            let known = Known(sorted.into_iter().collect());
            assert_eq!(known.bound("abcd"), longest, "{known:?}");
        }
        assert_eq!(Known::of_o200k().bound(&"q".repeat(25)), 25, "too long to be looked at");
    }

    #[test]
    fn a_text_for_which_no_budget_has_room_counts_its_bytes_unread() {
        let known = Known::of_o200k();
        let (fits, long) = ("the ".repeat(LONGEST_TEXT / 4), "the ".repeat(LONGEST_TEXT / 4 + 1));
        assert!(known.bound(&fits) <= 15_361, "{}", known.bound(&fits));
        assert_eq!(known.bound(&long), u32::try_from(long.len()).unwrap());
        let most = usize::try_from(shared::settings::Tokens::MOST).unwrap();
        assert!(long.len() > most, "it is over budget anyway");
    }
}
