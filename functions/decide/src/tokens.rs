//! A local bound on tokens that is never below the truth: a run of digits at one for three, anything else at
//! one a byte.

use shared::ports::{Reply, Tool};

use crate::prompt::SYSTEM;

/// What a provider adds around a forced tool: Anthropic documents 313 to 346 tokens.
const TOOL_OVERHEAD: u32 = 350;
/// What a provider adds around a turn.
const TURN_OVERHEAD: u32 = 8;

/// At most this many tokens are in `text`.
pub fn bound(text: &str) -> u32 {
    let (mut total, mut run) = (0u32, 0u32);
    for byte in text.bytes() {
        if byte.is_ascii_digit() {
            run = run.saturating_add(1);
        } else {
            total = total.saturating_add(run.div_ceil(3)).saturating_add(1);
            run = 0;
        }
    }
    total.saturating_add(run.div_ceil(3))
}

/// At most this many tokens are asked with the fixed text, this tool, and everything that was `said`.
pub fn asked(tool: &Tool, said: &[&str]) -> u32 {
    let fixed = [SYSTEM, &tool.name, &tool.description, &tool.schema.to_string()];
    let fixed = fixed.iter().fold(TOOL_OVERHEAD, |sum, text| sum.saturating_add(bound(text)));
    said.iter().fold(fixed, |sum, text| sum.saturating_add(bound(text)).saturating_add(TURN_OVERHEAD))
}

/// What the model said, as it is shown back to it.
pub fn shown(reply: &Reply) -> String {
    let calls = reply.calls.iter().map(|call| format!("{} {} {}", call.id, call.name, call.input));
    std::iter::once(reply.text.clone()).chain(calls).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A token is never shorter than one of these pieces: up to three digits, a word part, or one sign.
    fn truth(text: &str) -> u32 {
        let (mut pieces, mut digits, mut in_word) = (0, 0, false);
        for byte in text.bytes() {
            if byte.is_ascii_digit() {
                if digits % 3 == 0 {
                    pieces += 1;
                }
                (digits, in_word) = (digits + 1, false);
            } else {
                if !(byte.is_ascii_alphabetic() && in_word) {
                    pieces += 1;
                }
                (digits, in_word) = (0, byte.is_ascii_alphabetic());
            }
        }
        pieces
    }

    #[test]
    fn digits_count_a_third_and_everything_else_one_a_byte() {
        for (text, tokens) in
            [("", 0), ("1", 1), ("123", 1), ("1234", 2), ("a", 1), ("a1234b", 4), ("23140.50", 4), ("é", 2)]
        {
            assert_eq!(bound(text), tokens, "{text}");
        }
    }

    #[test]
    fn candles_as_csv_are_not_underestimated_as_half_a_token_a_byte_did() {
        let csv = "1677628800000,23138.12,23140.00,23137.55,23139.90,12.34567\n".repeat(100);
        assert!(bound(&csv) >= truth(&csv));
        assert!(bound(&csv) > u32::try_from(csv.len() / 2).unwrap());
    }

    proptest::proptest! {
        #[test]
        fn the_bound_is_never_below_a_simple_truth(text in "[ -~]{0,200}") {
            proptest::prop_assert!(bound(&text) >= truth(&text));
        }
    }
}
