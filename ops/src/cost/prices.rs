//! What AWS asks, as a dated table: list prices of us-east-1 in US dollars, without tax, support and discounts for
//! volume, of which every line takes the dearest step.
//!
//! Each row says where its figure was read. AWS's own pages were read as copies, which keep the words and lose some
//! figures; those were taken from pages that quote AWS. Nobody has compared them with a bill. Prices change: look there
//! before you rely on a row, and change the row together with [`READ_ON`].

use rust_decimal::Decimal;

/// When the rows were read.
pub const READ_ON: &str = "2026-11-22";

/// Something that AWS counts and bills.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Item {
    /// Alarms of one metric each, judged by the minute, for a month.
    Alarms,
    /// Metrics of ours, for a month.
    Metrics,
    /// Calls that put metrics.
    MetricPuts,
    /// Dashboards, for a month.
    Dashboards,
    /// Keys of ours, for a month.
    Keys,
    /// Uses of those keys.
    KeyUses,
    /// Secrets, for a month.
    Secrets,
    /// Calls that read them.
    SecretReads,
    /// Hours of a network's gateway with a fixed address.
    GatewayHours,
    /// GB through that gateway, both ways.
    GatewayTraffic,
    /// Hours of a fixed address.
    AddressHours,
    /// Events that the scheduler delivers.
    Schedules,
    /// Invocations.
    Invocations,
    /// GB-seconds of functions on x86_64.
    ComputeX86,
    /// GB-seconds of functions on arm64.
    ComputeArm,
    /// Read request units.
    Reads,
    /// Write request units.
    Writes,
    /// GB in tables, for a month.
    TableStorage,
    /// GB that can be put back to any second, for a month.
    TableRecovery,
    /// GB of logs that are taken in.
    Logs,
    /// GB of logs that are kept, for a month.
    LogStorage,
    /// Messages to a topic.
    Messages,
    /// Mails from a topic.
    Mails,
    /// GB that leave for the internet.
    Traffic,
}

/// What an item costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Price {
    /// What.
    pub item: Item,
    /// What it is called in a bill.
    pub name: &'static str,
    /// Dollars for [`Price::per`] of them: digits and decimals, exactly.
    dollars: (i64, u32),
    /// How many the dollars are for.
    pub per: u64,
    /// How many of them a month are free of charge for ever, in every account.
    pub free: u64,
    /// Where it was read.
    pub source: &'static str,
}

impl Price {
    /// Dollars for [`Price::per`] of them.
    pub fn dollars(&self) -> Decimal {
        Decimal::new(self.dollars.0, self.dollars.1)
    }
    /// What so many of them cost.
    pub fn of(&self, quantity: Decimal) -> Decimal {
        (quantity * self.dollars()).checked_div(Decimal::from(self.per)).unwrap_or_default()
    }
    /// What is left of so many once the free ones are taken off.
    pub fn beyond_free(&self, quantity: Decimal) -> Decimal {
        (quantity - Decimal::from(self.free)).max(Decimal::ZERO)
    }
}

const THOUSAND: u64 = 1_000;
const MILLION: u64 = 1_000_000;

const fn row(
    item: Item,
    name: &'static str,
    dollars: (i64, u32),
    per: u64,
    free: u64,
    source: &'static str,
) -> Price {
    Price { item, name, dollars, per, free, source }
}

/// AWS's page has what is free; the prices are as cloudburn.io and factualminds.com quote them (2026).
const CLOUDWATCH: &str = "aws.amazon.com/cloudwatch/pricing; cloudburn.io/blog/amazon-cloudwatch-pricing";
/// "$1/month" a key; a rotated key costs another dollar after its first and its second rotation.
const KMS: &str = "aws.amazon.com/kms/pricing";
/// As quoted; Secrets Manager is free for 30 days, which is not for ever.
const SECRETS: &str = "aws.amazon.com/secrets-manager/pricing, as hivebook.wiki quotes it";
/// As quoted for US East in 2026: the gateway's hours, its traffic both ways, and a public address.
const VPC: &str = "aws.amazon.com/vpc/pricing, as cloudburn.io/blog/aws-nat-gateway-pricing quotes it";
/// As quoted in March 2026.
const SCHEDULER: &str =
    "aws.amazon.com/eventbridge/pricing, as cloudburn.io/blog/amazon-eventbridge-pricing quotes it";
