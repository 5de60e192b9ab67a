//! The four SDK clients, each built from what it needs and nothing from the environment.
//!
//! Retries are off: whether a call may be repeated is the caller's decision. Signing takes its time from
//! the caller too, because in replayed time AWS lives in simulated time.

use std::fmt;
use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials;
use aws_smithy_async::time::{SharedTimeSource, TimeSource};
use aws_smithy_types::retry::RetryConfig;
use aws_smithy_types::timeout::TimeoutConfig;

use super::sdk_http::SdkHttp;
use crate::time::{Millis, Timestamp};
use crate::transport::SharedTransport;

/// Access keys; the secret parts are never printed.
#[derive(Clone)]
pub struct AwsKeys {
    /// Identifies the key.
    pub access_key: String,
    /// Signs requests.
    pub secret_key: String,
    /// Goes with temporary keys, such as a function's role.
    pub session_token: Option<String>,
}

impl fmt::Debug for AwsKeys {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("AwsKeys").field("access_key", &self.access_key).finish_non_exhaustive()
    }
}

/// What every client is built from.
#[derive(Debug, Clone)]
pub struct AwsConfig {
    /// Where the tables are, such as `us-east-1`.
    pub region: String,
    /// Somewhere other than AWS itself: an emulator.
    pub endpoint: Option<String>,
    /// Who calls; none where the AWS of this very process is called, which asks for no signature: it would
    /// prove nothing there.
    pub keys: Option<AwsKeys>,
    /// The time that one call may take.
    pub timeout: Millis,
    /// The time that requests are signed with; see [`time_source`].
    pub time: SharedTimeSource,
}

/// The SDK's view of a clock.
pub fn time_source(now: impl Fn() -> Timestamp + Send + Sync + 'static) -> SharedTimeSource {
    SharedTimeSource::new(Now(now))
}

/// A closure as a time source.
struct Now<F>(F);

impl<F> fmt::Debug for Now<F> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("Now")
    }
}

impl<F: Fn() -> Timestamp + Send + Sync> TimeSource for Now<F> {
    fn now(&self) -> SystemTime {
        let millis = u64::try_from((self.0)().as_millis()).unwrap_or_default();
        SystemTime::UNIX_EPOCH.checked_add(Duration::from_millis(millis)).unwrap_or(SystemTime::UNIX_EPOCH)
    }
}

impl AwsConfig {
    /// What a function's environment says of AWS, signed with the time of `time`.
    pub fn of(aws: &crate::environment::Aws, timeout: Millis, time: SharedTimeSource) -> AwsConfig {
        let keys = AwsKeys {
            access_key: aws.access_key.clone(),
            secret_key: aws.secret_key.expose().to_owned(),
            session_token: aws.session_token.as_ref().map(|token| token.expose().to_owned()),
        };
        let (region, endpoint) = (aws.region.clone(), aws.endpoint.clone());
        AwsConfig { region, endpoint, keys: Some(keys), timeout, time }
    }
    /// The keys as the SDK wants them.
    fn credentials(&self) -> Option<Credentials> {
        let AwsKeys { access_key, secret_key, session_token } = self.keys.clone()?;
        Some(Credentials::new(access_key, secret_key, session_token, None, "tradai"))
    }
}

/// What all four builders share. A macro, because each generated builder is a type of its own.
macro_rules! configured {
    ($sdk:ident, $config:expr, $transport:expr) => {{
        let builder = $sdk::config::Builder::new();
        let builder = match $config.credentials() {
            Some(credentials) => builder.credentials_provider(credentials),
            None => builder.allow_no_auth(),
        };
        builder
            .behavior_version($sdk::config::BehaviorVersion::latest())
            .region($sdk::config::Region::new($config.region.clone()))
            // The keys live as long as the process: nothing to cache, and the cache would need a sleep.
            .identity_cache($sdk::config::IdentityCache::no_cache())
            .http_client(SdkHttp::new($transport, $config.timeout))
            .retry_config(RetryConfig::disabled())
            .timeout_config(TimeoutConfig::disabled())
            .stalled_stream_protection($sdk::config::StalledStreamProtectionConfig::disabled())
            .time_source($config.time.clone())
    }};
}

/// A client of the tables.
pub fn dynamodb(config: &AwsConfig, transport: SharedTransport) -> aws_sdk_dynamodb::Client {
    let mut builder = configured!(aws_sdk_dynamodb, config, transport);
    builder.set_endpoint_url(config.endpoint.clone());
    aws_sdk_dynamodb::Client::from_conf(builder.build())
}

/// A client of the notification topic.
pub fn sns(config: &AwsConfig, transport: SharedTransport) -> aws_sdk_sns::Client {
    let mut builder = configured!(aws_sdk_sns, config, transport);
    builder.set_endpoint_url(config.endpoint.clone());
    aws_sdk_sns::Client::from_conf(builder.build())
}

/// A client of the metrics.
pub fn cloudwatch(config: &AwsConfig, transport: SharedTransport) -> aws_sdk_cloudwatch::Client {
    let mut builder = configured!(aws_sdk_cloudwatch, config, transport);
    builder.set_endpoint_url(config.endpoint.clone());
    // Bodies stay readable to the embedded AWS, and ours are far below the size where gzip pays.
    builder.set_disable_request_compression(Some(true));
    aws_sdk_cloudwatch::Client::from_conf(builder.build())
}

/// A client of the secrets.
pub fn secretsmanager(config: &AwsConfig, transport: SharedTransport) -> aws_sdk_secretsmanager::Client {
    let mut builder = configured!(aws_sdk_secretsmanager, config, transport);
    builder.set_endpoint_url(config.endpoint.clone());
    aws_sdk_secretsmanager::Client::from_conf(builder.build())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_secret_parts_of_keys_are_never_printed() {
        let keys = AwsKeys {
            access_key: "AKIA".to_owned(),
            secret_key: "hush".to_owned(),
            session_token: Some("hush too".to_owned()),
        };
        let config = AwsConfig {
            region: "us-east-1".to_owned(),
            endpoint: None,
            keys: Some(keys),
            timeout: Millis::from_secs(1),
            time: time_source(|| Timestamp::from_millis(1)),
        };
        let text = format!("{config:?} {:?}", config.credentials());
        assert!(text.contains("AKIA") && !text.contains("hush"), "{text}");
    }

    #[test]
    fn signing_takes_its_time_from_the_caller() {
        let time = time_source(|| Timestamp::from_millis(1_677_628_800_123));
        let since = time.now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
        assert_eq!(since, Duration::from_millis(1_677_628_800_123));
    }
}
