//! The tables in DynamoDB.
//!
//! Nothing here waits or retries a write. What DynamoDB leaves out of a batch for its size is asked for
//! again, a bounded number of times.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::error::Error;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::operation::query::QueryOutput;
use aws_sdk_dynamodb::operation::query::builders::QueryFluentBuilder;
use aws_sdk_dynamodb::operation::scan::ScanOutput;
use aws_sdk_dynamodb::operation::scan::builders::ScanFluentBuilder;
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::types::{
    AttributeValue, CancellationReason, ConditionCheck, KeysAndAttributes, Put,
    ReturnValuesOnConditionCheckFailure::AllOld, TransactWriteItem, Update,
};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;

use super::Call;
use super::attr::{self, SdkItem};
use super::expression::Expressions;
use super::fate::{self, Fate};
use crate::store::{
    Item, Key, Order, ReadError, ReadTables, ScanTables, Write, WriteAct, WriteError, WriteTables, sound,
};
use crate::tables::{Names, Table};

/// Most keys of one BatchGetItem.
const BATCH: usize = 100;
/// Most calls for one batch: 100 items of 400 KB are three answers of 16 MB.
const ROUNDS: usize = 6;
/// Most pages of one query or scan: a gigabyte, far beyond any table of ours.
const MOST_PAGES: usize = 1_000;

/// The tables of one stage.
#[derive(Debug, Clone)]
pub struct DynamoTables {
    /// The client.
    pub client: Client,
    /// What the tables are called.
    pub names: Names,
}

/// Items by key, as collected from one or more answers.
type Found = BTreeMap<Key, Item>;

impl ReadTables for DynamoTables {
    async fn get(&self, keys: &[Key]) -> Result<Vec<Option<Item>>, ReadError> {
        keys.iter().try_for_each(sound::key).map_err(ReadError::Unavailable)?;
        let distinct: Vec<&Key> = keys.iter().collect::<BTreeSet<_>>().into_iter().collect();
        let mut found = Found::new();
        match distinct.as_slice() {
            [] => {}
            [key] => self.get_one(key, &mut found).await?,
            several => {
                for batch in several.chunks(BATCH) {
                    self.get_batch(batch, &mut found).await?;
                }
            }
        }
        // Nothing is copied, unless a key was asked for twice.
        let once = distinct.len() == keys.len();
        let take = |key| if once { found.remove(key) } else { found.get(key).cloned() };
        Ok(keys.iter().map(take).collect())
    }

    async fn query(
        &self,
        table: Table,
        hash: &str,
        prefix: &str,
        order: Order,
        limit: usize,
    ) -> Result<Vec<Item>, ReadError> {
        sound::partition(table, hash, prefix).map_err(ReadError::Unavailable)?;
        let (mut items, mut after) = (Vec::new(), None);
        for _ in 0..MOST_PAGES {
            let wanted = limit.saturating_sub(items.len());
            if wanted == 0 {
                return Ok(items);
            }
            let call = self.partition(table, hash, prefix).scan_index_forward(order == Order::Ascending);
            let call = call.limit(i32::try_from(wanted).unwrap_or(i32::MAX)).set_exclusive_start_key(after);
            let page = queried(call).await?;
            items.extend(page.items.unwrap_or_default().into_iter().map(attr::item_from_sdk));
            after = page.last_evaluated_key.filter(|key| !key.is_empty());
            if after.is_none() {
                return Ok(items);
            }
        }
        Err(endless(table))
    }
}

impl ScanTables for DynamoTables {
    /// Eventually consistent, at half the cost: a scan only watches, a beat that shows a second late is still
    /// in time, and whoever acts on what it saw reads the item itself strongly.
    async fn scan(&self, table: Table) -> Result<Vec<Item>, ReadError> {
        let (mut items, mut after) = (Vec::new(), None);
        for _ in 0..MOST_PAGES {
            let call = self.client.scan().table_name(self.names.table(table)).set_exclusive_start_key(after);
            let page = scanned(call).await?;
            items.extend(page.items.unwrap_or_default().into_iter().map(attr::item_from_sdk));
            after = page.last_evaluated_key.filter(|key| !key.is_empty());
            if after.is_none() {
                return Ok(items);
            }
        }
        Err(endless(table))
    }
}