/// The first step of each architecture, as quoted.
const LAMBDA: &str = "aws.amazon.com/lambda/pricing, as cloudchipr.com/blog/aws-lambda-pricing quotes it";
/// On demand since November 2024, as quoted; on demand nothing but 25 GB is free.
const DYNAMODB: &str =
    "aws.amazon.com/dynamodb/pricing; airbyte.com/data-engineering-resources/dynamodb-pricing";
/// As quoted; the price is by the size of the tables, however short the window.
const RECOVERY: &str =
    "aws.amazon.com/dynamodb/pricing/on-demand, as finops.com.py/services/dynamodb/backups quotes it";
/// As quoted in 2026; what is free is from memory.
const SNS: &str = "aws.amazon.com/sns/pricing, as factualminds.com/blog/amazon-sns-pricing-publishes-fanout-protocols quotes it";
/// The first step, and what is free for all services together.
const TRAFFIC: &str = "aws.amazon.com/ec2/pricing/on-demand, as egresscost.com/aws quotes it";

/// Every price, in the order of a bill.
pub const PRICES: [Price; 24] = [
    row(Item::Alarms, "alarms", (10, 2), 1, 10, CLOUDWATCH),
    row(Item::Metrics, "metrics", (30, 2), 1, 10, CLOUDWATCH),
    row(Item::MetricPuts, "putting metrics", (1, 2), THOUSAND, MILLION, CLOUDWATCH),
    row(Item::Dashboards, "dashboards", (3, 0), 1, 3, CLOUDWATCH),
    row(Item::Keys, "keys of topics", (1, 0), 1, 0, KMS),
    row(Item::KeyUses, "uses of keys", (3, 2), 10 * THOUSAND, 20 * THOUSAND, KMS),
    row(Item::Secrets, "secrets", (40, 2), 1, 0, SECRETS),
    row(Item::SecretReads, "reading secrets", (5, 2), 10 * THOUSAND, 0, SECRETS),
    row(Item::GatewayHours, "gateway", (45, 3), 1, 0, VPC),
    row(Item::GatewayTraffic, "through the gateway", (45, 3), 1, 0, VPC),
    row(Item::AddressHours, "fixed address", (5, 3), 1, 0, VPC),
    row(Item::Schedules, "scheduler", (1, 0), MILLION, 14 * MILLION, SCHEDULER),
    row(Item::Invocations, "invocations", (20, 2), MILLION, MILLION, LAMBDA),
    row(Item::ComputeX86, "GB-seconds, x86_64", (166_667, 10), 1, 400 * THOUSAND, LAMBDA),
    row(Item::ComputeArm, "GB-seconds, arm64", (133_334, 10), 1, 400 * THOUSAND, LAMBDA),
    row(Item::Reads, "table reads", (125, 3), MILLION, 0, DYNAMODB),
    row(Item::Writes, "table writes", (625, 3), MILLION, 0, DYNAMODB),
    row(Item::TableStorage, "table storage", (25, 2), 1, 25, DYNAMODB),
    row(Item::TableRecovery, "table recovery", (20, 2), 1, 0, RECOVERY),
    row(Item::Logs, "logs", (50, 2), 1, 5, CLOUDWATCH),
    row(Item::LogStorage, "log storage", (3, 2), 1, 5, CLOUDWATCH),
    row(Item::Messages, "messages", (50, 2), MILLION, MILLION, SNS),
    row(Item::Mails, "mails", (2, 0), 100 * THOUSAND, THOUSAND, SNS),
    row(Item::Traffic, "traffic out", (9, 2), 1, 100, TRAFFIC),
];

#[cfg(test)]
mod tests {
    use super::*;

    fn price(item: Item) -> Price {
        *PRICES.iter().find(|price| price.item == item).unwrap()
    }

    #[test]
    fn each_item_has_one_price_in_the_order_of_a_bill() {
        assert!(PRICES.windows(2).all(|pair| pair[0].item < pair[1].item));
        assert!(PRICES.iter().all(|price| price.dollars() > Decimal::ZERO && price.per > 0));
    }

    #[test]
    fn a_price_is_exact_and_what_is_free_never_gives_money_back() {
        assert_eq!(price(Item::ComputeX86).dollars().to_string(), "0.0000166667");
        assert_eq!(price(Item::Writes).of(Decimal::from(43_200)).to_string(), "0.027");
        let alarms = price(Item::Alarms);
        let left = |many: i64| alarms.beyond_free(Decimal::from(many));
        assert_eq!((left(30), left(10), left(3)), (Decimal::from(20), Decimal::ZERO, Decimal::ZERO));
    }
}
