//! A small world for tests: an exchange with a market, empty tables, and a network to both.

use std::sync::Arc;

use bytes::Bytes;
use data_encoding::HEXLOWER;
use hmac::{Hmac, KeyInit, Mac};
use rust_decimal::Decimal;
use serde_json::{Value, json};
use shared::time::{Millis, Timestamp};
use shared::transport::{Request, SharedTransport};

use super::Stage;
use crate::aws::{EmbeddedAws, HOSTS};
use crate::clock::SimClock;
use crate::exchange::{ApiKey, Candle, Exchange, ExchangeConfig, Order, OrderStatus, Side, Trade};
use crate::in_process::InProcess;
use crate::service::Service;

const KEY: &str = "trade-key";
const SECRET: &str = "trade-secret";

pub(crate) fn d(text: &str) -> Decimal {
    text.parse().unwrap()
}

/// The n-th second of 2023-03-01.
pub(crate) fn at(seconds: i64) -> Timestamp {
    Timestamp::parse("2023-03-01T00:00:00Z").unwrap() + Millis::from_secs(seconds)
}

pub(crate) struct World {
    pub(crate) clock: SimClock,
    pub(crate) exchange: Arc<Exchange>,
    pub(crate) aws: Arc<EmbeddedAws>,
    pub(crate) network: SharedTransport,
    pub(crate) stage: Stage,
}

impl World {
    /// A market that stands still at 20000.
    pub(crate) fn new() -> World {
        World::over(&[20_000; 60])
    }

    /// One candle for each price: it opens there and closes at the next one.
    pub(crate) fn over(prices: &[i64]) -> World {
        let config = ExchangeConfig::btcusdt("main")
            .with_key(ApiKey::trading(KEY, SECRET))
            .with_balance("USDT", d("100000"))
            .with_balance("BTC", d("1"));
        let exchange = Arc::new(Exchange::new(config, candles(prices)).unwrap());
        let clock = SimClock::new(at(0));
        let aws = Arc::new(EmbeddedAws::new("us-east-1", at(0)).unwrap());
        let stage = Stage::new("tradai", "test");
        for (table, hash, range) in [
            ("ledgers", "ledger_id", None),
            ("orders", "position_id", Some("order_id")),
            ("positions", "position_id", None),
            ("incidents", "incident_id", None),
        ] {
            aws.create_table(&stage.table(table), hash, range).unwrap();
        }
        let network = InProcess::new(clock.shared())
            .route("exchange.sim", Arc::<Exchange>::clone(&exchange))
            .route(HOSTS, Arc::<EmbeddedAws>::clone(&aws));
        World { clock, exchange, aws, network: Arc::new(network), stage }
    }

    /// A signed request of this moment.
    pub(crate) fn signed(&self, method: &str, path: &str, query: &str) -> Request {
        let query = format!("{query}&timestamp={}", self.clock.now().as_millis());
        let mut mac = Hmac::<sha2::Sha256>::new_from_slice(SECRET.as_bytes()).unwrap();
        mac.update(query.as_bytes());
        let signature = HEXLOWER.encode(&mac.finalize().into_bytes());
        let uri = format!("https://exchange.sim{path}?{query}&signature={signature}");
        let builder = http::Request::builder().method(method).uri(uri).header("X-MBX-APIKEY", KEY);
        builder.body(Bytes::new()).unwrap()
    }

    pub(crate) fn order(&self, id: &str, rest: &str) -> Request {
        let query = format!("symbol=BTCUSDT&newOrderRespType=FULL&newClientOrderId={id}&{rest}");
        self.signed("POST", "/api/v3/order", &query)
    }

    pub(crate) fn query(&self, id: &str) -> Request {
        let query = format!("symbol=BTCUSDT&origClientOrderId={id}");
        self.signed("GET", "/api/v3/order", &query)
    }

    pub(crate) fn cancelling(&self, id: &str) -> Request {
        let query = format!("symbol=BTCUSDT&origClientOrderId={id}");
        self.signed("DELETE", "/api/v3/order", &query)
    }

    /// Sends an order at the n-th second, past the network.
    pub(crate) fn place(&self, seconds: i64, id: &str, rest: &str) {
        self.clock.set(at(seconds));
        let answer = self.exchange.serve(self.order(id, rest), self.clock.now());
        assert_eq!(answer.status(), 200, "{:?}", answer.body());
    }

    pub(crate) fn cancel(&self, seconds: i64, id: &str) {
        self.clock.set(at(seconds));
        let answer = self.exchange.serve(self.cancelling(id), self.clock.now());
        assert_eq!(answer.status(), 200, "{:?}", answer.body());
    }

