//! Named sets of values, and the documented defaults. Both are TOML in the native layout, so that they are read
//! and checked as a file is.

/// The documented defaults: none of them protects money by being larger.
pub(super) const DEFAULTS: &str = r#"
backend = "mock"
paper_balance = "10000 USDT"
testnet = true
decide_every_seconds = 1500
model_fallbacks = []
safety_mode = "DryRun"
approval_expiry_minutes = 15
[ask]
context_top_k = 0
when_moved_percent = "off"
tokens_per_five_minutes = 12000
answer_tokens = "by-model"
"#;

/// Small orders, few of them, close stops. `limits.allowed_symbols` is what the strategy watches.
const CAUTIOUS: &str = r#"
order_cooldown_seconds = 60
[limits]
max_order_notional = 500.0
max_daily_orders = 20
max_daily_cancels = 50
max_position_abs = 0.01
max_opens_per_hour = 2
max_price_drift_percent = 0.5
max_decision_age_seconds = 120
[gate]
threshold = 3
cooldown_ms = 300000
[pnl_gate]
max_daily_loss = 100.0
[exits]
max_stop_distance_percent = 5.0
take_profit_percent = 3.0
trailing_percent = 1.5
exit_limit_minutes = 5
entry_timeout_minutes = 10
[crash]
fall_percent = 5.0
window_minutes = 15
action = "exit"
"#;

/// The name of the profile for files that cannot name one.
pub(super) const FALLBACK: &str = "cautious";

/// Every profile.
pub(super) const PROFILES: &[(&str, &str)] = &[(FALLBACK, CAUTIOUS)];
