//! The lines of orders: the documented names as fields, and one trace from the decision to the last fill.

use serde_json::Value;
use shared::order::Origin;
use shared::ports::Line;
use shared::settings::SafetyMode;
use shared::state::Target;

use super::flat;
use crate::testing::{Bench, Fault, bench, limit, market};

fn lines(bench: &Bench, what: &str) -> Vec<Line> {
    bench.log.0.borrow().iter().filter(|line| line.what == what).cloned().collect()
}

fn field(line: &Line, name: &str) -> String {
    match line.fields.get(name) {
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
        None => panic!("{} has no {name}: {line:?}", line.what),
    }
}

#[test]
fn every_send_and_cancel_carries_the_documented_labels_and_one_trace_to_the_last_fill() {
    let bench = bench(&flat(4));
    let id = bench.intend(&market("1", "90"));
    bench.tick(0);
    bench.wish(Target::Close(id), Origin::Model);
    bench.tick(1);
    bench.is_over();
    let acts: Vec<Line> =
        lines(&bench, "order sent").into_iter().chain(lines(&bench, "order cancelled")).collect();
    let labels: Vec<String> = acts
        .iter()
        .map(|line| ["tool", "side", "status", "leg"].map(|name| field(line, name)).join(" "))
        .collect();
    assert_eq!(
        labels,
        [
            "place buy success entry",
            "place sell success stop",
            "place sell success exit",
            "cancel sell success stop"
        ]
    );
    for line in &acts {
        assert_eq!(field(line, "trading_orders_total"), "1");
        for name in ["backend_call_duration_seconds", "trading_tool_execute_duration_seconds"] {
            assert!(line.fields[name].is_f64(), "{name}");
        }
        for name in ["order_id", "position_id", "strategy_id", "symbol", "quantity", "origin"] {
            field(line, name);
        }
    }
    let counts: Vec<String> =
        lines(&bench, "order sent").iter().map(|line| field(line, "trading_daily_orders_count")).collect();
    assert_eq!(counts, ["1", "2", "3"]);
    let told = [
        "order reviewed",
        "order sent",
        "order cancelled",
        "fills recorded",
        "exit ordered",
        "position closed",
    ];
    for what in told {
        let lines = lines(&bench, what);
        assert!(!lines.is_empty(), "{what}");
        assert!(lines.iter().all(|line| field(line, "trace") == "demo-1"), "{what}: {lines:?}");
    }
    assert!(lines(&bench, "order reviewed")[0].fields["risk_check_duration_seconds"].is_f64());
}

#[test]
fn every_refusal_names_its_source_its_rule_and_the_trace() {
    let refused = |bench: &Bench| {
        let line = bench.line("order refused");
        assert_eq!(
            (field(&line, "trading_risk_rejections_total"), field(&line, "status")),
            ("1".into(), "rejected".into())
        );
        assert_eq!((field(&line, "trace"), field(&line, "tool")), ("demo-1".into(), "place".into()));
        format!("{} {}: {}", field(&line, "source"), field(&line, "rule"), field(&line, "detail"))
    };
    let limits = bench(&flat(2));
    limits.intend(&market("11", "90"));
    limits.tick(0);
    assert!(
        refused(&limits).starts_with("risk_limits max_order_notional: order notional "),
        "{}",
        refused(&limits)
    );
    let gate = bench(&flat(2));
    gate.intend(&market("1", "90"));
    gate.set_status(shared::status::Status::Reducing);
    gate.tick(0);
    assert_eq!(refused(&gate), "risk_gate authority: status is reducing");
    let mode = bench(&flat(30));
    mode.settings(|settings| settings.safety_mode = SafetyMode::TwoPhase);
    mode.intend(&market("1", "90"));
    mode.tick(0);
    mode.tick(16);
    assert_eq!(refused(&mode), "safety_mode approval_expired: nobody approved it in time");
}

#[test]
fn what_fails_is_told_with_its_kind_and_backend() {
    let bench = bench(&flat(4));
    bench.intend(&limit("1", "99", "90"));
    bench.faults.place.borrow_mut().push_back(Some(Fault::Throttled));
    bench.tick(0);
    assert_eq!(field(&bench.line("order sent"), "status"), "failed");
    let line = bench.line("venue call failed");
    let labels = ["call", "backend", "kind", "trading_backend_errors_total"].map(|name| field(&line, name));
    assert_eq!(labels, ["place", "exchange", "rejected", "1"]);
    assert_eq!(bench.state().recent_exec[0].backend_errors, 1);
}
