//! The names that operators, alarms and CDK rely on, once, as data. `infra/cdk/contract.json` is generated
//! from here.

use serde_json::{Value, json};

use crate::ids::Env;

/// The prefix of every name, unless configured.
pub const PREFIX: &str = "tradai";

/// A table of contract section 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Table {
    /// A strategy's live state.
    TradingState,
    /// A strategy's settings.
    StrategyConfig,
    /// Positions.
    Positions,
    /// Orders and their fills.
    Orders,
    /// What the model saw, said and cost.
    Decisions,
    /// Episodes and notices with their delivery.
    Incidents,
    /// Shared facts: accounts, paper venues, venues, providers, shards.
    Ledgers,
    /// Notes from the user's own pipeline.
    Context,
}

impl Table {
    /// Every table.
    pub const ALL: [Table; 8] = [
        Table::TradingState,
        Table::StrategyConfig,
        Table::Positions,
        Table::Orders,
        Table::Decisions,
        Table::Incidents,
        Table::Ledgers,
        Table::Context,
    ];
    /// The middle of its name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Table::TradingState => "trading-state",
            Table::StrategyConfig => "strategy-config",
            Table::Positions => "positions",
            Table::Orders => "orders",
            Table::Decisions => "decisions",
            Table::Incidents => "incidents",
            Table::Ledgers => "ledgers",
            Table::Context => "context",
        }
    }
    /// The partition key, a string.
    pub const fn hash_key(self) -> &'static str {
        match self {
            Table::TradingState | Table::StrategyConfig | Table::Decisions | Table::Context => "strategy_id",
            Table::Positions | Table::Orders => "position_id",
            Table::Incidents => "incident_id",
            Table::Ledgers => "ledger_id",
        }
    }
    /// The sort key, a string, where there is one.
    pub const fn range_key(self) -> Option<&'static str> {
        match self {
            Table::Orders => Some("order_id"),
            Table::Decisions => Some("decided_at"),
            Table::Context => Some("noted_at"),
            Table::TradingState
            | Table::StrategyConfig
            | Table::Positions
            | Table::Incidents
            | Table::Ledgers => None,
        }
    }
    /// The attribute by which items expire, where they do.
    pub const fn expires_by(self) -> Option<&'static str> {
        match self {
            Table::Decisions | Table::Context => Some("expires_at"),
            Table::TradingState
            | Table::StrategyConfig
            | Table::Positions
            | Table::Orders
            | Table::Incidents
            | Table::Ledgers => None,
        }
    }
}

/// A function of contract section 6.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Function {
    /// Asks the model.
    Decide,
    /// Acts at the venue.
    Execute,
    /// Watches and pages.
    Heartbeat,
    /// Compares books and venue.
    Reconcile,
}

impl Function {
    /// Every function.
    pub const ALL: [Function; 4] =
        [Function::Decide, Function::Execute, Function::Heartbeat, Function::Reconcile];
    /// The end of its name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Function::Decide => "decide",
            Function::Execute => "execute",
            Function::Heartbeat => "heartbeat",
            Function::Reconcile => "reconcile",
        }
    }
    /// The period of its schedule.
    pub const fn period_minutes(self) -> i64 {
        match self {
            Function::Decide | Function::Execute | Function::Heartbeat => 1,
            Function::Reconcile => 5,
        }
    }
}

/// A topic.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Topic {
    /// Pages.
    Alerts,
    /// Notices and approval requests.
    Notifications,
}

impl Topic {
    /// Every topic.
    pub const ALL: [Topic; 2] = [Topic::Alerts, Topic::Notifications];
    /// The end of its name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Topic::Alerts => "alerts",
            Topic::Notifications => "notifications",
        }
    }
}

/// The names of one stage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Names {
    /// The prefix, `tradai` unless configured.
    pub prefix: String,
    /// The stage.
    pub env: Env,
}

