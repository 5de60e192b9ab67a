//! The account from outside, through the real AWS CLI.

use std::process::Command;

use serde_json::Value;

use crate::account::{ACCOUNT, Account};
use crate::run::{Failed, run};
use crate::tools::Tools;

const MEND: &str = "it comes from PyPI with the test's other tools";

/// Who calls.
#[derive(Debug, Clone)]
pub struct Caller<'a> {
    tools: &'a Tools,
    account: &'a Account,
    keys: Option<Keys>,
}

#[derive(Debug, Clone)]
struct Keys {
    access: String,
    secret: String,
    token: String,
}

impl<'a> Caller<'a> {
    /// The owner of the account.
    pub const fn root(tools: &'a Tools, account: &'a Account) -> Caller<'a> {
        Caller { tools, account, keys: None }
    }

    /// The same machine with the permissions of a role.
    pub fn as_role(&self, role: &str) -> Result<Caller<'a>, Failed> {
        let arn = format!("arn:aws:iam::{ACCOUNT}:role/{role}");
        let answer =
            self.ask(&["sts", "assume-role", "--role-session-name", "looking", "--role-arn", &arn])?;
        let key = |name: &str| {
            let found = answer.get("Credentials").and_then(|keys| keys.get(name)).and_then(Value::as_str);
            found.unwrap_or_default().to_owned()
        };
        let keys =
            Keys { access: key("AccessKeyId"), secret: key("SecretAccessKey"), token: key("SessionToken") };
        Ok(Caller { keys: Some(keys), ..self.clone() })
    }

    /// Tells a program that this is AWS, and who calls.
    pub fn reach(&self, command: &mut Command) {
        self.account.reach(command);
        if let Some(keys) = &self.keys {
            command.env("AWS_ACCESS_KEY_ID", &keys.access).env("AWS_SECRET_ACCESS_KEY", &keys.secret);
            command.env("AWS_SESSION_TOKEN", &keys.token);
        }
    }

    /// What AWS answers; null where it has nothing to say.
    pub fn ask(&self, args: &[&str]) -> Result<Value, Failed> {
        let mut command = self.tools.program("aws");
        // Said on the command line too: version 1 asks SQS of us-east-1 at an address of its own otherwise.
        command.args(args).args(["--output", "json", "--endpoint-url", &self.account.endpoint]);
        self.reach(&mut command);
        let said = run(&format!("aws {}", args.join(" ")), MEND, &mut command)?;
        Ok(serde_json::from_str(&said).unwrap_or(Value::Null))
    }

    /// What AWS answers to a piece of a runbook that a person pastes into a shell, with these variables: JSON, or text.
    pub fn paste(&self, text: &str, variables: &[(&str, &str)]) -> Result<Value, Failed> {
        let mut command = self.tools.shell();
        command.args(["-euc", text]).env("AWS_DEFAULT_OUTPUT", "json").envs(variables.iter().copied());
        self.reach(&mut command);
        let said = run(text, MEND, &mut command)?;
        Ok(serde_json::from_str(&said).unwrap_or(Value::String(said)))
    }

    /// Whether AWS refuses this for lack of permission; any other failure is a failure.
    pub fn is_denied(&self, args: &[&str]) -> Result<bool, Failed> {
        match self.ask(args) {
            Ok(_) => Ok(false),
            Err(Failed::Ended { said, .. }) if said.contains("AccessDenied") => Ok(true),
            Err(error) => Err(error),
        }
    }
}
