//! DynamoDB: `dynoxide` behind DynamoDB's own wire format, with every call's request units measured.
//!
//! Callers rarely ask for the consumed capacity, so it is asked for on their behalf and taken out of the
//! answer again.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use bytes::Bytes;
use dynoxide::actions::{
    batch_get_item, batch_write_item, delete_item, get_item, put_item, query, scan, transact_get_items,
    transact_write_items, update_item,
};
use dynoxide::storage_backend::Clock;
use dynoxide::types::ConsumedCapacity;
use dynoxide::{Database, DynoxideError};
use rust_decimal::Decimal;
use rust_decimal::prelude::FromPrimitive;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};
use shared::time::Timestamp;

use super::meters::Units;
use super::refused::Refused;
use super::wire::Reply;

/// The tables and the time that they live in.
pub(super) struct Tables {
    database: Database,
    time: Arc<LastSeen>,
}

/// The time of the latest request: the database has no other clock.
struct LastSeen(AtomicI64);

impl LastSeen {
    fn millis(&self) -> i64 {
        self.0.load(Ordering::Relaxed)
    }
}

impl Clock for LastSeen {
    fn now_unix_secs(&self) -> u64 {
        u64::try_from(self.millis() / 1_000).unwrap_or_default()
    }
    fn now_unix_secs_f64(&self) -> f64 {
        self.millis() as f64 / 1_000.0
    }
}

/// What became of one call: a body or an error body with its status, and what it consumed.
pub(super) struct Done {
    pub(super) result: Result<Vec<u8>, (u16, String)>,
    pub(super) used: Units,
}

impl Done {
    pub(super) fn into_reply(self) -> Reply {
        let (status, body) = match self.result {
            Ok(body) => (200, Bytes::from(body)),
            Err((status, body)) => (status, Bytes::from(body)),
        };
        Reply { status, content_type: "application/x-amz-json-1.0", body }
    }
}

/// Whether a call's units are billed as reads or as writes.
#[derive(Clone, Copy)]
enum Kind {
    Read,
    Write,
}

/// A request that may ask for the consumed capacity.
trait Asks {
    fn mode(&mut self) -> &mut Option<String>;
}

/// An answer that may carry the consumed capacity.
trait Reports {
    fn units(&self, kind: Kind) -> Units;
    fn strip(&mut self);
}

/// The ten operations that consume capacity; their types share field names but no trait.
macro_rules! metered {
    ($($module:ident: $request:ident, $response:ident;)*) => {$(
        impl Asks for $module::$request {
            fn mode(&mut self) -> &mut Option<String> {
                &mut self.return_consumed_capacity
            }
        }
        impl Reports for $module::$response {
            fn units(&self, kind: Kind) -> Units {
                self.consumed_capacity.iter().flatten_capacity().fold(Units::default(), |sum, one| add(sum, one, kind))
            }
            fn strip(&mut self) {
                self.consumed_capacity = None;
            }
        }
    )*};
}

metered! {
    batch_get_item: BatchGetItemRequest, BatchGetItemResponse;
    batch_write_item: BatchWriteItemRequest, BatchWriteItemResponse;
    delete_item: DeleteItemRequest, DeleteItemResponse;
    get_item: GetItemRequest, GetItemResponse;
    put_item: PutItemRequest, PutItemResponse;
    query: QueryRequest, QueryResponse;
    scan: ScanRequest, ScanResponse;
    transact_get_items: TransactGetItemsRequest, TransactGetItemsResponse;
    transact_write_items: TransactWriteItemsRequest, TransactWriteItemsResponse;
    update_item: UpdateItemRequest, UpdateItemResponse;
}

/// One table's capacity or several tables', seen alike.
trait FlattenCapacity<'a> {
    fn flatten_capacity(self) -> impl Iterator<Item = &'a ConsumedCapacity>;
}

impl<'a> FlattenCapacity<'a> for std::option::Iter<'a, ConsumedCapacity> {
    fn flatten_capacity(self) -> impl Iterator<Item = &'a ConsumedCapacity> {
        self
    }
}

impl<'a> FlattenCapacity<'a> for std::option::Iter<'a, Vec<ConsumedCapacity>> {
    fn flatten_capacity(self) -> impl Iterator<Item = &'a ConsumedCapacity> {
        self.flatten()
    }
}

/// Transactions say how their units divide into reads and writes; everything else is of one kind.
fn add(sum: Units, one: &ConsumedCapacity, kind: Kind) -> Units {
    let (read, write) = match (one.read_capacity_units, one.write_capacity_units, kind) {
        (None, None, Kind::Read) => (one.capacity_units, 0.0),
        (None, None, Kind::Write) => (0.0, one.capacity_units),
        (read, write, _) => (read.unwrap_or_default(), write.unwrap_or_default()),
    };
    Units { read: sum.read + exact(read), write: sum.write + exact(write) }
}