impl WriteTables for DynamoTables {
    async fn write(&self, writes: Vec<Write>) -> Result<(), WriteError> {
        sound::writes(&writes)?;
        match writes.as_slice() {
            [] => Ok(()),
            [one] => match &one.act {
                WriteAct::Put(item) => self.put(one, item).await,
                WriteAct::Update(_) => self.update(one).await,
                WriteAct::Check => self.transact(&writes).await,
            },
            _ => self.transact(&writes).await,
        }
    }
}

impl DynamoTables {
    fn get_one<'a>(&'a self, key: &'a Key, found: &'a mut Found) -> Call<'a, Result<(), ReadError>> {
        Box::pin(async move {
            let wanted = attr::key_to_sdk(key).map_err(ReadError::Unavailable)?;
            let call = self.client.get_item().table_name(self.names.table(key.table)).set_key(Some(wanted));
            let answer = call.consistent_read(true).send().await.map_err(unread)?;
            if let Some(item) = answer.item {
                found.insert(key.clone(), attr::item_from_sdk(item));
            }
            Ok(())
        })
    }

    fn get_batch<'a>(&'a self, keys: &'a [&Key], found: &'a mut Found) -> Call<'a, Result<(), ReadError>> {
        Box::pin(async move {
            let mut wanted = self.batch(keys).map_err(ReadError::Unavailable)?;
            for _ in 0..ROUNDS {
                let call = self.client.batch_get_item().set_request_items(Some(wanted));
                let answer = call.send().await.map_err(unread)?;
                for (name, items) in answer.responses.unwrap_or_default() {
                    self.collect(&name, items, found)?;
                }
                wanted = answer.unprocessed_keys.unwrap_or_default();
                if wanted.is_empty() {
                    return Ok(());
                }
            }
            Err(ReadError::Unavailable(format!("keys left unprocessed {ROUNDS} times")))
        })
    }

    /// What to ask of which table.
    fn batch(&self, keys: &[&Key]) -> Result<HashMap<String, KeysAndAttributes>, String> {
        let mut by_table: BTreeMap<Table, Vec<SdkItem>> = BTreeMap::new();
        for key in keys {
            by_table.entry(key.table).or_default().push(attr::key_to_sdk(key)?);
        }
        let ask = |keys| KeysAndAttributes::builder().set_keys(Some(keys)).consistent_read(true).build();
        by_table
            .into_iter()
            .map(|(table, keys)| Ok((self.names.table(table), ask(keys).map_err(|error| error.to_string())?)))
            .collect()
    }

    fn collect(&self, name: &str, items: Vec<SdkItem>, found: &mut Found) -> Result<(), ReadError> {
        let table = Table::ALL.into_iter().find(|table| self.names.table(*table) == name);
        let strange = || ReadError::Unavailable(format!("an answer about {name} that nobody asked for"));
        let table = table.ok_or_else(strange)?;
        for item in items {
            let item = attr::item_from_sdk(item);
            found.insert(attr::key_of(table, &item).ok_or_else(strange)?, item);
        }
        Ok(())
    }

    fn partition(&self, table: Table, hash: &str, prefix: &str) -> QueryFluentBuilder {
        let text = |text: &str| AttributeValue::S(text.to_owned());
        let call = self.client.query().table_name(self.names.table(table)).consistent_read(true);
        let call = call
            .expression_attribute_names("#h", table.hash_key())
            .expression_attribute_values(":h", text(hash));
        // DynamoDB refuses an empty prefix, which would mean all of it.
        match table.range_key().filter(|_| !prefix.is_empty()) {
            None => call.key_condition_expression("#h = :h"),
            Some(range) => call
                .key_condition_expression("#h = :h AND begins_with(#r, :r)")
                .expression_attribute_names("#r", range)
                .expression_attribute_values(":r", text(prefix)),
        }
    }

    fn put<'a>(&'a self, write: &'a Write, item: &'a Item) -> Call<'a, Result<(), WriteError>> {
        Box::pin(async move {
            let made = Expressions::of(write).map_err(WriteError::NotDone)?;
            let call = self.client.put_item().table_name(self.names.table(write.key.table));
            let call =
                call.set_item(Some(whole(write, item)?)).set_condition_expression(made.condition.clone());
            let call = call.set_expression_attribute_names(made.names());
            let call = call.set_expression_attribute_values(made.values());
            match call.return_values_on_condition_check_failure(AllOld).send().await {
                Ok(_) => Ok(()),
                Err(error) => Err(match error.as_service_error() {
                    Some(PutItemError::ConditionalCheckFailedException(inner)) => {
                        lost(write, inner.item.as_ref())
                    }
                    Some(_) | None => failed(&error),
                }),
            }
        })
    }

    fn update<'a>(&'a self, write: &'a Write) -> Call<'a, Result<(), WriteError>> {
        Box::pin(async move {
            let made = Expressions::of(write).map_err(WriteError::NotDone)?;
            let key = attr::key_to_sdk(&write.key).map_err(WriteError::NotDone)?;
            let call =
                self.client.update_item().table_name(self.names.table(write.key.table)).set_key(Some(key));
            let call = call.set_update_expression(made.update.clone());
            let call = call.set_condition_expression(made.condition.clone());
            let call = call.set_expression_attribute_names(made.names());
            let call = call.set_expression_attribute_values(made.values());
            match call.return_values_on_condition_check_failure(AllOld).send().await {
                Ok(_) => Ok(()),
                Err(error) => Err(match error.as_service_error() {
                    Some(UpdateItemError::ConditionalCheckFailedException(inner)) => {
                        lost(write, inner.item.as_ref())
                    }
                    Some(_) | None => failed(&error),
                }),
            }
        })
    }

    /// The SDK gives every call its own random request token, so that a duplicate of the same request is
    /// applied once. The token is not derived from the writes: two invocations may record the same order in
    /// the same millisecond, and with equal tokens both would be told that they were first, and send it.
    fn transact<'a>(&'a self, writes: &'a [Write]) -> Call<'a, Result<(), WriteError>> {
        Box::pin(async move {
            let parts: Vec<TransactWriteItem> =
                writes.iter().map(|write| self.part(write)).collect::<Result<_, _>>()?;
            match self.client.transact_write_items().set_transact_items(Some(parts)).send().await {
                Ok(_) => Ok(()),
                Err(error) => Err(match error.as_service_error() {
                    Some(TransactWriteItemsError::TransactionCanceledException(inner)) => {
                        cancelled(writes, inner.cancellation_reasons())
                    }
                    Some(_) | None => failed(&error),
                }),
            }
        })
    }

    fn part(&self, write: &Write) -> Result<TransactWriteItem, WriteError> {
        let part = TransactWriteItem::builder();
        Ok(match &write.act {
            WriteAct::Put(item) => part.put(self.put_part(write, item)?),
            WriteAct::Update(_) => part.update(self.update_part(write)?),
            WriteAct::Check => part.condition_check(self.check_part(write)?),
        }
        .build())
    }

    fn put_part(&self, write: &Write, item: &Item) -> Result<Put, WriteError> {
        let made = Expressions::of(write).map_err(WriteError::NotDone)?;
        Put::builder()
            .table_name(self.names.table(write.key.table))
            .set_item(Some(whole(write, item)?))
            .set_condition_expression(made.condition.clone())
            .set_expression_attribute_names(made.names())
            .set_expression_attribute_values(made.values())
            .return_values_on_condition_check_failure(AllOld)
            .build()
            .map_err(|error| WriteError::NotDone(error.to_string()))
    }

    fn update_part(&self, write: &Write) -> Result<Update, WriteError> {
        let made = Expressions::of(write).map_err(WriteError::NotDone)?;
        Update::builder()
            .table_name(self.names.table(write.key.table))
            .set_key(Some(attr::key_to_sdk(&write.key).map_err(WriteError::NotDone)?))
            .set_update_expression(made.update.clone())
            .set_condition_expression(made.condition.clone())
            .set_expression_attribute_names(made.names())
            .set_expression_attribute_values(made.values())
            .return_values_on_condition_check_failure(AllOld)
            .build()
            .map_err(|error| WriteError::NotDone(error.to_string()))
    }

    fn check_part(&self, write: &Write) -> Result<ConditionCheck, WriteError> {
        let made = Expressions::of(write).map_err(WriteError::NotDone)?;
        ConditionCheck::builder()
            .table_name(self.names.table(write.key.table))
            .set_key(Some(attr::key_to_sdk(&write.key).map_err(WriteError::NotDone)?))
            .set_condition_expression(made.condition.clone())
            .set_expression_attribute_names(made.names())
            .set_expression_attribute_values(made.values())
            .return_values_on_condition_check_failure(AllOld)
            .build()
            .map_err(|error| WriteError::NotDone(error.to_string()))
    }
}

