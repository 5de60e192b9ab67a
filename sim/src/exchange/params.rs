//! Request parameters: read from query and body, typed with Binance's refusals.

use std::borrow::Cow;

use rust_decimal::Decimal;
use shared::time::Timestamp;

use super::num::too_large;
use super::orders::{NewOrder, OrderKind, Side, Size, TimeInForce};
use super::refusal::Refusal;

/// What a decimal parameter may look like.
const DECIMAL_RANGE: &str = r"^([0-9]{1,20})(\.[0-9]{1,20})?$";
/// What an integer parameter may look like.
const INTEGER_RANGE: &str = "^[0-9]{1,20}$";
/// What a client id may look like.
const CLIENT_ID_RANGE: &str = r"^[\.A-Z\:/a-z0-9_-]{1,36}$";

/// Parameters by name; where one is in both, the query wins.
#[derive(Debug)]
pub(super) struct Params<'a>(Vec<(Cow<'a, str>, Cow<'a, str>)>);

impl<'a> Params<'a> {
    pub(super) fn read(query: &'a str, body: &'a str) -> Params<'a> {
        let pairs = query.split('&').chain(body.split('&')).filter(|pair| !pair.is_empty());
        let pairs = pairs.map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            (decode(name), decode(value))
        });
        Params(pairs.collect())
    }

    /// A parameter that was sent and is not empty.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.0
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, value)| &**value)
            .filter(|value| !value.is_empty())
    }

    pub(super) fn required(&self, name: &str) -> Result<&str, Refusal> {
        self.text(name).ok_or_else(|| Refusal::missing(name))
    }

    pub(super) fn integer(&self, name: &str) -> Result<Option<i64>, Refusal> {
        let Some(text) = self.text(name) else { return Ok(None) };
        let digits = text.bytes().all(|byte| byte.is_ascii_digit());
        match text.parse().ok().filter(|_| digits) {
            Some(value) => Ok(Some(value)),
            None => Err(Refusal::illegal(name, INTEGER_RANGE)),
        }
    }

    pub(super) fn time(&self, name: &str) -> Result<Option<Timestamp>, Refusal> {
        Ok(self.integer(name)?.map(Timestamp::from_millis))
    }

    /// How many rows are asked for: at most `max`, at least one.
    pub(super) fn limit(&self, default: usize, max: usize) -> Result<usize, Refusal> {
        let Some(asked) = self.integer("limit")? else { return Ok(default) };
        match usize::try_from(asked) {
            Ok(0) | Err(_) => Err(Refusal::bad(-1130, "Data sent for parameter 'limit' is not valid.")),
            Ok(asked) => Ok(asked.min(max)),
        }
    }

    fn decimal(&self, name: &str) -> Result<Option<Decimal>, Refusal> {
        let Some(text) = self.text(name) else { return Ok(None) };
        let plain = text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.')
            && text.starts_with(|first: char| first.is_ascii_digit())
            && text.ends_with(|last: char| last.is_ascii_digit());
        let value = text.parse::<Decimal>().ok().filter(|value| plain && !too_large(*value));
        let value = value.ok_or_else(|| Refusal::illegal(name, DECIMAL_RANGE))?;
        if value.normalize().scale() > 8 {
            return Err(Refusal::bad(-1111, format!("Parameter '{name}' has too much precision.")));
        }
        Ok(Some(value))
    }

    /// A decimal above zero that must be there.
    fn amount(&self, name: &str) -> Result<Decimal, Refusal> {
        let value = self.decimal(name)?.ok_or_else(|| Refusal::missing(name))?;
        if value > Decimal::ZERO {
            return Ok(value);
        }
        let what = if name.to_ascii_lowercase().ends_with("price") { "price" } else { "quantity" };
        Err(Refusal::bad(-1013, format!("Invalid {what}.")))
    }

    fn refuse(&self, names: &[&str]) -> Result<(), Refusal> {
        match names.iter().find(|name| self.text(name).is_some()) {
            Some(name) => Err(Refusal::not_required(name)),
            None => Ok(()),
        }
    }

    pub(super) fn client_id(&self, name: &str) -> Result<Option<String>, Refusal> {
        let Some(text) = self.text(name) else { return Ok(None) };
        let legal = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".:/_-".contains(&byte));
        match legal && text.len() <= 36 {
            true => Ok(Some(text.to_owned())),
            false => Err(Refusal::illegal(name, CLIENT_ID_RANGE)),
        }
    }

    /// The order that the parameters describe.
    pub(super) fn order(&self) -> Result<NewOrder, Refusal> {
        // Not simulated: better refused than silently ignored.
        self.refuse(&["icebergQty", "trailingDelta"])?;
        let side = Side::read(self.required("side")?).ok_or_else(|| Refusal::bad(-1117, "Invalid side."))?;
        let kind = OrderKind::read(self.required("type")?)
            .ok_or_else(|| Refusal::bad(-1116, "Invalid orderType."))?;
        Ok(NewOrder {
            side,
            kind,
            time_in_force: self.time_in_force(kind)?,
            size: self.size(kind)?,
            price: self.price_of(kind.is_limit(), "price")?,
            stop_price: self.price_of(kind.is_stop(), "stopPrice")?,
            client_id: self.client_id("newClientOrderId")?,
        })
    }

    fn time_in_force(&self, kind: OrderKind) -> Result<TimeInForce, Refusal> {
        if !kind.is_limit() || kind == OrderKind::LimitMaker {
            return self.refuse(&["timeInForce"]).map(|()| TimeInForce::Gtc);
        }
        TimeInForce::read(self.required("timeInForce")?)
            .ok_or_else(|| Refusal::bad(-1115, "Invalid timeInForce."))
    }

    fn size(&self, kind: OrderKind) -> Result<Size, Refusal> {
        if kind == OrderKind::Market && self.text("quoteOrderQty").is_some() {
            self.refuse(&["quantity"])?;
            return self.amount("quoteOrderQty").map(Size::Quote);
        }
        self.refuse(&["quoteOrderQty"])?;
        self.amount("quantity").map(Size::Base)
    }

    fn price_of(&self, wanted: bool, name: &str) -> Result<Decimal, Refusal> {
        match wanted {
            true => self.amount(name),
            false => self.refuse(&[name]).map(|()| Decimal::ZERO),
        }
    }
}

