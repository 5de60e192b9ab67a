//! What is run, and the environment that Lambda would give it.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use shared::time::Millis;
use tokio::process::Command;

use super::api::Limits;

/// Lambda's own bound on initialisation.
const INIT: Millis = Millis::from_secs(10);
/// Where everything pretends to be.
const REGION: &str = "us-east-1";

/// A function's binary and its configuration.
#[derive(Debug, Clone)]
pub struct Program {
    path: PathBuf,
    args: Vec<OsString>,
    env: BTreeMap<String, String>,
    name: String,
    memory_mib: u32,
    limits: Limits,
}

impl Program {
    /// The binary at `path`, named after its file, with 128 MiB and Lambda's default timeout of 3 s.
    pub fn new(path: impl Into<PathBuf>) -> Program {
        let path = path.into();
        Program {
            name: path.file_stem().unwrap_or_default().to_string_lossy().into_owned(),
            path,
            args: Vec::new(),
            env: BTreeMap::new(),
            memory_mib: 128,
            limits: Limits { init: INIT, timeout: Millis::from_secs(3) },
        }
    }

    /// With one more argument.
    pub fn arg(mut self, arg: impl Into<OsString>) -> Program {
        self.args.push(arg.into());
        self
    }

    /// With one more environment variable; it wins over those that Lambda sets.
    pub fn env(mut self, name: impl Into<String>, value: impl Into<String>) -> Program {
        self.env.insert(name.into(), value.into());
        self
    }

    /// Under another name.
    pub fn named(mut self, name: &str) -> Program {
        name.clone_into(&mut self.name);
        self
    }

    /// With a memory size; told to the function, not enforced.
    pub fn memory_mib(mut self, memory_mib: u32) -> Program {
        self.memory_mib = memory_mib;
        self
    }

    /// With a timeout of each invocation.
    pub fn timeout(mut self, timeout: Millis) -> Program {
        self.limits.timeout = timeout;
        self
    }

    /// With another bound on initialisation.
    pub fn init_timeout(mut self, init: Millis) -> Program {
        self.limits.init = init;
        self
    }

    /// The binary.
    pub fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn limits(&self) -> Limits {
        self.limits
    }

    pub(super) fn arn(&self) -> String {
        format!("arn:aws:lambda:{REGION}:000000000000:function:{}", self.name)
    }

    /// Ready to spawn: nothing of this process's environment is passed on.
    pub(super) fn command(&self, api: SocketAddr) -> Command {
        let mut command = Command::new(&self.path);
        command
            .args(&self.args)
            .env_clear()
            .envs(self.lambda_env(api))
            .envs(&self.env)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        command
    }

    fn lambda_env(&self, api: SocketAddr) -> BTreeMap<&'static str, String> {
        let log_group = format!("/aws/lambda/{}", self.name);
        BTreeMap::from([
            ("AWS_LAMBDA_RUNTIME_API", api.to_string()),
            ("AWS_LAMBDA_FUNCTION_NAME", self.name.clone()),
            ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", self.memory_mib.to_string()),
            ("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST".to_owned()),
            ("AWS_LAMBDA_INITIALIZATION_TYPE", "on-demand".to_owned()),
            ("AWS_LAMBDA_LOG_GROUP_NAME", log_group),
            ("AWS_LAMBDA_LOG_STREAM_NAME", "sim".to_owned()),
            ("AWS_REGION", REGION.to_owned()),
            ("AWS_DEFAULT_REGION", REGION.to_owned()),
            // Accepted by the embedded services; worth nothing anywhere else.
            ("AWS_ACCESS_KEY_ID", "sim".to_owned()),
            ("AWS_SECRET_ACCESS_KEY", "sim".to_owned()),
            ("AWS_SESSION_TOKEN", "sim".to_owned()),
            ("_HANDLER", "bootstrap".to_owned()),
            ("PATH", "/usr/local/bin:/usr/bin:/bin".to_owned()),
            ("LANG", "en_US.UTF-8".to_owned()),
            ("TZ", ":UTC".to_owned()),
        ])
    }
}
