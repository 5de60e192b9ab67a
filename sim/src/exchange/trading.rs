//! Endpoints that change orders.

use serde_json::{Value, json};

use super::orders::{NewOrder, Order, OrderKind, OrderStatus};
use super::params::Params;
use super::public::required_symbol;
use super::refusal::Refusal;
use super::venue::Venue;
use super::wire::{self, Ack, Cancelled, FillView, Outcome};

/// How much a new order's answer tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Detail {
    Ack,
    Result,
    Full,
}

impl Detail {
    fn read(params: &Params<'_>, kind: OrderKind) -> Result<Detail, Refusal> {
        match params.text("newOrderRespType") {
            Some("ACK") => Ok(Detail::Ack),
            Some("RESULT") => Ok(Detail::Result),
            Some("FULL") => Ok(Detail::Full),
            Some(_) => Err(Refusal::illegal("newOrderRespType", "ACK, RESULT, FULL")),
            None if matches!(kind, OrderKind::Market | OrderKind::Limit) => Ok(Detail::Full),
            None => Ok(Detail::Ack),
        }
    }
}

pub(super) fn new_order(venue: &mut Venue, params: &Params<'_>) -> Result<Vec<u8>, Refusal> {
    required_symbol(venue, params)?;
    let wish = params.order()?;
    let detail = Detail::read(params, wish.kind)?;
    venue.limits.check_order(venue.now)?;
    let id = venue.place(&wish, false)?;
    let order = venue.order(id).ok_or_else(Refusal::no_such_order)?;
    let symbol = &venue.config.symbol;
    Ok(match detail {
        Detail::Ack => wire::bytes(&Ack::new(symbol, order)),
        Detail::Result => wire::bytes(&Outcome::new(symbol, order, None)),
        Detail::Full => wire::bytes(&full(venue, order)),
    })
}

fn full<'a>(venue: &'a Venue, order: &'a Order) -> Outcome<'a> {
    let fills = venue.trades_of(order).map(FillView::new).collect();
    Outcome::new(&venue.config.symbol, order, Some(fills))
}

pub(super) fn test_order(venue: &Venue, params: &Params<'_>) -> Result<Vec<u8>, Refusal> {
    required_symbol(venue, params)?;
    let wish = params.order()?;
    Detail::read(params, wish.kind)?;
    venue.check_order(&wish)?;
    Ok(b"{}".to_vec())
}

/// The order that two parameters name: either, or both when they agree.
pub(super) fn named<'a>(
    venue: &'a Venue,
    params: &Params<'_>,
    by_id: &str,
    by_client: &str,
) -> Result<Option<&'a Order>, Refusal> {
    let client_id = params.text(by_client);
    let found = match (params.integer(by_id)?, client_id) {
        (Some(id), _) => venue.order(id),
        (None, Some(client_id)) => venue.order_by_client(client_id),
        (None, None) => {
            let msg = format!("Param '{by_client}' or '{by_id}' must be sent, but both were empty/null!");
            return Err(Refusal::bad(-1102, msg));
        }
    };
    Ok(found.filter(|order| client_id.is_none_or(|client_id| order.client_id == client_id)))
}

pub(super) fn cancel_order(venue: &mut Venue, params: &Params<'_>) -> Result<Vec<u8>, Refusal> {
    required_symbol(venue, params)?;
    let target = Target::read(venue, params, "orderId", "origClientOrderId", "newClientOrderId")?;
    target.cancel(venue).map(|answer| wire::bytes(&answer))
}

pub(super) fn cancel_open_orders(venue: &mut Venue, params: &Params<'_>) -> Result<Vec<u8>, Refusal> {
    required_symbol(venue, params)?;
    let ids: Vec<i64> = venue.open.iter().copied().collect();
    if ids.is_empty() {
        return Err(Refusal::unknown_order());
    }
    let cancelled: Result<Vec<Value>, Refusal> = ids
        .into_iter()
        .map(|id| Target { id: Some(id), cancel_id: None, only: None }.cancel(venue))
        .collect();
    cancelled.map(|answers| wire::bytes(&answers))
}

/// What a cancel aims at.
#[derive(Debug)]
struct Target {
    id: Option<i64>,
    cancel_id: Option<String>,
    /// `cancelRestrictions`: the only state in which to cancel.
    only: Option<OrderStatus>,
}

