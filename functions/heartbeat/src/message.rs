//! The words of a page: pure, and the same for every checker.

use serde_json::json;
use shared::page::Message;
use shared::records::Incident;
use shared::signal::Severity;
use shared::tables::{Names, Topic};
use shared::time::Timestamp;

/// Why a message is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Notice {
    /// The fact began.
    Page,
    /// It lasts.
    Reminder,
    /// It has ended.
    Recovery,
}

impl Notice {
    /// The first word of the subject.
    const fn word(self, severity: Severity) -> &'static str {
        match self {
            Notice::Page => severity.as_str(),
            Notice::Reminder => "reminder",
            Notice::Recovery => "recovered",
        }
    }
}

/// A message about an incident. Whoever receives one twice knows it by the incident's id.
pub fn message(notice: Notice, incident: &Incident, names: &Names, now: Timestamp) -> Message {
    let Incident { kind, subject, .. } = incident;
    let word = notice.word(incident.severity);
    let body = json!({
        "incident_id": incident.incident_id.as_str(),
        "notice": word,
        "environment": names.env.as_str(),
        "kind": kind,
        "severity": incident.severity.as_str(),
        "strategy_id": incident.strategy_id.as_ref().map(ToString::to_string),
        "subject": subject,
        "since": incident.since.to_string(),
        "sent_at": now.to_string(),
        "detail": incident.detail,
        "runbook": format!("docs/runbook.md#{}-{}-{kind}", names.prefix, names.env),
    });
    Message {
        topic: topic_of(incident.severity),
        subject: format!("[{word}] {kind} {subject} ({})", names.env),
        body: format!("{body:#}"),
    }
}

const fn topic_of(severity: Severity) -> Topic {
    match severity {
        Severity::Page => Topic::Alerts,
        Severity::Warn | Severity::Info => Topic::Notifications,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::{Finding, Since};
    use shared::ids::Env;
    use shared::store::Key;
    use shared::tables::{PREFIX, Table};

    fn incident(kind: &str) -> Incident {
        let at = Timestamp::parse("2023-03-01T12:00:00Z").unwrap();
        let finding = Finding {
            kind: kind.into(),
            item: Key { table: Table::TradingState, hash: "demo".into(), range: None },
            key: "last_heartbeat".into(),
            since: Since::at(at),
            detail: "last_heartbeat is 2023-03-01T12:00:00Z, 121 s old".into(),
        };
        finding.incident(finding.incident_id(&names()), at)
    }
    fn names() -> Names {
        Names { prefix: PREFIX.into(), env: Env::parse("dev").unwrap() }
    }
    fn text(notice: Notice, kind: &str) -> String {
        let now = Timestamp::parse("2023-03-01T12:02:01Z").unwrap();
        let message = message(notice, &incident(kind), &names(), now);
        format!("{:?}\n{}\n{}", message.topic, message.subject_line(), message.body)
    }

    #[test]
    fn a_page_says_what_since_when_and_where_to_read_on() {
        insta::assert_snapshot!(text(Notice::Page, "heartbeat-stale"), @r#"
        Alerts
        [page] heartbeat-stale demo (dev)
        {
          "incident_id": "2gyuuktg4xpmtxpmjtfe5qoycyphrtiq",
          "notice": "page",
          "environment": "dev",
          "kind": "heartbeat-stale",
          "severity": "page",
          "strategy_id": "demo",
          "subject": "demo",
          "since": "2023-03-01T12:00:00Z",
          "sent_at": "2023-03-01T12:02:01Z",
          "detail": "last_heartbeat is 2023-03-01T12:00:00Z, 121 s old",
          "runbook": "docs/runbook.md#tradai-dev-heartbeat-stale"
        }
        "#);
    }

    #[test]
    fn a_warning_goes_to_the_notifications_topic_and_a_recovery_where_its_page_went() {
        assert!(
            text(Notice::Page, "risk-rejections").starts_with("Notifications\n[warn] risk-rejections demo")
        );
        assert!(text(Notice::Recovery, "heartbeat-stale").starts_with("Alerts\n[recovered] heartbeat-stale"));
        assert!(text(Notice::Reminder, "heartbeat-stale").contains("[reminder]"));
    }
}
