//! Commands of the runbooks, letter by letter. `STRATEGY_ID` and `POSITION_ID` are what a person fills in.

/// A command of the trading runbook from which this system grew, what the page says of it, and what must come of it.
pub(super) struct Command {
    pub(super) says: &'static str,
    pub(super) text: &'static str,
    pub(super) then: Then,
}

/// What must come of a command.
pub(super) enum Then {
    /// Its answer has this there.
    Shows(&'static str, &'static str),
    /// One of the items that it lists has this in it.
    Lists(&'static str),
    /// Execute acknowledges the status.
    Acknowledged(&'static str),
    /// The settings have this number.
    Setting(&'static str, &'static str),
    /// The position is closed, by a person, and nothing of it lives.
    ClosedByAPerson,
}

/// Every command on DynamoDB of that runbook, in its order but for the last, which ends the position that the others
/// look at.
pub(super) const FOUNDING: &[Command] = &[
    Command {
        says: "Stale Heartbeat Alert, diagnosis: check trading state in DynamoDB",
        text: r#"aws dynamodb get-item \
      --table-name tradai-trading-state-${ENVIRONMENT} \
      --key '{"strategy_id": {"S": "STRATEGY_ID"}}'
"#,
        then: Then::Shows("/Item/status/S", "running"),
    },
    Command {
        says: "Stop and restart strategy: update state to stopped, wait for service to acknowledge",
        text: r##"aws dynamodb update-item \
  --table-name tradai-trading-state-${ENVIRONMENT} \
  --key '{"strategy_id": {"S": "STRATEGY_ID"}}' \
  --update-expression "SET #status = :stopped" \
  --expression-attribute-names '{"#status": "status"}' \
  --expression-attribute-values '{":stopped": {"S": "stopped"}}'
"##,
        then: Then::Acknowledged("stopped"),
    },
    Command {
        says: "Stop and restart strategy: update state to running",
        text: r##"aws dynamodb update-item \
  --table-name tradai-trading-state-${ENVIRONMENT} \
  --key '{"strategy_id": {"S": "STRATEGY_ID"}}' \
  --update-expression "SET #status = :running" \
  --expression-attribute-names '{"#status": "status"}' \
  --expression-attribute-values '{":running": {"S": "running"}}'
"##,
        then: Then::Acknowledged("running"),
    },
    Command {
        says: "Position Stuck Open, assessment: check position details",
        text: r#"aws dynamodb get-item \
      --table-name tradai-positions-${ENVIRONMENT} \
      --key '{"position_id": {"S": "POSITION_ID"}}'
"#,
        then: Then::Shows("/Item/status/S", "open"),
    },
    Command {
        says: "Position Stuck Open, assessment: check order history",
        text: r#"aws dynamodb query \
      --table-name tradai-orders-${ENVIRONMENT} \
      --key-condition-expression "position_id = :pid" \
      --expression-attribute-values '{":pid": {"S": "POSITION_ID"}}'
"#,
        then: Then::Lists("filled"),
    },
    Command {
        says: "Order Execution Failures, for rate limiting: reduce order frequency in config",
        text: r#"aws dynamodb update-item \
  --table-name tradai-strategy-config-${ENVIRONMENT} \
  --key '{"strategy_id": {"S": "STRATEGY_ID"}}' \
  --update-expression "SET order_cooldown_seconds = :v" \
  --expression-attribute-values '{":v": {"N": "60"}}'
"#,
        then: Then::Setting("order_cooldown_seconds", "60"),
    },
    Command {
        says: "Emergency Stop: scan for all running strategies",
        text: r##"aws dynamodb scan \
      --table-name tradai-trading-state-${ENVIRONMENT} \
      --filter-expression "#status = :running" \
      --expression-attribute-names '{"#status": "status"}' \
      --expression-attribute-values '{":running": {"S": "running"}}'
"##,
        then: Then::Lists("demo"),
    },
    Command {
        says: "Position Stuck Open, post-resolution: update position record",
        text: r##"aws dynamodb update-item \
      --table-name tradai-positions-${ENVIRONMENT} \
      --key '{"position_id": {"S": "POSITION_ID"}}' \
      --update-expression "SET #status = :closed, closed_manually = :true, closed_at = :ts" \
      --expression-attribute-names '{"#status": "status"}' \
      --expression-attribute-values '{
        ":closed": {"S": "closed"},
        ":true": {"BOOL": true},
        ":ts": {"S": "2024-01-01T00:00:00Z"}
      }'
"##,
        then: Then::ClosedByAPerson,
    },
];

/// Our own: close a position with execute.
pub(super) const CLOSE: &str = r##"aws dynamodb update-item \
  --table-name tradai-trading-state-${ENVIRONMENT} \
  --key '{"strategy_id": {"S": "STRATEGY_ID"}}' \
  --update-expression "SET live.#w = :wish, intent_seq = :next" \
  --condition-expression "intent_seq = :seen" \
  --expression-attribute-names '{"#w": "w-1677628801"}' \
  --expression-attribute-values '{
    ":seen": {"N": "1677628800"}, ":next": {"N": "1677628801"},
    ":wish": {"M": {"k": {"S": "c"}, "p": {"S": "POSITION_ID"}, "by": {"S": "person"}, "at": {"S": "2024-01-01T00:00:00Z"}}}
  }'
