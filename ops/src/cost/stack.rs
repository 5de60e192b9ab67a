//! What a stage is made of, from `infra/cdk/bill.json`, which a test of the account holds equal to its templates.
//!
//! Every type of resource either costs by being there, or costs by its use, which is measured, or is free and says why.
//! A type that is none of these is refused: a bill that forgets something is worse than none.

use std::collections::BTreeMap;

use rust_decimal::Decimal;
use serde::Deserialize;
use shared::tables::Function;
use shared::tick::StageKind;

use super::prices::Item;

/// The counts of the templates.
const BILL: &str = include_str!("../../../infra/cdk/bill.json");
/// Hours of a month of 43,200 minutes.
const HOURS: u64 = 720;

/// One kind of stage, as its owner would deploy it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Stack {
    /// Accounts at an exchange whose secrets are among the resources.
    pub accounts: u64,
    /// What the functions run on.
    pub architecture: Architecture,
    functions: Functions,
    /// How long logs are kept.
    pub log_days: u64,
    resources: BTreeMap<String, u64>,
}

/// What the functions run on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub enum Architecture {
    /// Intel and AMD.
    #[serde(rename = "x86_64")]
    X86,
    /// Graviton.
    #[serde(rename = "arm64")]
    Arm,
}

/// What a function is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Given {
    /// Memory in MB, and processor in proportion.
    pub memory_mb: u64,
    /// When an invocation is ended.
    pub timeout_seconds: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
struct Functions {
    decide: Given,
    execute: Given,
    heartbeat: Given,
    reconcile: Given,
}