/// Units come as halves in a float, which a decimal holds exactly.
fn exact(units: f64) -> Decimal {
    Decimal::from_f64(units).unwrap_or_default()
}

impl Tables {
    pub(super) fn new(start: Timestamp) -> Result<Tables, Refused> {
        let time = Arc::new(LastSeen(AtomicI64::new(start.as_millis())));
        let clock: Arc<dyn Clock> = Arc::<LastSeen>::clone(&time);
        let database = Database::memory_with_clock(clock).map_err(|error| internal(&error))?;
        Ok(Tables { database, time })
    }

    /// Moves the database's clock on.
    pub(super) fn at(&self, now: Timestamp) {
        self.time.0.fetch_max(now.as_millis(), Ordering::Relaxed);
    }

    pub(super) fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.time.millis())
    }

    pub(super) fn sweep_expired(&self) -> Result<usize, Refused> {
        self.database.sweep_ttl().map_err(|error| internal(&error))
    }

    /// One call without the wire.
    pub(super) fn call(&self, operation: &str, input: &Value) -> Result<Value, Refused> {
        match self.run(operation, input.to_string().as_bytes()).result {
            Ok(body) => super::decode::json(&body),
            Err((status, body)) => Err(as_refused(status, &body)),
        }
    }

    pub(super) fn scan_all(&self, table: &str) -> Result<Vec<Map<String, Value>>, Refused> {
        let mut items = Vec::new();
        let mut input = json!({"TableName": table, "ConsistentRead": true});
        loop {
            let mut page = self.call("Scan", &input)?;
            if let Some(Value::Array(list)) = page.get_mut("Items").map(Value::take) {
                items.extend(list.into_iter().filter_map(|item| match item {
                    Value::Object(item) => Some(item),
                    Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
                        None
                    }
                }));
            }
            match (page.get_mut("LastEvaluatedKey").map(Value::take), input.as_object_mut()) {
                (Some(key), Some(input)) => input.insert("ExclusiveStartKey".to_owned(), key),
                (None, _) | (_, None) => return Ok(items),
            };
        }
    }

    /// One call as it came over the wire.
    pub(super) fn run(&self, operation: &str, body: &[u8]) -> Done {
        match operation {
            "BatchGetItem" => self.metered(operation, Kind::Read, body, Database::batch_get_item),
            "BatchWriteItem" => self.metered(operation, Kind::Write, body, Database::batch_write_item),
            "DeleteItem" => self.metered(operation, Kind::Write, body, Database::delete_item),
            "GetItem" => self.metered(operation, Kind::Read, body, Database::get_item),
            "PutItem" => self.metered(operation, Kind::Write, body, Database::put_item),
            "Query" => self.metered(operation, Kind::Read, body, Database::query),
            "Scan" => self.metered(operation, Kind::Read, body, Database::scan),
            "TransactGetItems" => self.metered(operation, Kind::Read, body, Database::transact_get_items),
            "TransactWriteItems" => {
                self.metered(operation, Kind::Write, body, Database::transact_write_items)
            }
            "UpdateItem" => self.metered(operation, Kind::Write, body, Database::update_item),
            "CreateTable" => self.free(operation, body, Database::create_table),
            "DeleteTable" => self.free(operation, body, Database::delete_table),
            "DescribeTable" => self.free(operation, body, Database::describe_table),
            "DescribeTimeToLive" => self.free(operation, body, Database::describe_time_to_live),
            "ListTables" => self.free(operation, body, Database::list_tables),
            "UpdateTable" => self.free(operation, body, Database::update_table),
            "UpdateTimeToLive" => self.free(operation, body, Database::update_time_to_live),
            "DescribeContinuousBackups" => self.free(operation, body, describe_continuous_backups),
            _ => unknown(operation),
        }
    }

    fn metered<Q: DeserializeOwned + Asks, A: Serialize + Reports>(
        &self,
        operation: &str,
        kind: Kind,
        body: &[u8],
        run: impl FnOnce(&Database, Q) -> dynoxide::Result<A>,
    ) -> Done {
        let mut used = Units::default();
        let result = read::<Q>(body).and_then(|mut request| {
            let wanted = request.mode().as_deref().is_some_and(|mode| mode != "NONE");
            if !wanted {
                *request.mode() = Some("TOTAL".to_owned());
            }
            let mut answer = run(&self.database, request)?;
            used = answer.units(kind);
            if !wanted {
                answer.strip();
            }
            write(&answer)
        });
        done(operation, result, used)
    }

    fn free<Q: DeserializeOwned, A: Serialize>(
        &self,
        operation: &str,
        body: &[u8],
        run: impl FnOnce(&Database, Q) -> dynoxide::Result<A>,
    ) -> Done {
        let result = read::<Q>(body).and_then(|request| run(&self.database, request)).and_then(|a| write(&a));
        done(operation, result, Units::default())
    }
}

