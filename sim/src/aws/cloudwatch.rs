//! CloudWatch: metrics that were put, and nothing else.

use std::collections::VecDeque;

use serde_json::{Value, json};
use shared::time::{Millis, Timestamp};

use super::refused::Refused;

/// The most metrics that one call may put.
const METRIC_LIMIT: usize = 1_000;
/// The most dimensions that one metric may have.
const DIMENSION_LIMIT: usize = 30;

/// One value that was put.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PutMetric {
    /// The namespace.
    pub namespace: String,
    /// The metric.
    pub name: String,
    /// Name and value of each dimension, in the order sent.
    pub dimensions: Vec<(String, String)>,
    /// The value as a decimal text.
    pub value: String,
    /// The unit, where one was sent.
    pub unit: Option<String>,
    /// The time that the caller gave it, else the time of arrival.
    pub at: Timestamp,
}

/// How long a value is kept: a run of months would else hold little but what nobody asks for.
const KEPT: Millis = Millis::from_minutes(24 * 60);

/// The values that arrived within the last [`KEPT`], each with its arrival.
#[derive(Default)]
pub(super) struct Metrics(VecDeque<(Timestamp, PutMetric)>);

impl Metrics {
    pub(super) fn put(&self) -> Vec<PutMetric> {
        self.0.iter().map(|(_, metric)| metric.clone()).collect()
    }

    pub(super) fn handle(
        &mut self,
        operation: &str,
        input: &Value,
        now: Timestamp,
    ) -> Result<Value, Refused> {
        match operation {
            "PutMetricData" => {
                let metrics = read(input, now)?;
                self.0.extend(metrics.into_iter().map(|metric| (now, metric)));
                while self.0.front().is_some_and(|(arrived, _)| now.since(*arrived) > KEPT) {
                    self.0.pop_front();
                }
                Ok(json!({}))
            }
            other => Err(Refused::unknown(&format!("CloudWatch {other}"))),
        }
    }
}

/// All of a call's metrics, or none: CloudWatch refuses a call as a whole.
fn read(input: &Value, now: Timestamp) -> Result<Vec<PutMetric>, Refused> {
    let namespace = text(input, "Namespace").ok_or_else(|| missing("Namespace"))?;
    let data = input.get("MetricData").and_then(Value::as_array).ok_or_else(|| missing("MetricData"))?;
    if data.len() > METRIC_LIMIT {
        return Err(invalid("more than 1000 metrics in one call"));
    }
    data.iter().map(|datum| metric(namespace, datum, now)).collect()
}

fn metric(namespace: &str, datum: &Value, now: Timestamp) -> Result<PutMetric, Refused> {
    let value = datum.get("Value").and_then(number);
    Ok(PutMetric {
        namespace: namespace.to_owned(),
        name: text(datum, "MetricName").ok_or_else(|| missing("MetricName"))?.to_owned(),
        dimensions: dimensions(datum)?,
        // Distributions (`Values`, `StatisticValues`) are not used by this system, so they are refused.
        value: value.ok_or_else(|| invalid("a finite Value is the only kind that is imitated"))?,
        unit: text(datum, "Unit").map(str::to_owned),
        at: datum.get("Timestamp").map_or(Ok(now), time)?,
    })
}

fn dimensions(datum: &Value) -> Result<Vec<(String, String)>, Refused> {
    let Some(list) = datum.get("Dimensions").and_then(Value::as_array) else { return Ok(Vec::new()) };
    if list.len() > DIMENSION_LIMIT {
        return Err(invalid("more than 30 dimensions"));
    }
    list.iter()
        .map(|dimension| {
            let name = text(dimension, "Name").ok_or_else(|| missing("Dimension Name"))?;
            let value = text(dimension, "Value").ok_or_else(|| missing("Dimension Value"))?;
            Ok((name.to_owned(), value.to_owned()))
        })
        .collect()
}

/// A number as the shortest decimal text that means it.
fn number(value: &Value) -> Option<String> {
    let number = match value {
        Value::String(text) => text.parse().ok()?,
        Value::Number(number) => number.as_f64()?,
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => return None,
    };
    number.is_finite().then(|| format!("{number}"))
}

/// Seconds since the epoch, or ISO-8601.
fn time(value: &Value) -> Result<Timestamp, Refused> {
    let refused = || invalid("Timestamp");
    match value {
        Value::String(text) => Timestamp::parse(text).map_err(|_| refused()),
        Value::Number(number) => {
            let seconds = number.as_f64().ok_or_else(refused)?;
            Ok(Timestamp::from_millis((seconds * 1_000.0).round() as i64))
        }
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => Err(refused()),
    }
}

fn text<'a>(input: &'a Value, name: &str) -> Option<&'a str> {
    input.get(name).and_then(Value::as_str).filter(|text| !text.is_empty())
}

fn missing(what: &str) -> Refused {
    Refused::new("MissingParameter", format!("The parameter {what} is required."))
}

fn invalid(what: &str) -> Refused {
    Refused::new("InvalidParameterValue", what)
}