impl Target {
    fn read(
        venue: &Venue,
        params: &Params<'_>,
        by_id: &str,
        by_client: &str,
        cancel_id: &str,
    ) -> Result<Target, Refusal> {
        let id = named(venue, params, by_id, by_client)?.map(|order| order.id);
        let only = match params.text("cancelRestrictions") {
            None => None,
            Some("ONLY_NEW") => Some(OrderStatus::New),
            Some("ONLY_PARTIALLY_FILLED") => Some(OrderStatus::PartiallyFilled),
            Some(_) => return Err(Refusal::illegal("cancelRestrictions", "ONLY_NEW, ONLY_PARTIALLY_FILLED")),
        };
        Ok(Target { id, cancel_id: params.client_id(cancel_id)?, only })
    }

    fn cancel(self, venue: &mut Venue) -> Result<Value, Refusal> {
        let id = self.id.ok_or_else(Refusal::unknown_order)?;
        let status = venue.order(id).map(|order| order.status);
        if status.is_some_and(|status| status.is_open() && self.only.is_some_and(|only| only != status)) {
            return Err(Refusal::bad(-2011, "Order was not canceled due to cancel restrictions."));
        }
        venue.cancel(id, venue.now)?;
        let cancel_id = self.cancel_id.unwrap_or_else(|| venue.generated_id(false));
        let order = venue.order(id).ok_or_else(Refusal::unknown_order)?;
        Ok(json!(Cancelled::new(&venue.config.symbol, order, cancel_id)))
    }
}

pub(super) fn cancel_replace(venue: &mut Venue, params: &Params<'_>) -> Result<Vec<u8>, Refusal> {
    required_symbol(venue, params)?;
    let goes_on = match params.required("cancelReplaceMode")? {
        "STOP_ON_FAILURE" => false,
        "ALLOW_FAILURE" => true,
        _ => return Err(Refusal::illegal("cancelReplaceMode", "STOP_ON_FAILURE, ALLOW_FAILURE")),
    };
    let wish = params.order()?;
    Detail::read(params, wish.kind)?;
    let target =
        Target::read(venue, params, "cancelOrderId", "cancelOrigClientOrderId", "cancelNewClientOrderId")?;
    // Binance evaluates filters and order counts before it touches anything.
    venue.limits.check_order(venue.now)?;
    venue.check_order(&wish)?;
    let cancelled = target.cancel(venue);
    let placed = (cancelled.is_ok() || goes_on).then(|| replacement(venue, params, &wish));
    both_legs(cancelled, placed)
}

fn replacement(venue: &mut Venue, params: &Params<'_>, wish: &NewOrder) -> Result<Value, Refusal> {
    let detail = Detail::read(params, wish.kind)?;
    let id = venue.place(wish, false)?;
    let order = venue.order(id).ok_or_else(Refusal::no_such_order)?;
    let symbol = &venue.config.symbol;
    Ok(match detail {
        Detail::Ack => json!(Ack::new(symbol, order)),
        Detail::Result => json!(Outcome::new(symbol, order, None)),
        Detail::Full => json!(full(venue, order)),
    })
}