"##;

/// Our own: the versions that are still there, and one of them behind the alias again.
pub(super) const VERSIONS: &str = "aws lambda list-versions-by-function --function-name tradai-${ENVIRONMENT}-${FUNCTION} --query 'Versions[].[Version, LastModified]'";
/// The same.
pub(super) const ROLL_BACK: &str = "aws lambda update-alias --function-name tradai-${ENVIRONMENT}-${FUNCTION} --name live --function-version ${NUMBER}";
/// Where the alias stands.
pub(super) const WHICH: &str = "aws lambda get-alias --function-name tradai-${ENVIRONMENT}-${FUNCTION} --name live --query FunctionVersion";

/// The page of this system.
const PAGE: &str = include_str!("../../../../docs/runbook.md");

/// Our own, in place of the older service's look at its processes, its logs and its alarms, and what the answer has in it.
pub(super) const INSTEAD: [(&str, &str); 3] = [
    (
        "aws scheduler list-schedules --group-name tradai-${ENVIRONMENT} --query 'Schedules[].[Name, State]' --output text",
        "tradai-dev-execute-0\tENABLED",
    ),
    (
        r#"aws logs filter-log-events \
  --log-group-name /aws/lambda/tradai-${ENVIRONMENT}-execute \
  --filter-pattern '{ $.level = "ERROR" || $.level = "CRITICAL" }' \
  --start-time $(( ($(date -u +%s) - 3600) * 1000 ))"#,
        "level",
    ),
    (
        "aws cloudwatch describe-alarms --alarm-names tradai-${ENVIRONMENT}-heartbeat-stale \\
  --query 'MetricAlarms[].[StateValue, StateUpdatedTimestamp, StateReason]' --output text",
        "ALARM",
    ),
];

/// Our own: whether execute may run at all.
pub(super) const CONCURRENCY: &str =
    "aws lambda get-function-concurrency --function-name tradai-${ENVIRONMENT}-execute";

/// Our own, where execute itself is the danger, and the way back.
pub(super) const SCALE_DOWN: &str = "aws lambda put-function-concurrency --function-name tradai-${ENVIRONMENT}-execute --reserved-concurrent-executions 0";
/// The same.
pub(super) const SCALE_UP: &str =
    "aws lambda delete-function-concurrency --function-name tradai-${ENVIRONMENT}-execute";

/// A command of our own page, which must stand there letter by letter.
pub(super) fn ours(text: &'static str) -> &'static str {
    assert!(PAGE.contains(text), "the runbook says it otherwise: {text}");
    text
}
