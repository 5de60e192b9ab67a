//! The signals that heartbeat puts once a minute: their number does not grow with the strategies.

/// One signal of contract section 7.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Signal {
    /// Watched strategies whose beat is stale, missing or unreadable.
    HeartbeatStale,
    /// Positions whose exit is past its limit.
    PositionsStuck,
    /// Orders past their fence or timeout.
    OrdersStuck,
    /// Strategies with orders failing repeatedly.
    OrderFailures,
    /// Strategies with an open gate.
    GateOpen,
    /// Accounts whose books differ from the venue.
    ReconcileDrift,
    /// Strategies whose model refuses.
    LlmRefusals,
    /// Providers that throttle.
    LlmThrottled,
    /// Providers whose hourly spend reached the ceiling.
    LlmCost,
    /// Refusals by our rules in five minutes.
    RiskRejections,
    /// Failed venue calls in five minutes.
    BackendErrors,
    /// Largest share of a daily order limit in use, in percent.
    DailyOrders,
    /// Share of slow venue calls, in percent.
    LatencyP99,
    /// Pages undelivered for three minutes.
    PagesUndelivered,
}

impl Signal {
    /// Every signal.
    pub const ALL: [Signal; 14] = [
        Signal::HeartbeatStale,
        Signal::PositionsStuck,
        Signal::OrdersStuck,
        Signal::OrderFailures,
        Signal::GateOpen,
        Signal::ReconcileDrift,
        Signal::LlmRefusals,
        Signal::LlmThrottled,
        Signal::LlmCost,
        Signal::RiskRejections,
        Signal::BackendErrors,
        Signal::DailyOrders,
        Signal::LatencyP99,
        Signal::PagesUndelivered,
    ];
    /// The metric's name, and the alarm's after `tradai-{env}-`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Signal::HeartbeatStale => "heartbeat-stale",
            Signal::PositionsStuck => "positions-stuck",
            Signal::OrdersStuck => "orders-stuck",
            Signal::OrderFailures => "order-failures",
            Signal::GateOpen => "gate-open",
            Signal::ReconcileDrift => "reconcile-drift",
            Signal::LlmRefusals => "llm-refusals",
            Signal::LlmThrottled => "llm-throttled",
            Signal::LlmCost => "llm-cost",
            Signal::RiskRejections => "risk-rejections",
            Signal::BackendErrors => "backend-errors",
            Signal::DailyOrders => "daily-orders",
            Signal::LatencyP99 => "latency-p99",
            Signal::PagesUndelivered => "pages-undelivered",
        }
    }
    /// Reads the metric's name.
    pub fn parse(text: &str) -> Option<Signal> {
        Signal::ALL.into_iter().find(|signal| signal.as_str() == text)
    }
    /// Who is told.
    pub const fn severity(self) -> Severity {
        match self {
            Signal::HeartbeatStale
            | Signal::PositionsStuck
            | Signal::OrdersStuck
            | Signal::OrderFailures
            | Signal::GateOpen
            | Signal::ReconcileDrift
            | Signal::LlmRefusals
            | Signal::LlmCost
            | Signal::BackendErrors
            | Signal::PagesUndelivered => Severity::Page,
            Signal::LlmThrottled | Signal::RiskRejections | Signal::LatencyP99 => Severity::Warn,
            Signal::DailyOrders => Severity::Info,
        }
    }
}

/// Who is told of a signal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// A person is woken.
    Page,
    /// A person reads it by day.
    Warn,
    /// It is shown.
    Info,
}

impl Severity {
    /// Every severity.
    pub const ALL: [Severity; 3] = [Severity::Page, Severity::Warn, Severity::Info];
    /// The stored spelling.
    pub const fn as_str(self) -> &'static str {
        match self {
            Severity::Page => "page",
            Severity::Warn => "warn",
            Severity::Info => "info",
        }
    }
    /// Reads the stored spelling.
    pub fn parse(text: &str) -> Option<Severity> {
        Severity::ALL.into_iter().find(|one| one.as_str() == text)
    }
}