/// Both well is an answer; anything else is an error that shows both.
fn both_legs(
    cancelled: Result<Value, Refusal>,
    placed: Option<Result<Value, Refusal>>,
) -> Result<Vec<u8>, Refusal> {
    let well = (cancelled.is_ok(), matches!(placed, Some(Ok(_))));
    let word = |ok: bool| if ok { "SUCCESS" } else { "FAILURE" };
    let shown = |leg: Result<Value, Refusal>| leg.unwrap_or_else(|refusal| refusal.body());
    let data = json!({
        "cancelResult": word(well.0),
        "newOrderResult": if placed.is_some() { word(well.1) } else { "NOT_ATTEMPTED" },
        "cancelResponse": shown(cancelled),
        "newOrderResponse": placed.map(shown),
    });
    let refusal = match well {
        (true, true) => return Ok(wire::bytes(&data)),
        (false, false) => Refusal::bad(-2022, "Order cancel-replace failed."),
        (true, false) | (false, true) => {
            Refusal { status: 409, ..Refusal::bad(-2021, "Order cancel-replace partially failed.") }
        }
    };
    Err(Refusal { data: Some(Box::new(data)), ..refusal })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exchange::fixture::{Bench, d, json as read, minute, refusal};
    use crate::service::Response;

    fn bench() -> Bench {
        Bench::new(&[([100, 110, 90, 105], "100"), ([105, 106, 104, 105], "100")])
    }

    fn post(bench: &Bench, query: &str) -> Response {
        bench.signed("POST", "/api/v3/order", &format!("symbol=BTCUSDT&{query}"), minute(0))
    }

    fn keys(value: &Value) -> Vec<&str> {
        value.as_object().unwrap().keys().map(String::as_str).collect()
    }

    const RESTING: &str = "side=BUY&type=LIMIT&timeInForce=GTC&quantity=1&price=90&newClientOrderId=rest";

    #[test]
    fn a_market_order_answers_in_full_with_its_fills() {
        let answer = read(&post(&bench(), "side=BUY&type=MARKET&quantity=1&newClientOrderId=a"));
        assert_eq!(
            answer,
            json!({
                "symbol": "BTCUSDT", "orderId": 1, "orderListId": -1, "clientOrderId": "a",
                "transactTime": minute(0).as_millis(), "price": "0.00000000", "origQty": "1.00000000",
                "executedQty": "1.00000000", "origQuoteOrderQty": "0.00000000",
                "cummulativeQuoteQty": "100.01000000", "status": "FILLED", "timeInForce": "GTC",
                "type": "MARKET", "side": "BUY", "workingTime": minute(0).as_millis(),
                "selfTradePreventionMode": "EXPIRE_MAKER",
                "fills": [{"price": "100.01000000", "qty": "1.00000000", "commission": "0.00100000",
                    "commissionAsset": "BTC", "tradeId": 1}]
            })
        );
    }

    #[test]
    fn the_detail_of_an_answer_follows_type_and_wish() {
        let bench = bench();
        let stop = "side=SELL&type=STOP_LOSS_LIMIT&timeInForce=GTC&quantity=1&price=90&stopPrice=95";
        let ack = ["clientOrderId", "orderId", "orderListId", "symbol", "transactTime"];
        let mut found = read(&post(&bench, stop));
        assert_eq!(keys(&found).len(), ack.len());
        assert!(ack.iter().all(|name| found.get(name).is_some()));
        found = read(&post(&bench, &format!("{stop}&newOrderRespType=RESULT")));
        assert_eq!((&found["stopPrice"], &found["workingTime"]), (&json!("95.00000000"), &json!(-1)));
        assert!(found.get("fills").is_none());
        assert_eq!(read(&post(&bench, RESTING))["fills"], json!([]));
    }

    #[test]
    fn an_order_by_quote_shows_both_quantities() {
        let answer = read(&post(&bench(), "side=BUY&type=MARKET&quoteOrderQty=50"));
        assert_eq!(
            (&answer["origQuoteOrderQty"], &answer["origQty"]),
            (&json!("50.00000000"), &json!("0.49995000"))
        );
    }

    #[test]
    fn refusals_carry_their_codes_and_place_nothing() {
        let bench = bench();
        let cases = [
            ("side=BUY&type=LIMIT&timeInForce=GTC&quantity=1&price=90.001", -1013),
            ("side=BUY&type=MARKET&quantity=0.000001", -1013),
            ("side=BUY&type=LIMIT&timeInForce=GTC&quantity=1000&price=90", -2010),
            ("side=BUY&type=MARKET", -1102),
            ("side=BUY&type=MARKET&quantity=1&icebergQty=1", -1106),
            ("side=BUY&type=MARKET&quantity=1&newOrderRespType=ALL", -1100),
        ];
        for (query, code) in cases {
            assert_eq!(refusal(&post(&bench, query)), (400, code), "{query}");
        }
        let stranger = bench.signed(
            "POST",
            "/api/v3/order",
            "symbol=ETHUSDT&side=BUY&type=MARKET&quantity=1",
            minute(0),
        );
        assert_eq!(refusal(&stranger), (400, -1121));
        assert!(bench.exchange.orders().is_empty());
    }

    #[test]
    fn a_test_order_is_checked_and_placed_nowhere() {
        let bench = bench();
        let test = |query: &str| {
            bench.signed("POST", "/api/v3/order/test", &format!("symbol=BTCUSDT&{query}"), minute(0))
        };
        assert_eq!(test(RESTING).body().as_ref(), b"{}");
        assert_eq!(refusal(&test("side=BUY&type=MARKET&quantity=0.000001")), (400, -1013));
        assert!(bench.exchange.orders().is_empty());
    }

    #[test]
    fn cancelling_gives_funds_back_once() {
        let bench = bench();
        post(&bench, RESTING);
        assert_eq!(bench.balance("USDT").locked, d("90"));
        let cancel = |query: &str| {
            bench.signed("DELETE", "/api/v3/order", &format!("symbol=BTCUSDT&{query}"), minute(0))
        };
        assert_eq!(refusal(&cancel("")), (400, -1102));
        assert_eq!(refusal(&cancel("orderId=1&origClientOrderId=other")), (400, -2011));
        assert_eq!(refusal(&cancel("orderId=1&cancelRestrictions=ONLY_PARTIALLY_FILLED")), (400, -2011));
        let answer = read(&cancel("origClientOrderId=rest&newClientOrderId=the-cancel"));
        assert_eq!(
            (&answer["status"], &answer["origClientOrderId"], &answer["clientOrderId"]),
            (&json!("CANCELED"), &json!("rest"), &json!("the-cancel"))
        );
        assert_eq!(bench.balance("USDT").locked, d("0"));
        assert_eq!(refusal(&cancel("orderId=1")), (400, -2011));
        bench.audit();
    }

    #[test]
    fn all_open_orders_are_cancelled_together() {
        let bench = bench();
        let all = || bench.signed("DELETE", "/api/v3/openOrders", "symbol=BTCUSDT", minute(0));
        assert_eq!(refusal(&all()), (400, -2011));
        post(&bench, RESTING);
        post(&bench, "side=SELL&type=LIMIT&timeInForce=GTC&quantity=1&price=120");
        assert_eq!(read(&all()).as_array().unwrap().len(), 2);
        assert!(bench.exchange.open_orders().is_empty());
    }

    fn replace(bench: &Bench, mode: &str, cancel: &str, order: &str) -> Response {
        let query = format!("symbol=BTCUSDT&cancelReplaceMode={mode}&{cancel}&{order}");
        bench.signed("POST", "/api/v3/order/cancelReplace", &query, minute(0))
    }

    const NEW: &str = "side=BUY&type=LIMIT&timeInForce=GTC&quantity=1&price=91";
    const TOO_MUCH: &str = "side=BUY&type=LIMIT&timeInForce=GTC&quantity=1000&price=91";

    #[test]
    fn a_replacement_that_works_shows_both_legs() {
        let bench = bench();
        post(&bench, RESTING);
        let answer = replace(&bench, "STOP_ON_FAILURE", "cancelOrderId=1", NEW);
        assert_eq!(answer.status(), 200);
        let answer = read(&answer);
        assert_eq!(
            (&answer["cancelResult"], &answer["newOrderResult"]),
            (&json!("SUCCESS"), &json!("SUCCESS"))
        );
        assert_eq!(answer["newOrderResponse"]["orderId"], 2);
    }

    #[test]
    fn a_replacement_that_stops_at_a_failed_cancel_places_nothing() {
        let bench = bench();
        let answer = replace(&bench, "STOP_ON_FAILURE", "cancelOrderId=9", NEW);
        assert_eq!(refusal(&answer), (400, -2022));
        let data = read(&answer)["data"].clone();
        assert_eq!(
            (&data["cancelResponse"]["code"], &data["newOrderResult"]),
            (&json!(-2011), &json!("NOT_ATTEMPTED"))
        );
        assert_eq!(data["newOrderResponse"], Value::Null);
        assert!(bench.exchange.orders().is_empty());
    }

    #[test]
    fn a_replacement_that_goes_on_is_half_done_or_not_at_all() {
        let bench = bench();
        assert_eq!(refusal(&replace(&bench, "ALLOW_FAILURE", "cancelOrderId=9", NEW)), (409, -2021));
        assert_eq!(bench.exchange.orders().len(), 1);
        let neither = replace(&bench, "ALLOW_FAILURE", "cancelOrderId=9", TOO_MUCH);
        assert_eq!(refusal(&neither), (400, -2022));
        assert_eq!(read(&neither)["data"]["newOrderResponse"]["code"], -2010);
        let half = replace(&bench, "STOP_ON_FAILURE", "cancelOrderId=1", TOO_MUCH);
        assert_eq!(refusal(&half), (409, -2021));
        assert_eq!(bench.order(1).status, OrderStatus::Canceled);
    }

    #[test]
    fn a_filter_stops_a_replacement_before_the_cancel() {
        let bench = bench();
        post(&bench, RESTING);
        let bad = "side=BUY&type=LIMIT&timeInForce=GTC&quantity=1&price=90.001";
        assert_eq!(refusal(&replace(&bench, "ALLOW_FAILURE", "cancelOrderId=1", bad)), (400, -1013));
        assert_eq!(bench.order(1).status, OrderStatus::New);
    }
}
