//! What the account was asked for and what it would be billed.

use std::collections::BTreeMap;

use rust_decimal::Decimal;

/// One operation's share.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OpMeter {
    /// How often it was called, refusals included.
    pub calls: u64,
    /// How often it was refused.
    pub refused: u64,
    /// Read request units consumed.
    pub rru: Decimal,
    /// Write request units consumed.
    pub wru: Decimal,
}

/// The account's meters since it was made.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AwsMeters {
    /// DynamoDB calls of any kind.
    pub ddb_calls: u64,
    /// Read request units consumed.
    pub ddb_rru: Decimal,
    /// Write request units consumed.
    pub ddb_wru: Decimal,
    /// Every operation of every service by name.
    pub by_operation: BTreeMap<String, OpMeter>,
    /// Messages accepted by SNS.
    pub sns_publishes: u64,
    /// `PutMetricData` calls accepted by CloudWatch.
    pub put_metric_calls: u64,
}

/// Request units of one call.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Units {
    pub(super) read: Decimal,
    pub(super) write: Decimal,
}

impl AwsMeters {
    pub(super) fn dynamodb(&mut self, operation: &str, refused: bool, used: Units) {
        self.ddb_calls = self.ddb_calls.saturating_add(1);
        self.ddb_rru = self.ddb_rru.saturating_add(used.read);
        self.ddb_wru = self.ddb_wru.saturating_add(used.write);
        let meter = self.count(operation, refused);
        meter.rru = meter.rru.saturating_add(used.read);
        meter.wru = meter.wru.saturating_add(used.write);
    }

    pub(super) fn other(&mut self, operation: &str, refused: bool) {
        self.count(operation, refused);
        match operation {
            "Publish" if !refused => self.sns_publishes = self.sns_publishes.saturating_add(1),
            "PutMetricData" if !refused => self.put_metric_calls = self.put_metric_calls.saturating_add(1),
            _ => {}
        }
    }

    fn count(&mut self, operation: &str, refused: bool) -> &mut OpMeter {
        let meter = self.by_operation.entry(operation.to_owned()).or_default();
        meter.calls = meter.calls.saturating_add(1);
        meter.refused = meter.refused.saturating_add(u64::from(refused));
        meter
    }
}
