//! What the role of each function allows, as the templates say it.

use std::collections::BTreeSet;

use serde_json::Value;
use shared::ids::Env;
use shared::tables::{Function, Names, PREFIX, Table, Topic};

/// The trading stack of a live stage, which `infra/cdk/test/snapshots.test.ts` holds current.
const TEMPLATE: &str = include_str!("../../infra/cdk/test/snapshots/live-trading.json");
/// That stage.
const STAGE: &str = "live";

/// The resource of an action that AWS cannot scope.
pub const ANY: &str = "*";

/// A function may do, or does, this to that.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Permission {
    /// The function.
    pub function: &'static str,
    /// The action: `dynamodb:PutItem`.
    pub action: &'static str,
    /// A table, a topic, or [`ANY`].
    pub resource: &'static str,
}

/// What the code of a function asks of its tables, topics and signals. Beside them its role allows what AWS does on its
/// behalf (its log, its network, the report of a failure), and the secrets that it reads once when it starts.
const ACTIONS: [&str; 9] = [
    "cloudwatch:PutMetricData",
    "dynamodb:ConditionCheckItem",
    "dynamodb:DeleteItem",
    "dynamodb:GetItem",
    "dynamodb:PutItem",
    "dynamodb:Query",
    "dynamodb:Scan",
    "dynamodb:UpdateItem",
    "sns:Publish",
];

/// Everything that the roles of the four functions allow their code.
///
/// # Errors
/// Names what of the template it does not understand.
pub fn granted() -> Result<BTreeSet<Permission>, String> {
    let template: Value = serde_json::from_str(TEMPLATE).map_err(|error| error.to_string())?;
    let mut granted = BTreeSet::new();
    for function in Function::ALL.map(Function::as_str) {
        let statements = statements(&template, function)?;
        let denied: BTreeSet<&str> = with(statements, "Deny").flat_map(|one| texts(&one["Action"])).collect();
        for statement in with(statements, "Allow") {
            for action in texts(&statement["Action"]).filter(|action| !denied.contains(action)) {
                let Some(action) = known(action)? else { continue };
                for address in each(&statement["Resource"]) {
                    granted.insert(Permission { function, action, resource: resource(address)? });
                }
            }
        }
    }
    Ok(granted)
}

/// The statements of a function's role.
fn statements<'a>(template: &'a Value, function: &str) -> Result<&'a [Value], String> {
    let id = format!("{function}roleDefaultPolicy");
    let mut resources = template["Resources"].as_object().into_iter().flatten();
    let policy = resources.find(|(name, _)| name.starts_with(&id));
    let found =
        policy.and_then(|(_, policy)| policy.pointer("/Properties/PolicyDocument/Statement")?.as_array());
    found.map(Vec::as_slice).ok_or_else(|| format!("no statements of {id}"))
}

fn with<'a>(statements: &'a [Value], effect: &'static str) -> impl Iterator<Item = &'a Value> {
    statements.iter().filter(move |one| one["Effect"] == effect)
}

/// The action, if it is one of those that code asks for. How many keys are asked for at once, and so by which call, depends on
/// how much lives: to get one is to get several.
fn known(action: &str) -> Result<Option<&'static str>, String> {
    let action = if action == "dynamodb:BatchGetItem" { "dynamodb:GetItem" } else { action };
    let found = ACTIONS.into_iter().find(|known| *known == action);
    let is_of_code = ["dynamodb:", "cloudwatch:"].iter().any(|service| action.starts_with(service));
    if found.is_none() && is_of_code { Err(format!("nobody knows {action}")) } else { Ok(found) }
}

/// One or several.
fn each(value: &Value) -> &[Value] {
    value.as_array().map_or(std::slice::from_ref(value), Vec::as_slice)
}

fn texts(value: &Value) -> impl Iterator<Item = &str> {
    each(value).iter().filter_map(Value::as_str)
}

/// The table or topic that an address of the template is of.
fn resource(address: &Value) -> Result<&'static str, String> {
    if address == ANY {
        return Ok(ANY);
    }
    let names =
        Names { prefix: PREFIX.to_owned(), env: Env::parse(STAGE).map_err(|error| error.to_string())? };
    let tables = Table::ALL.map(|table| (table.as_str(), format!(":table/{}", names.table(table))));
    let topics = Topic::ALL.map(|topic| (topic.as_str(), format!(":{}", names.topic(topic))));
    let text = address["Fn::Sub"].as_str().unwrap_or_default();
    let mut known = tables.into_iter().chain(topics);
    let found = known.find(|(_, ending)| text.ends_with(ending));
    found.map(|(name, _)| name).ok_or_else(|| format!("nobody knows {address}"))
}
