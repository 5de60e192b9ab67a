//! Signatures: HMAC-SHA256 in hex over the query and the body, joined without a separator.

use std::borrow::Cow;

use data_encoding::HEXLOWER_PERMISSIVE;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// Whether `signature` is the right one, in constant time.
pub(super) fn is_valid(secret: &str, query: &str, body: &str, signature: &str) -> bool {
    let Ok(tag) = HEXLOWER_PERMISSIVE.decode(signature.as_bytes()) else { return false };
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret.as_bytes()) else { return false };
    mac.update(unsigned(query).as_bytes());
    mac.update(unsigned(body).as_bytes());
    mac.verify_slice(&tag).is_ok()
}

/// The parameters without the signature itself.
fn unsigned(text: &str) -> Cow<'_, str> {
    const NAME: &str = "signature=";
    match text.rfind("&signature=") {
        // The usual case: it stands last.
        Some(at) if !text.get(at + 1..).unwrap_or_default().contains('&') => {
            Cow::Borrowed(text.get(..at).unwrap_or_default())
        }
        Some(_) | None if text.contains(NAME) => {
            let kept: Vec<&str> = text.split('&').filter(|pair| !pair.starts_with(NAME)).collect();
            Cow::Owned(kept.join("&"))
        }
        Some(_) | None => Cow::Borrowed(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "NhqPtmdSJYdKjVHjA7PZj4Mge3R5YNiP1e3UZjInClVN65XAbvqqM6A7H5fATj0j";
    const PARAMS: &str = "symbol=LTCBTC&side=BUY&type=LIMIT&timeInForce=GTC&quantity=1&price=0.1&recvWindow=5000&timestamp=1499827319559";
    /// From Binance's documentation of signed requests.
    const DOCUMENTED: &str = "c8db56825ae71d6d79447849e617115f4a920fa2acdcab2b053c4b2838bd6b71";

    #[test]
    fn the_documented_example_is_valid_in_query_and_in_body() {
        assert!(is_valid(SECRET, &format!("{PARAMS}&signature={DOCUMENTED}"), "", DOCUMENTED));
        assert!(is_valid(SECRET, "", &format!("{PARAMS}&signature={DOCUMENTED}"), DOCUMENTED));
        assert!(is_valid(SECRET, PARAMS, "", &DOCUMENTED.to_uppercase()));
    }

    #[test]
    fn query_and_body_are_joined_without_a_separator() {
        let (query, body) = PARAMS.split_at(36);
        let body = format!("{body}&signature={DOCUMENTED}");
        assert!(is_valid(SECRET, query, &body, DOCUMENTED));
        assert!(is_valid(SECRET, &format!("signature={DOCUMENTED}&{PARAMS}"), "", DOCUMENTED));
    }

    #[test]
    fn anything_else_is_invalid() {
        assert!(!is_valid("other", PARAMS, "", DOCUMENTED));
        assert!(!is_valid(SECRET, &PARAMS.replace("BUY", "SELL"), "", DOCUMENTED));
        assert!(!is_valid(SECRET, PARAMS, "", "zz"));
        assert!(!is_valid(SECRET, PARAMS, "", ""));
    }
}
