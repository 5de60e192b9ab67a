//! A write of ours as DynamoDB's expressions: every name and every value by placeholder.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;

use super::attr;
use crate::store::{Attr, Change, Cond, Path, Write, WriteAct};

/// The expressions of one write with what their placeholders stand for.
#[derive(Debug, Default)]
pub(super) struct Expressions {
    /// The condition, where there is one.
    pub(super) condition: Option<String>,
    /// The changes, where there are some.
    pub(super) update: Option<String>,
    names: HashMap<String, String>,
    values: HashMap<String, AttributeValue>,
}

impl Expressions {
    /// The expressions of `write`.
    pub(super) fn of(write: &Write) -> Result<Expressions, String> {
        let mut made = Expressions::default();
        match &write.act {
            WriteAct::Update(changes) => made.update = Some(made.changes(changes)?),
            WriteAct::Put(_) | WriteAct::Check => {}
        }
        let conds: Vec<String> = write.conds.iter().map(|cond| made.cond(cond)).collect::<Result<_, _>>()?;
        made.condition = (!conds.is_empty()).then(|| conds.join(" AND "));
        Ok(made)
    }

    /// What the name placeholders stand for; DynamoDB refuses an empty map.
    pub(super) fn names(&self) -> Option<HashMap<String, String>> {
        (!self.names.is_empty()).then(|| self.names.clone())
    }

    /// What the value placeholders stand for.
    pub(super) fn values(&self) -> Option<HashMap<String, AttributeValue>> {
        (!self.values.is_empty()).then(|| self.values.clone())
    }

    fn changes(&mut self, changes: &[Change]) -> Result<String, String> {
        let (mut sets, mut removes) = (Vec::new(), Vec::new());
        for change in changes {
            match change {
                Change::Set(path, attr) => sets.push(format!("{} = {}", self.path(path), self.value(attr)?)),
                Change::Remove(path) => removes.push(self.path(path)),
            }
        }
        let clause = |word: &str, parts: Vec<String>| {
            (!parts.is_empty()).then(|| format!("{word} {}", parts.join(", ")))
        };
        let clauses = [clause("SET", sets), clause("REMOVE", removes)];
        Ok(clauses.into_iter().flatten().collect::<Vec<_>>().join(" "))
    }

    fn cond(&mut self, cond: &Cond) -> Result<String, String> {
        Ok(match cond {
            Cond::Absent(path) => format!("attribute_not_exists({})", self.path(path)),
            Cond::Present(path) => format!("attribute_exists({})", self.path(path)),
            Cond::Equals(path, attr) => format!("{} = {}", self.path(path), self.value(attr)?),
            Cond::Differs(path, attr) => self.absent_or(path, "<>", attr)?,
            Cond::AbsentOrBelow(path, attr) => self.absent_or(path, "<", attr)?,
        })
    }

    fn absent_or(&mut self, path: &Path, operator: &str, attr: &Attr) -> Result<String, String> {
        let (path, value) = (self.path(path), self.value(attr)?);
        Ok(format!("(attribute_not_exists({path}) OR {path} {operator} {value})"))
    }

    fn path(&mut self, path: &Path) -> String {
        path.names().map(|name| self.name(name)).collect::<Vec<_>>().join(".")
    }

    /// The placeholder of a name, the same wherever it occurs.
    fn name(&mut self, name: &str) -> String {
        if let Some((placeholder, _)) = self.names.iter().find(|(_, known)| *known == name) {
            return placeholder.clone();
        }
        let placeholder = format!("#n{}", self.names.len());
        self.names.insert(placeholder.clone(), name.to_owned());
        placeholder
    }

    fn value(&mut self, attr: &Attr) -> Result<String, String> {
        let placeholder = format!(":v{}", self.values.len());
        self.values.insert(placeholder.clone(), attr::to_sdk(attr)?);
        Ok(placeholder)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Key;
    use crate::tables::Table;

    #[test]
    fn names_and_values_go_by_placeholder() {
        let key = Key { table: Table::TradingState, hash: "demo".to_owned(), range: None };
        let one = || Attr::N("1".to_owned());
        let changes = vec![
            Change::Set(Path::of("live").then("demo.1"), one()),
            Change::Remove(Path::of("due_at")),
            Change::Set(Path::of("status"), one()),
        ];
        let conds = vec![
            Cond::Absent(Path::of("live").then("demo.1")),
            Cond::Equals(Path::of("status"), one()),
            Cond::AbsentOrBelow(Path::of("due_at"), one()),
        ];
        let made = Expressions::of(&Write::update(key, changes, conds)).unwrap();
        insta::assert_snapshot!(made.update.clone().unwrap(), @"SET #n0.#n1 = :v0, #n3 = :v1 REMOVE #n2");
        insta::assert_snapshot!(
            made.condition.clone().unwrap(),
            @"attribute_not_exists(#n0.#n1) AND #n3 = :v2 AND (attribute_not_exists(#n2) OR #n2 < :v3)"
        );
        assert_eq!((made.names().unwrap().len(), made.values().unwrap().len()), (4, 4));
    }
}