fn queried(call: QueryFluentBuilder) -> Call<'static, Result<QueryOutput, ReadError>> {
    Box::pin(async move { call.send().await.map_err(unread) })
}

fn scanned(call: ScanFluentBuilder) -> Call<'static, Result<ScanOutput, ReadError>> {
    Box::pin(async move { call.send().await.map_err(unread) })
}

/// The item with its key attributes, as sent.
fn whole(write: &Write, item: &Item) -> Result<SdkItem, WriteError> {
    let mut sent = attr::item_to_sdk(item).map_err(WriteError::NotDone)?;
    sent.extend(attr::key_to_sdk(&write.key).map_err(WriteError::NotDone)?);
    Ok(sent)
}

fn lost(write: &Write, existing: Option<&SdkItem>) -> WriteError {
    // An item has at least its key: an empty one is how some answers spell nothing.
    let existing = existing.filter(|item| !item.is_empty()).cloned().map(attr::item_from_sdk);
    WriteError::Lost { key: write.key.clone(), existing }
}

/// A cancelled transaction did nothing; one reason stands for each write.
fn cancelled(writes: &[Write], reasons: &[CancellationReason]) -> WriteError {
    let failed = |reason: &CancellationReason| reason.code() == Some("ConditionalCheckFailed");
    if let Some((write, reason)) = writes.iter().zip(reasons).find(|(_, reason)| failed(reason)) {
        return lost(write, reason.item());
    }
    if reasons.iter().any(|reason| reason.code() == Some("TransactionConflict")) {
        return WriteError::Conflict;
    }
    let told = writes.iter().zip(reasons).filter(|(_, reason)| reason.code() != Some("None"));
    let told: Vec<String> = told
        .map(|(write, reason)| {
            let (code, message) = (reason.code().unwrap_or_default(), reason.message().unwrap_or_default());
            format!("{}: {code} {message}", write.key)
        })
        .collect();
    WriteError::NotDone(format!("transaction cancelled: {}", told.join("; ")))
}

