//! Pages reach people: each incident that must page has its message, and nothing is told that is not so.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::items::{Item, Outside, Stage, text};
use crate::aws::Published;

/// What was found of the delivery of pages.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Delivery {
    /// What is wrong, a line each.
    pub problems: Vec<String>,
    /// Pages that came again, by incident. A page may come twice when its first answer was lost, when a process
    /// died between publishing and noting it, or when the fact came back; otherwise this is empty.
    pub repeated_pages: BTreeMap<String, u64>,
    /// Recoveries that came again without a page in between, by incident: the same holds.
    pub repeated_recoveries: BTreeMap<String, u64>,
}

/// What a message says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Notice {
    Page,
    Reminder,
    Recovery,
}

/// Holds every incident against the messages on the alerts topic, and the other way round. To be asked once no
/// delivery is under way.
pub fn pages_delivered(aws: &impl Outside, stage: &Stage) -> Delivery {
    let items = match stage.items(aws, "incidents") {
        Ok(items) => items,
        Err(line) => return Delivery { problems: vec![line], ..Delivery::default() },
    };
    let pages = items.iter().filter(|item| text(item, "severity") == Some("page"));
    let published: Vec<Published> =
        aws.published().into_iter().filter(|message| stage.is_topic(&message.topic_arn, "alerts")).collect();
    let mut delivery = Delivery::default();
    for item in pages {
        let Some(id) = text(item, "incident_id") else { continue };
        judge(&mut delivery, id, item, &notices(&published, id));
    }
    delivery.problems.extend(invented(&items, &published));
    delivery
}

/// What was told of an incident, oldest first.
fn notices(published: &[Published], id: &str) -> Vec<Notice> {
    published.iter().filter(|message| names(message, id)).map(notice).collect()
}

fn body(message: &Published) -> Value {
    serde_json::from_str(&message.message).unwrap_or_default()
}

/// Whether the message is about this incident: by its field, else by its text.
fn names(message: &Published, id: &str) -> bool {
    match body(message).get("incident_id").and_then(Value::as_str) {
        Some(named) => named == id,
        None => message.message.contains(id),
    }
}

/// By its field, else by the beginning of its subject.
fn notice(message: &Published) -> Notice {
    let body = body(message);
    let subject = message.subject.as_deref().unwrap_or_default();
    let word = body.get("notice").and_then(Value::as_str).unwrap_or(subject).trim_start_matches('[');
    if word.starts_with("recover") {
        Notice::Recovery
    } else if word.starts_with("remind") {
        Notice::Reminder
    } else {
        Notice::Page
    }
}

fn judge(delivery: &mut Delivery, id: &str, item: &Item, notices: &[Notice]) {
    let count = |wanted| notices.iter().filter(|notice| **notice == wanted).count();
    let (pages, recoveries) = (count(Notice::Page), count(Notice::Recovery));
    let kind = text(item, "kind").unwrap_or("unknown kind");
    let mut problem = |what: &str| delivery.problems.push(format!("incident {id} ({kind}): {what}"));
    let marked = item.contains_key("published_at");
    match (marked, pages > 0) {
        (true, true) => {}
        (true, false) => problem("marked as published, and no page was"),
        (false, true) => problem("a page was published, and it is not marked"),
        (false, false) => problem("never published"),
    }
    if item.contains_key("recovery_published_at") && recoveries == 0 {
        problem("marked as recovered, and no message says so");
    }
    if recoveries > 0 && notices.first() == Some(&Notice::Recovery) {
        problem("a recovery without a page before it");
    }
    repeated(&mut delivery.repeated_pages, id, pages.saturating_sub(1));
    repeated(&mut delivery.repeated_recoveries, id, recoveries_again(notices));
}

fn repeated(counts: &mut BTreeMap<String, u64>, id: &str, count: usize) {
    if count > 0 {
        counts.insert(id.to_owned(), u64::try_from(count).unwrap_or(u64::MAX));
    }
}

/// Recoveries that follow another one without a page in between.
fn recoveries_again(notices: &[Notice]) -> usize {
    let told: Vec<Notice> = notices.iter().copied().filter(|notice| *notice != Notice::Reminder).collect();
    let pairs = told.iter().zip(told.iter().skip(1));
    pairs.filter(|pair| *pair == (&Notice::Recovery, &Notice::Recovery)).count()
}

/// Messages on the alerts topic about no incident that there is.
fn invented(items: &[Item], published: &[Published]) -> Vec<String> {
    let ids: BTreeSet<&str> = items.iter().filter_map(|item| text(item, "incident_id")).collect();
    let unknown = published.iter().filter(|message| !ids.iter().any(|id| names(message, id)));
    unknown
        .map(|message| {
            let subject = message.subject.as_deref().unwrap_or("without a subject");
            format!("message of {} ({subject}) is about no incident", message.at)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::fixture::{World, s};
    use super::*;
    use serde_json::json;

    fn incident(world: &World, id: &str, severity: &str, marks: &[&str]) {
        let mut item = json!({"incident_id": s(id), "severity": s(severity), "kind": s("heartbeat-stale")});
        for mark in marks {
            item[*mark] = s("2023-03-01T00:00:01Z");
        }
        world.put("incidents", &item);
    }

    fn tell(world: &World, id: &str, notice: &str) {
        world.publish("alerts", &json!({"incident_id": id, "notice": notice}).to_string());
    }

    fn check(world: &World) -> Delivery {
        pages_delivered(&world.aws, &world.stage)
    }

    #[test]
    fn checks_pages_that_arrived_once_are_fine() {
        let world = World::new();
        incident(&world, "a1", "page", &["published_at", "recovery_published_at"]);
        incident(&world, "b2", "warn", &[]);
        for notice in ["page", "reminder", "reminder", "recovered"] {
            tell(&world, "a1", notice);
        }
        world.publish("notifications", "nothing to do with it");
        assert_eq!(check(&world), Delivery::default());
    }

    #[test]
    fn checks_pages_name_the_incident_whose_page_is_missing_or_invented() {
        let world = World::new();
        incident(&world, "lost", "page", &["published_at"]);
        incident(&world, "never", "page", &[]);
        incident(&world, "unmarked", "page", &[]);
        incident(&world, "silent", "page", &["published_at", "recovery_published_at"]);
        incident(&world, "early", "page", &["published_at"]);
        tell(&world, "unmarked", "page");
        tell(&world, "silent", "page");
        tell(&world, "early", "recovered");
        tell(&world, "early", "page");
        tell(&world, "dream", "page");
        assert_eq!(
            check(&world).problems,
            [
                "incident early (heartbeat-stale): a recovery without a page before it",
                "incident lost (heartbeat-stale): marked as published, and no page was",
                "incident never (heartbeat-stale): never published",
                "incident silent (heartbeat-stale): marked as recovered, and no message says so",
                "incident unmarked (heartbeat-stale): a page was published, and it is not marked",
                "message of 2023-03-01T00:00:00Z (without a subject) is about no incident",
            ]
        );
    }

    #[test]
    fn checks_pages_count_what_came_again() {
        let world = World::new();
        incident(&world, "a1", "page", &["published_at", "recovery_published_at"]);
        for notice in ["page", "page", "recovered", "page", "recovered", "reminder", "recovered"] {
            tell(&world, "a1", notice);
        }
        let found = check(&world);
        assert_eq!(found.problems, Vec::<String>::new());
        assert_eq!(found.repeated_pages, BTreeMap::from([("a1".to_owned(), 2)]));
        assert_eq!(found.repeated_recoveries, BTreeMap::from([("a1".to_owned(), 1)]));
    }
}
