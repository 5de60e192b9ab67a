//! What one invocation asked of the world.

use rust_decimal::Decimal;
use sim::aws::AwsMeters;
use sim::model::Meters;

/// Calls and request units.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// DynamoDB calls.
    pub tables: u64,
    /// Calls of a venue.
    pub venue: u64,
    /// Calls of the model.
    pub model: u64,
    /// Answers of the model that open a position.
    pub opens: u64,
    /// Calls of SNS, CloudWatch and Secrets Manager.
    pub other: u64,
    /// Read request units.
    pub rru: Decimal,
    /// Write request units.
    pub wru: Decimal,
}

impl Counts {
    /// From the meters of the three services.
    pub fn of(aws: &AwsMeters, venue: u64, model: &Meters) -> Counts {
        let all: u64 = aws.by_operation.values().map(|meter| meter.calls).sum();
        Counts {
            tables: aws.ddb_calls,
            venue,
            model: model.total(),
            opens: model.actions.get("open").copied().unwrap_or_default(),
            other: all.saturating_sub(aws.ddb_calls),
            rru: aws.ddb_rru,
            wru: aws.ddb_wru,
        }
    }

    /// What came since `before`.
    pub fn since(&self, before: &Counts) -> Counts {
        Counts {
            tables: self.tables.saturating_sub(before.tables),
            venue: self.venue.saturating_sub(before.venue),
            model: self.model.saturating_sub(before.model),
            opens: self.opens.saturating_sub(before.opens),
            other: self.other.saturating_sub(before.other),
            rru: self.rru.saturating_sub(before.rru),
            wru: self.wru.saturating_sub(before.wru),
        }
    }

    /// Calls of everything.
    pub fn calls(&self) -> u64 {
        [self.tables, self.venue, self.model, self.other].iter().sum()
    }
}