/// A file of counts that cannot be priced.
#[derive(Debug, thiserror::Error)]
pub enum BadStack {
    /// It is not what the test of the account writes.
    #[error("infra/cdk/bill.json: {0}; write it anew with UPDATE=1 npm test in infra/cdk")]
    Malformed(#[from] serde_json::Error),
    /// A kind is missing.
    #[error("infra/cdk/bill.json: no stage of kind {0}; write it anew with UPDATE=1 npm test in infra/cdk")]
    NoSuchKind(&'static str),
    /// A resource that nobody has looked up.
    #[error("infra/cdk/bill.json: {0} has no price; add it to COSTS in ops/src/cost/stack.rs")]
    Unpriced(String),
}

/// Why a resource costs what it costs.
enum Cost {
    /// So many of this item for each.
    Each(Item, u64),
    /// What it does is counted.
    Used,
    /// Nothing, for this reason.
    Free(&'static str),
}

/// Every type of resource that the templates may hold.
const COSTS: [(&str, Cost); 35] = [
    ("AWS::Budgets::Budget", Cost::Free("budgets without actions cost nothing")),
    ("AWS::CloudFormation::CustomResource", Cost::Free("it runs during a deployment alone")),
    ("AWS::CloudWatch::Alarm", Cost::Each(Item::Alarms, 1)),
    ("AWS::CloudWatch::Dashboard", Cost::Each(Item::Dashboards, 1)),
    ("AWS::DynamoDB::Table", Cost::Used),
    ("AWS::EC2::EIP", Cost::Each(Item::AddressHours, HOURS)),
    ("AWS::EC2::InternetGateway", Cost::Free("a network is free, what passes it is traffic")),
    ("AWS::EC2::NatGateway", Cost::Each(Item::GatewayHours, HOURS)),
    ("AWS::EC2::Route", Cost::Free("part of a network")),
    ("AWS::EC2::RouteTable", Cost::Free("part of a network")),
    ("AWS::EC2::SecurityGroup", Cost::Free("part of a network")),
    ("AWS::EC2::Subnet", Cost::Free("part of a network")),
    ("AWS::EC2::SubnetRouteTableAssociation", Cost::Free("part of a network")),
    ("AWS::EC2::VPC", Cost::Free("a network is free, what passes it is traffic")),
    ("AWS::EC2::VPCEndpoint", Cost::Free("endpoints of the kind gateway, a test holds that, are free")),
    ("AWS::EC2::VPCGatewayAttachment", Cost::Free("part of a network")),
    ("AWS::IAM::ManagedPolicy", Cost::Free("permissions are free")),
    ("AWS::IAM::Policy", Cost::Free("permissions are free")),
    ("AWS::IAM::Role", Cost::Free("permissions are free")),
    ("AWS::KMS::Alias", Cost::Free("a name of a key")),
    ("AWS::KMS::Key", Cost::Each(Item::Keys, 1)),
    ("AWS::Lambda::Alias", Cost::Free("a name of a version")),
    ("AWS::Lambda::EventInvokeConfig", Cost::Free("a setting")),
    ("AWS::Lambda::Function", Cost::Used),
    ("AWS::Lambda::Version", Cost::Free("75 GB of code are free, and a package has at most 4 MB")),
    ("AWS::Logs::LogGroup", Cost::Used),
    ("AWS::Logs::QueryDefinition", Cost::Free("a saved text; running it costs by what it reads")),
    ("AWS::SNS::Subscription", Cost::Used),
    ("AWS::SNS::Topic", Cost::Used),
    ("AWS::SNS::TopicPolicy", Cost::Free("permissions are free")),
    ("AWS::SQS::Queue", Cost::Free("only an event that could not be delivered is written to it")),
    ("AWS::SQS::QueuePolicy", Cost::Free("permissions are free")),
    ("AWS::Scheduler::Schedule", Cost::Used),
    ("AWS::Scheduler::ScheduleGroup", Cost::Free("a name of schedules")),
    ("AWS::SecretsManager::Secret", Cost::Each(Item::Secrets, 1)),
];

impl Stack {
    /// The stage of this kind.
    pub fn of(kind: StageKind) -> Result<Stack, BadStack> {
        Stack::read(BILL, kind)
    }

    fn read(text: &str, kind: StageKind) -> Result<Stack, BadStack> {
        let mut kinds: BTreeMap<String, Stack> = serde_json::from_str(text)?;
        let stack = kinds.remove(kind.as_str()).ok_or(BadStack::NoSuchKind(kind.as_str()))?;
        match stack.resources.keys().find(|of| cost(of).is_none()) {
            Some(unknown) => Err(BadStack::Unpriced(unknown.clone())),
            None => Ok(stack),
        }
    }

    /// What a function is given.
    pub const fn given(&self, function: Function) -> Given {
        match function {
            Function::Decide => self.functions.decide,
            Function::Execute => self.functions.execute,
            Function::Heartbeat => self.functions.heartbeat,
            Function::Reconcile => self.functions.reconcile,
        }
    }

    /// What it costs by being there, for a month, whatever it does.
    pub fn fixed(&self) -> BTreeMap<Item, Decimal> {
        let mut all = BTreeMap::new();
        for (of, many) in &self.resources {
            if let Some(Cost::Each(item, each)) = cost(of) {
                *all.entry(*item).or_default() += Decimal::from(many.saturating_mul(*each));
            }
        }
        all
    }

    /// The types of resources that cost nothing, each with its reason.
    pub fn free(&self) -> impl Iterator<Item = (&str, &'static str)> {
        self.resources.keys().filter_map(|of| match cost(of)? {
            Cost::Free(why) => Some((of.as_str(), *why)),
            Cost::Each(..) | Cost::Used => None,
        })
    }

    /// How many mails a page becomes.
    pub fn subscriptions(&self) -> u64 {
        self.resources.get("AWS::SNS::Subscription").copied().unwrap_or(0)
    }
}

fn cost(resource: &str) -> Option<&'static Cost> {
    COSTS.iter().find(|(name, _)| *name == resource).map(|(_, cost)| cost)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(resource: &str) -> String {
        BILL.replacen("AWS::KMS::Key", resource, 3)
    }

    #[test]
    fn a_resource_that_has_no_price_is_refused_rather_than_forgotten() {
        for kind in StageKind::ALL {
            assert!(Stack::of(kind).is_ok());
            let error = Stack::read(&with("AWS::RDS::DBInstance"), kind).unwrap_err().to_string();
            assert!(error.contains("AWS::RDS::DBInstance has no price"), "{error}");
        }
        for text in ["{}", r#"{"paper":{}}"#, &BILL.replacen("\"logDays\"", "\"days\"", 1)] {
            let error = Stack::read(text, StageKind::Paper).unwrap_err().to_string();
            assert!(error.contains("UPDATE=1 npm test") && !error.contains('\n'), "{error}");
        }
    }

    #[test]
    fn what_stands_there_is_what_the_templates_say() {
        let many = |kind, item| Stack::of(kind).unwrap().fixed().get(&item).copied().unwrap_or_default();
        assert_eq!(many(StageKind::Paper, Item::Alarms), Decimal::from(30));
        assert_eq!(many(StageKind::Paper, Item::GatewayHours), Decimal::ZERO);
        assert_eq!(many(StageKind::Live, Item::GatewayHours), Decimal::from(720));
        assert_eq!(many(StageKind::Live, Item::Secrets), Decimal::from(4));
    }
}
