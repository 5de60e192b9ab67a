//! Signals through CloudWatch.

use aws_sdk_cloudwatch::Client;
use aws_sdk_cloudwatch::operation::put_metric_data::builders::PutMetricDataFluentBuilder;
use aws_sdk_cloudwatch::types::{Dimension, MetricDatum};
use aws_smithy_types::DateTime;
use rust_decimal::prelude::ToPrimitive;

use super::Call;
use super::fate::{self, Fate};
use crate::gauge::{PutSignals, PutSignalsError, Reading};
use crate::ids::Env;
use crate::tables::METRIC_NAMESPACE;
use crate::time::Timestamp;

/// The metrics of one stage.
#[derive(Debug, Clone)]
pub struct CloudWatchSignals {
    /// The client.
    pub client: Client,
    /// The stage: the only dimension, so that the number of metrics does not grow.
    pub env: Env,
}

impl CloudWatchSignals {
    fn datum(&self, at: DateTime, reading: &Reading) -> Result<MetricDatum, PutSignalsError> {
        // The one place where a decimal becomes a float: CloudWatch has no other number, and nothing is
        // computed with it here.
        let value = reading.value.to_f64().filter(|value| value.is_finite());
        let name = reading.signal.as_str();
        let value = value.ok_or_else(|| PutSignalsError::NotDone(format!("{name} is too large")))?;
        let dimension = Dimension::builder().name("Env").value(self.env.as_str()).build();
        Ok(MetricDatum::builder().metric_name(name).dimensions(dimension).timestamp(at).value(value).build())
    }
}

impl PutSignals for CloudWatchSignals {
    async fn put(&self, at: Timestamp, readings: &[Reading]) -> Result<(), PutSignalsError> {
        if readings.is_empty() {
            return Ok(());
        }
        let time = DateTime::from_millis(at.as_millis());
        let data = readings.iter().map(|reading| self.datum(time, reading)).collect::<Result<_, _>>()?;
        put(self.client.put_metric_data().namespace(METRIC_NAMESPACE).set_metric_data(Some(data))).await
    }
}

fn put(call: PutMetricDataFluentBuilder) -> Call<'static, Result<(), PutSignalsError>> {
    Box::pin(async move {
        call.send().await.map(|_| ()).map_err(|error| match fate::of(&error) {
            Fate::NotDone(why) => PutSignalsError::NotDone(why),
            Fate::NoAnswer(why) => PutSignalsError::NoAnswer(why),
        })
    })
}