/// Percent-decoding; what is not valid stays as it was sent.
fn decode(text: &str) -> Cow<'_, str> {
    if !text.contains(['%', '+']) {
        return Cow::Borrowed(text);
    }
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, tail)) = rest.split_first() {
        rest = tail;
        let byte = match first {
            b'+' => b' ',
            b'%' => match tail.split_at_checked(2).and_then(|(hex, after)| Some((unhex(hex)?, after))) {
                Some((byte, after)) => {
                    rest = after;
                    byte
                }
                None => b'%',
            },
            plain => *plain,
        };
        bytes.push(byte);
    }
    match String::from_utf8(bytes) {
        Ok(decoded) => Cow::Owned(decoded),
        Err(_) => Cow::Borrowed(text),
    }
}

fn unhex(hex: &[u8]) -> Option<u8> {
    let text = std::str::from_utf8(hex).ok().filter(|text| !text.starts_with('+'))?;
    u8::from_str_radix(text, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(query: &str) -> i64 {
        Params::read(query, "").order().unwrap_err().code
    }

    #[test]
    fn the_query_wins_over_the_body_and_values_are_decoded() {
        let params = Params::read("a=1&b=%5B%22x%22%5D", "a=2&c=x+y%");
        assert_eq!(params.text("a"), Some("1"));
        assert_eq!(params.text("b"), Some("[\"x\"]"));
        assert_eq!(params.text("c"), Some("x y%"));
        assert_eq!(params.text("d"), None);
    }

    #[test]
    fn each_type_takes_what_it_needs_and_refuses_the_rest() {
        let limit = "side=BUY&type=LIMIT&quantity=1&price=2";
        assert_eq!(code(limit), -1102);
        assert!(Params::read(&format!("{limit}&timeInForce=GTC"), "").order().is_ok());
        assert_eq!(code(&format!("{limit}&timeInForce=GTC&stopPrice=1")), -1106);
        assert_eq!(code("side=BUY&type=MARKET&quantity=1&timeInForce=GTC"), -1106);
        assert_eq!(code("side=BUY&type=MARKET&quantity=1&quoteOrderQty=5"), -1106);
        assert_eq!(code("side=BUY&type=MARKET"), -1102);
        assert_eq!(code("side=SELL&type=STOP_LOSS_LIMIT&quantity=1&price=2&timeInForce=GTC"), -1102);
    }

    #[test]
    fn unknown_words_have_their_own_codes() {
        assert_eq!(code("side=HOLD&type=MARKET&quantity=1"), -1117);
        assert_eq!(code("side=BUY&type=ICE&quantity=1"), -1116);
        assert_eq!(code("side=BUY&type=LIMIT&quantity=1&price=1&timeInForce=DAY"), -1115);
    }

    #[test]
    fn amounts_are_plain_positive_and_not_too_fine() {
        let with = |quantity: &str| code(&format!("side=BUY&type=MARKET&quantity={quantity}"));
        for bad in ["abc", "1e5", "-1", ".5", "5.", "100000000000", "NaN", "1_0"] {
            assert_eq!(with(bad), -1100, "{bad}");
        }
        assert_eq!(with("0"), -1013);
        assert_eq!(with("0.123456789"), -1111);
        assert_eq!(with(""), -1102);
    }

    #[test]
    fn a_client_id_keeps_to_its_alphabet_and_length() {
        let order = |id: &str| {
            Params::read(&format!("side=BUY&type=MARKET&quantity=1&newClientOrderId={id}"), "").order()
        };
        assert_eq!(order("a-B_1:/.").unwrap().client_id.as_deref(), Some("a-B_1:/."));
        assert_eq!(order("a%20b").unwrap_err().code, -1100);
        assert_eq!(order(&"x".repeat(37)).unwrap_err().code, -1100);
    }
}