    pub(crate) fn put(&self, table: &str, item: &Value) {
        let body = json!({"TableName": self.stage.table(table), "Item": item}).to_string();
        let request = http::Request::post("https://dynamodb.us-east-1.amazonaws.com/")
            .header("x-amz-target", "DynamoDB_20120810.PutItem")
            .body(Bytes::from(body))
            .unwrap();
        let answer = self.aws.serve(request, self.clock.now());
        assert_eq!(answer.status(), 200, "{:?}", answer.body());
    }

    pub(crate) fn publish(&self, topic: &str, message: &str) {
        let arn = self.aws.create_topic(&format!("tradai-test-{topic}"));
        let mut form = form_urlencoded::Serializer::new(String::new());
        form.append_pair("Action", "Publish").append_pair("TopicArn", &arn);
        form.append_pair("Message", message);
        let request = http::Request::post("https://sns.us-east-1.amazonaws.com/");
        let request = request.body(Bytes::from(form.finish())).unwrap();
        assert_eq!(self.aws.serve(request, self.clock.now()).status(), 200);
    }

    /// Writes what a flawless system would have recorded of everything at the exchange: orders of position `p`
    /// with their fills, and the account's books.
    pub(crate) fn record_all(&self) {
        let orders = self.exchange.orders();
        for order in orders.iter().filter(|order| !order.manual) {
            let first = orders.iter().find(|one| one.client_id == order.client_id).unwrap();
            self.put("orders", &order_item(order, first.time));
            for trade in self.exchange.trades().iter().filter(|trade| trade.order_id == order.id) {
                self.put("orders", &fill_item(order, trade));
            }
        }
        self.record_books();
    }

    fn record_books(&self) {
        let opening = self.exchange.starting_balances();
        let opening: serde_json::Map<String, Value> =
            opening.iter().map(|(asset, amount)| (asset.to_string(), n(*amount))).collect();
        let mut sums = std::collections::BTreeMap::<String, Decimal>::new();
        for movement in self.exchange.movements() {
            *sums.entry(movement.asset.to_string()).or_default() += movement.amount;
        }
        let fills: serde_json::Map<String, Value> =
            sums.iter().map(|(asset, amount)| (asset.clone(), n(*amount))).collect();
        self.put(
            "ledgers",
            &json!({
                "ledger_id": {"S": "account#main"},
                "opening": {"M": opening}, "fills": {"M": fills}, "external": {"M": {}},
            }),
        );
    }
}

fn candles(prices: &[i64]) -> Vec<Candle> {
    let next = prices.iter().skip(1).chain(prices.last());
    prices
        .iter()
        .zip(next)
        .enumerate()
        .map(|(n, (open, close))| Candle {
            open_time: at(60 * i64::try_from(n).unwrap()),
            open: (*open).into(),
            high: (*open.max(close)).into(),
            low: (*open.min(close)).into(),
            close: (*close).into(),
            volume: d("1000"),
        })
        .collect()
}

pub(crate) fn n(number: Decimal) -> Value {
    json!({"N": number.normalize().to_string()})
}

pub(crate) fn s(text: &str) -> Value {
    json!({"S": text})
}

/// An order's item as a flawless system would have written it.
pub(crate) fn order_item(order: &Order, created_at: Timestamp) -> Value {
    let status = match order.status {
        OrderStatus::New => "open",
        OrderStatus::PartiallyFilled => "partially_filled",
        OrderStatus::Filled => "filled",
        OrderStatus::Canceled => "cancelled",
        OrderStatus::Expired => "expired",
    };
    json!({
        "position_id": s("p"), "order_id": s(&order.client_id), "status": s(status),
        "quantity": n(order.quantity), "executed": n(order.executed), "recorded": n(order.executed),
        "venue_id": s(&order.id.to_string()), "side": s(side(order.side)),
        "created_at": s(&created_at.to_string()),
    })
}

pub(crate) fn fill_item(order: &Order, trade: &Trade) -> Value {
    json!({
        "position_id": s("p"), "order_id": s(&format!("{}#{}", order.client_id, trade.id)),
        "price": n(trade.price), "quantity": n(trade.quantity), "value": n(trade.quote_quantity),
        "fee": n(trade.commission), "fee_asset": s(&trade.commission_asset), "side": s(side(trade.side)),
    })
}

fn side(side: Side) -> &'static str {
    match side {
        Side::Buy => "buy",
        Side::Sell => "sell",
    }
}