impl Names {
    /// `tradai-trading-state-dev`.
    pub fn table(&self, table: Table) -> String {
        format!("{}-{}-{}", self.prefix, table.as_str(), self.env)
    }
    /// `tradai-dev-decide`.
    pub fn function(&self, function: Function) -> String {
        format!("{}-{}-{}", self.prefix, self.env, function.as_str())
    }
    /// `tradai-dev-alerts`.
    pub fn topic(&self, topic: Topic) -> String {
        format!("{}-{}-{}", self.prefix, self.env, topic.as_str())
    }
    /// `tradai/dev/main/trade`: execute alone reads it.
    pub fn trade_secret(&self, account: &str) -> String {
        format!("{}/{}/{account}/trade", self.prefix, self.env)
    }
    /// `tradai/dev/main/read`: reconcile alone reads it.
    pub fn read_secret(&self, account: &str) -> String {
        format!("{}/{}/{account}/read", self.prefix, self.env)
    }
    /// `tradai/dev/llm/anthropic`: decide alone reads it.
    pub fn model_secret(&self, provider: &str) -> String {
        format!("{}/{}/llm/{provider}", self.prefix, self.env)
    }
    /// `tradai/dev/approval`: execute and the approver read it.
    pub fn approval_secret(&self) -> String {
        format!("{}/{}/approval", self.prefix, self.env)
    }
}

/// The environment variables that the functions read. Nothing else is read, and an unknown variable with
/// our prefix is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum EnvVar {
    /// The stage.
    Env,
    /// The stage kind: `dev`, `paper` or `live`.
    StageKind,
    /// The prefix of names.
    Prefix,
    /// The alerts topic's ARN (heartbeat).
    AlertsTopic,
    /// The notifications topic's ARN (heartbeat).
    NotificationsTopic,
    /// Another base address of the venue: a simulator or a test network.
    VenueUrl,
    /// Another base address of every model provider: a simulator.
    ModelUrl,
    /// The hash of the stage's model servers (decide): another one makes a new version, which reads their item again.
    Servers,
    /// The name of the address from which venues are called, where a stage has more than one.
    Egress,
}

impl EnvVar {
    /// Every variable.
    pub const ALL: [EnvVar; 9] = [
        EnvVar::Env,
        EnvVar::StageKind,
        EnvVar::Prefix,
        EnvVar::AlertsTopic,
        EnvVar::NotificationsTopic,
        EnvVar::VenueUrl,
        EnvVar::ModelUrl,
        EnvVar::Servers,
        EnvVar::Egress,
    ];
    /// Its name.
    pub const fn as_str(self) -> &'static str {
        match self {
            EnvVar::Env => "TRADAI_ENV",
            EnvVar::StageKind => "TRADAI_STAGE_KIND",
            EnvVar::Prefix => "TRADAI_PREFIX",
            EnvVar::AlertsTopic => "TRADAI_ALERTS_TOPIC_ARN",
            EnvVar::NotificationsTopic => "TRADAI_NOTIFICATIONS_TOPIC_ARN",
            EnvVar::VenueUrl => "TRADAI_VENUE_URL",
            EnvVar::ModelUrl => "TRADAI_MODEL_URL",
            EnvVar::Servers => "TRADAI_SERVERS",
            EnvVar::Egress => "TRADAI_EGRESS",
        }
    }
}

/// The metric namespace.
pub const METRIC_NAMESPACE: &str = "tradai";

/// What CDK must know of the names above.
pub fn contract() -> Value {
    json!({
        "prefix": PREFIX,
        "tables": Table::ALL.map(|table| json!({
            "name": table.as_str(),
            "hashKey": table.hash_key(),
            "rangeKey": table.range_key(),
            "expiresBy": table.expires_by(),
        })),
        "functions": Function::ALL.map(|function| json!({
            "name": function.as_str(),
            "periodMinutes": function.period_minutes(),
        })),
        "topics": Topic::ALL.map(Topic::as_str),
        "environment": EnvVar::ALL.map(EnvVar::as_str),
        "metricNamespace": METRIC_NAMESPACE,
        "signals": crate::signal::Signal::ALL.map(crate::signal::Signal::as_str),
    })
}