/// Every failure but a lost condition.
fn failed<E: ProvideErrorMetadata + Error + 'static>(error: &SdkError<E, HttpResponse>) -> WriteError {
    match error.code() {
        Some("TransactionConflictException" | "ReplicatedWriteConflictException") => WriteError::Conflict,
        // Our own request, still under way: it may yet happen.
        Some("TransactionInProgressException") => WriteError::NoAnswer("transaction in progress".to_owned()),
        Some(_) | None => match fate::of(error) {
            Fate::NotDone(why) => WriteError::NotDone(why),
            Fate::NoAnswer(why) => WriteError::NoAnswer(why),
        },
    }
}

#[allow(clippy::needless_pass_by_value, reason = "the shape that map_err wants")]
fn unread<E: ProvideErrorMetadata + Error + 'static>(error: SdkError<E, HttpResponse>) -> ReadError {
    ReadError::Unavailable(fate::of(&error).text())
}

fn endless(table: Table) -> ReadError {
    ReadError::Unavailable(format!("{} has more than {MOST_PAGES} pages", table.as_str()))
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use bytes::Bytes;

    use super::*;
    use crate::aws::clients::{self, AwsConfig, AwsKeys, time_source};
    use crate::ids::Env;
    use crate::store::{Attr, Cond, Path};
    use crate::time::{Millis, Timestamp};
    use crate::transport::{Request, Response, Sending, Transport, TransportError};

    type Answer = Result<(u16, &'static str), TransportError>;

    /// Gives every request the same answer and remembers the bodies.
    #[derive(Debug)]
    struct Canned(Answer, Mutex<Vec<String>>);

    impl Transport for Canned {
        fn send(&self, request: Request, _timeout: Millis) -> Sending<'_> {
            let body = String::from_utf8_lossy(request.body()).into_owned();
            self.1.lock().unwrap().push(body);
            let answer = self.0.clone().map(|(status, body)| -> Response {
                http::Response::builder().status(status).body(Bytes::from_static(body.as_bytes())).unwrap()
            });
            Box::pin(async move { answer })
        }
    }

    fn tables(answer: Answer) -> (DynamoTables, Arc<Canned>) {
        let transport = Arc::new(Canned(answer, Mutex::default()));
        let keys = Some(AwsKeys { access_key: "a".into(), secret_key: "s".into(), session_token: None });
        let config = AwsConfig {
            region: "us-east-1".to_owned(),
            endpoint: None,
            keys,
            timeout: Millis::from_secs(1),
            time: time_source(|| Timestamp::from_millis(1_677_628_800_000)),
        };
        let shared: Arc<Canned> = Arc::clone(&transport);
        let client = clients::dynamodb(&config, shared);
        let names = Names { prefix: "tradai".to_owned(), env: Env::parse("dev").unwrap() };
        (DynamoTables { client, names }, transport)
    }

    fn key(id: &str) -> Key {
        Key { table: Table::TradingState, hash: id.to_owned(), range: None }
    }

    fn put(id: &str) -> Write {
        Write::put_if_absent(key(id), Item::new())
    }

    async fn write(answer: Answer, count: usize) -> Result<(), WriteError> {
        let writes = ["a", "b"].into_iter().take(count).map(put).collect();
        tables(answer).0.write(writes).await
    }

    async fn each(answer: Answer) -> [Result<(), WriteError>; 2] {
        [write(answer.clone(), 1).await, write(answer, 2).await]
    }

    #[tokio::test]
    async fn what_never_left_or_was_refused_is_not_done() {
        let refusals: [Answer; 5] = [
            Err(TransportError::NeverSent("no connection".to_owned())),
            Ok((400, r#"{"__type":"com.amazonaws.dynamodb.v20120810#ThrottlingException","message":"m"}"#)),
            Ok((400, r#"{"__type":"com.amazon.coral.validate#ValidationException","message":"m"}"#)),
            Ok((400, r#"{"__type":"x#ProvisionedThroughputExceededException","message":"m"}"#)),
            Ok((400, r#"{"__type":"x#AccessDeniedException","Message":"m"}"#)),
        ];
        for refusal in refusals {
            for outcome in each(refusal.clone()).await {
                assert!(matches!(outcome, Err(WriteError::NotDone(_))), "{refusal:?} gave {outcome:?}");
            }
        }
    }

    #[tokio::test]
    async fn what_may_have_happened_has_no_answer() {
        let silences: [Answer; 6] = [
            Err(TransportError::NoAnswer("timed out".to_owned())),
            Ok((500, r#"{"__type":"x#InternalServerError","message":"m"}"#)),
            Ok((503, r#"{"__type":"x#ServiceUnavailable","message":"m"}"#)),
            Ok((502, "<html>bad gateway</html>")),
            Ok((200, "not json")),
            Ok((400, "not json")),
        ];
        for silence in silences {
            for outcome in each(silence.clone()).await {
                assert!(matches!(outcome, Err(WriteError::NoAnswer(_))), "{silence:?} gave {outcome:?}");
            }
        }
        let progress = Ok((400, r#"{"__type":"x#TransactionInProgressException","Message":"m"}"#));
        assert!(matches!(write(progress, 2).await, Err(WriteError::NoAnswer(_))));
    }

    #[tokio::test]
    async fn another_transaction_is_a_conflict() {
        let single = Ok((400, r#"{"__type":"x#TransactionConflictException","message":"m"}"#));
        assert_eq!(write(single, 1).await, Err(WriteError::Conflict));
        let reasons = r#"{"__type":"x#TransactionCanceledException","Message":"m",
            "CancellationReasons":[{"Code":"None"},{"Code":"TransactionConflict","Message":"m"}]}"#;
        assert_eq!(write(Ok((400, reasons)), 2).await, Err(WriteError::Conflict));
    }

    #[tokio::test]
    async fn a_cancelled_transaction_tells_the_first_loss_before_any_conflict() {
        let lost = r#"{"__type":"x#TransactionCanceledException","Message":"m","CancellationReasons":[
            {"Code":"TransactionConflict"},
            {"Code":"ConditionalCheckFailed","Item":{"strategy_id":{"S":"b"},"tags":{"SS":["x"]}}}]}"#;
        let Err(WriteError::Lost { key: at, existing }) = write(Ok((400, lost)), 2).await else {
            panic!("not lost")
        };
        assert_eq!((at, &existing.unwrap()["tags"]), (key("b"), &Attr::Foreign("SS")));
        let throttled = r#"{"__type":"x#TransactionCanceledException","Message":"m",
            "CancellationReasons":[{"Code":"ThrottlingError","Message":"m"},{"Code":"None"}]}"#;
        assert!(matches!(write(Ok((400, throttled)), 2).await, Err(WriteError::NotDone(_))));
    }

    #[tokio::test]
    async fn a_batch_that_is_never_processed_is_given_up() {
        let unprocessed = r#"{"Responses":{},"UnprocessedKeys":{"tradai-trading-state-dev":
            {"Keys":[{"strategy_id":{"S":"a"}}],"ConsistentRead":true}}}"#;
        let (tables, transport) = tables(Ok((200, unprocessed)));
        assert!(tables.get(&[key("a"), key("b")]).await.is_err());
        assert_eq!(transport.1.lock().unwrap().len(), ROUNDS);
    }

    #[tokio::test]
    async fn every_transaction_has_a_token_of_its_own() {
        let (tables, transport) = tables(Ok((200, "{}")));
        for _ in 0..2 {
            tables.write(vec![put("a"), put("b")]).await.unwrap();
        }
        let bodies = transport.1.lock().unwrap();
        let token = |body: &str| -> String {
            let body: serde_json::Value = serde_json::from_str(body).unwrap();
            body["ClientRequestToken"].as_str().unwrap().to_owned()
        };
        assert_ne!(token(&bodies[0]), token(&bodies[1]));
    }

    #[tokio::test]
    async fn nothing_is_sent_for_no_writes_or_impossible_ones() {
        let (tables, transport) = tables(Ok((200, "{}")));
        tables.write(Vec::new()).await.unwrap();
        let unordered = Cond::AbsentOrBelow(Path::of("v"), Attr::Null);
        let write = Write { conds: vec![unordered], ..put("a") };
        assert!(matches!(tables.write(vec![write]).await, Err(WriteError::NotDone(_))));
        assert!(transport.1.lock().unwrap().is_empty());
    }
}