/// No backups are imitated: continuous ones are reported as off.
fn describe_continuous_backups(
    database: &Database,
    request: dynoxide::actions::describe_table::DescribeTableRequest,
) -> dynoxide::Result<Value> {
    database.describe_table(request)?;
    Ok(json!({"ContinuousBackupsDescription": {
        "ContinuousBackupsStatus": "DISABLED",
        "PointInTimeRecoveryDescription": {"PointInTimeRecoveryStatus": "DISABLED"},
    }}))
}

fn done(operation: &str, result: dynoxide::Result<Vec<u8>>, used: Units) -> Done {
    match result {
        Ok(body) => Done { result: Ok(body), used },
        Err(error) => {
            let used = billed_refusal(&error);
            let error = enveloped(operation, error);
            Done { result: Err((error.status_code(), error.to_json())), used }
        }
    }
}

/// A condition that does not hold is billed like the write would have been; items here are below 1 KB, so
/// that is one unit, and two for each item of a transaction.
fn billed_refusal(error: &DynoxideError) -> Units {
    let write = if let DynoxideError::ConditionalCheckFailedException(..) = error {
        Decimal::ONE
    } else if let DynoxideError::TransactionCanceledException(_, reasons) = error {
        Decimal::TWO.saturating_mul(Decimal::from(reasons.len()))
    } else {
        Decimal::ZERO
    };
    Units { read: Decimal::ZERO, write }
}

/// Single-item writes wrap what their request validation says.
fn enveloped(operation: &str, error: DynoxideError) -> DynoxideError {
    match (operation, error) {
        ("PutItem" | "UpdateItem" | "DeleteItem", DynoxideError::EnvelopedValidation(text)) => {
            DynoxideError::ValidationException(format!("1 validation error detected: {text}"))
        }
        (_, error) => error,
    }
}

fn unknown(operation: &str) -> Done {
    let error = Refused::unknown(&format!("DynamoDB {operation}"));
    let body =
        json!({"__type": format!("com.amazon.coral.service#{}", error.code), "message": error.message});
    Done { result: Err((error.status, body.to_string())), used: Units::default() }
}

fn write(answer: &impl Serialize) -> dynoxide::Result<Vec<u8>> {
    serde_json::to_vec(answer).map_err(|error| DynoxideError::InternalServerError(error.to_string()))
}

fn read<Q: DeserializeOwned>(body: &[u8]) -> dynoxide::Result<Q> {
    serde_json::from_slice(body).map_err(|error| unreadable(&error.to_string()))
}

/// The database marks which of DynamoDB's errors an unreadable request is; the marks stay off the wire.
fn unreadable(text: &str) -> DynoxideError {
    let text = text.split(" at line ").next().unwrap_or(text);
    let validation = ["missing field", "unknown variant", "invalid type: null", "AttributeValue"];
    if let Some(text) = text.strip_prefix("VALIDATION_REQUEST:") {
        return DynoxideError::EnvelopedValidation(text.to_owned());
    }
    for mark in ["VALIDATION:", "VALIDATION_AS_READ:"] {
        if let Some(text) = text.strip_prefix(mark) {
            return DynoxideError::ValidationException(text.to_owned());
        }
    }
    for mark in ["SERIALIZATION:", "SERIALIZATION_AS_READ:"] {
        if let Some(text) = text.strip_prefix(mark) {
            return DynoxideError::SerializationException(text.to_owned());
        }
    }
    if validation.iter().any(|sign| text.contains(sign)) {
        return DynoxideError::ValidationException(text.to_owned());
    }
    DynoxideError::SerializationException(text.to_owned())
}

fn internal(error: &DynoxideError) -> Refused {
    Refused { status: error.status_code(), ..Refused::new("InternalServerError", error.to_string()) }
}

/// DynamoDB's error body, for callers that do not speak its wire format.
fn as_refused(status: u16, body: &str) -> Refused {
    let error: Value = serde_json::from_str(body).unwrap_or_default();
    let text = |name: &str| error.get(name).and_then(Value::as_str);
    let code = text("__type").and_then(|kind| kind.split('#').next_back()).unwrap_or("InternalServerError");
    let message = text("message").or_else(|| text("Message")).unwrap_or(body);
    Refused { status, code: code.to_owned().into(), message: message.to_owned() }
}
