//! A stage as its operator reaches it: on AWS, or on the embedded AWS of `tradai paper --serve`. Region, endpoint
//! and keys come from the environment, by the names that the AWS CLI reads.

use std::sync::Arc;

use shared::aws::clients::{self, AwsConfig, AwsKeys, time_source};
use shared::aws::publish::AccountTopics;
use shared::aws::secrets::SecretsManager;
use shared::aws::tables::DynamoTables;
use shared::environment::Aws;
use shared::http_client::HttpClient;
use shared::ids::Env;
use shared::invoke::Functions;
use shared::lambda::SystemClock;
use shared::model::Servers;
use shared::secret::{ReadSecret, Secret, SecretError};
use shared::store::ReadTables;
use shared::tables::{EnvVar, Names, PREFIX};
use shared::time::Millis;
use shared::transport::SharedTransport;
use sim::clock::{Now, RealClock};

use crate::bad_input::BadInput;
use crate::not_done::NotDone;

/// The time that one call of AWS may take.
const TIMEOUT: Millis = Millis::from_secs(5);

/// The stage that a command is about.
#[derive(Debug, Clone, clap::Args)]
pub struct Which {
    /// The stage, such as dev, paper or live: what the names of its tables end in
    #[arg(long, value_name = "STAGE")]
    pub env: String,
}

/// What a person's command may touch of a stage.
#[derive(Debug, Clone)]
pub struct Stage {
    /// What everything of it is called.
    pub names: Names,
    /// Its tables.
    pub tables: DynamoTables,
    /// Its secrets.
    pub secrets: SecretsManager,
    /// Its functions.
    pub functions: Functions,
    /// The topics of its account.
    pub topics: AccountTopics,
}

impl Stage {
    /// The stage that `which` names, where `variable` says that AWS is.
    pub fn reach(which: &Which, variable: impl Fn(&str) -> Option<String>) -> Result<Stage, BadInput> {
        let env = Env::parse(&which.env).map_err(|why| BadInput::new(format!("--env: {why}")))?;
        let prefix = variable(EnvVar::Prefix.as_str()).unwrap_or_else(|| PREFIX.to_owned());
        let config = aws(variable)?;
        let http = HttpClient::new(Arc::new(SystemClock)).map_err(BadInput::new)?;
        let transport: SharedTransport = Arc::new(http);
        Ok(Stage::over(Names { prefix, env }, &config, &transport))
    }

    /// The stage of these names, as `config` says, through `transport`.
    pub fn over(names: Names, config: &AwsConfig, transport: &SharedTransport) -> Stage {
        Stage {
            tables: DynamoTables {
                client: clients::dynamodb(config, Arc::clone(transport)),
                names: names.clone(),
            },
            secrets: SecretsManager { client: clients::secretsmanager(config, Arc::clone(transport)) },
            functions: Functions::new(Arc::clone(transport), caller(config)),
            topics: AccountTopics { client: clients::sns(config, Arc::clone(transport)) },
            names,
        }
    }

    /// The model servers of the stage, as its stack wrote them.
    pub async fn servers(&self) -> Result<Servers, NotDone> {
        let item = self.tables.get(&[Servers::key()]).await?.pop().flatten();
        let servers = item.as_ref().map_or(Ok(Servers::NONE), Servers::decode);
        servers.map_err(|bad| NotDone::Refused(format!("the model servers of the stage are damaged: {bad}")))
    }

    /// The key that approvals are signed with.
    pub async fn approval_key(&self) -> Result<Secret, NotDone> {
        let name = self.names.approval_secret();
        match self.secrets.read(&name).await {
            Ok(credentials) => Ok(credentials.api_key().clone()),
            Err(error @ (SecretError::Missing { .. } | SecretError::Malformed { .. })) => {
                let mend = r#"put {"api_key":"…"} there, a long random text that no model sees"#;
                Err(BadInput::new(format!("{error}; {mend}")).into())
            }
            Err(error @ SecretError::Unavailable { .. }) => Err(NotDone::Refused(error.to_string())),
        }
    }
}

/// The same for requests of our own making.
fn caller(config: &AwsConfig) -> Aws {
    let keys = config.keys.clone();
    let key = |of: fn(AwsKeys) -> String| keys.clone().map(of).unwrap_or_default();
    Aws {
        region: config.region.clone(),
        endpoint: config.endpoint.clone(),
        access_key: key(|keys| keys.access_key),
        secret_key: Secret::new(key(|keys| keys.secret_key)),
        session_token: keys.and_then(|keys| keys.session_token).map(Secret::new),
    }
}

/// Where AWS is and who calls. Profiles are not read: the AWS CLI can turn one into variables.
fn aws(variable: impl Fn(&str) -> Option<String>) -> Result<AwsConfig, BadInput> {
    let given = |name: &str| variable(name).filter(|text| !text.is_empty());
    let region = given("AWS_REGION").or_else(|| given("AWS_DEFAULT_REGION"));
    let region =
        region.ok_or_else(|| BadInput::new("AWS_REGION is not set; export AWS_REGION=us-east-1, say"))?;
    let key = |name: &str| {
        given(name).ok_or_else(|| {
            let mend =
                r#"eval "$(aws configure export-credentials --format env)" turns a profile into variables"#;
            BadInput::new(format!("{name} is not set and profiles are not read; {mend}"))
        })
    };
    Ok(AwsConfig {
        region,
        endpoint: given("AWS_ENDPOINT_URL"),
        keys: Some(AwsKeys {
            access_key: key("AWS_ACCESS_KEY_ID")?,
            secret_key: key("AWS_SECRET_ACCESS_KEY")?,
            session_token: given("AWS_SESSION_TOKEN"),
        }),
        timeout: TIMEOUT,
        time: time_source(|| RealClock.now()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(given: &[(&str, &str)]) -> Result<AwsConfig, String> {
        let find = |name: &str| given.iter().find(|(known, _)| *known == name);
        aws(|name| find(name).map(|(_, value)| (*value).to_owned())).map_err(|line| line.to_string())
    }

    #[test]
    fn region_endpoint_and_keys_are_read_as_the_aws_cli_reads_them() {
        let keys = [("AWS_ACCESS_KEY_ID", "id"), ("AWS_SECRET_ACCESS_KEY", "hush")];
        let with = |more: &[(&str, &str)]| read(&[&keys[..], more].concat());
        let config = with(&[("AWS_DEFAULT_REGION", "eu-west-1"), ("AWS_ENDPOINT_URL", "")]).unwrap();
        assert_eq!((config.region.as_str(), config.endpoint), ("eu-west-1", None));
        let both = [("AWS_DEFAULT_REGION", "eu-west-1"), ("AWS_REGION", "us-east-2")];
        assert_eq!(with(&both).unwrap().region, "us-east-2");
        let url = [("AWS_REGION", "us-east-1"), ("AWS_ENDPOINT_URL", "http://127.0.0.1:1")];
        assert_eq!(with(&url).unwrap().endpoint.as_deref(), Some("http://127.0.0.1:1"));
        assert!(with(&[]).unwrap_err().starts_with("AWS_REGION is not set; export"));
        let without = read(&[("AWS_REGION", "us-east-1"), ("AWS_PROFILE", "ops")]).unwrap_err();
        assert!(
            without.starts_with("AWS_ACCESS_KEY_ID is not set and profiles are not read; eval"),
            "{without}"
        );
    }
}
