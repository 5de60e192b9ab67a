//! The emulated account: one process of ministack with IAM evaluation on.

use std::fs::{self, File};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command};

use crate::run::Failed;
use crate::tools::Tools;
use crate::until::until;

/// The emulator's account.
pub const ACCOUNT: &str = "000000000000";
/// Its region.
pub const REGION: &str = "us-east-1";

/// A running account; it ends with this value.
#[derive(Debug)]
pub struct Account {
    process: Child,
    /// Where it answers.
    pub endpoint: String,
}

impl Account {
    /// An empty account. What the emulator says goes to `account.log` in `folder`.
    pub fn open(tools: &Tools, folder: &Path) -> Result<Account, Failed> {
        let file = |why| Failed::File { what: folder.display().to_string(), why };
        let scratch = folder.join("account");
        fs::remove_dir_all(&scratch).or_else(absent).map_err(file)?;
        fs::create_dir_all(&scratch).map_err(file)?;
        let log = File::create(folder.join("account.log")).map_err(file)?;
        let port = free_port().map_err(file)?;
        let mut command = tools.program("python");
        command.arg(tools.root.join("tests/deployed/account.py"));
        command.env("GATEWAY_PORT", port.to_string()).env("BIND_HOST", "127.0.0.1").env("AUTH", "true");
        command.env("MINISTACK_HOST", "127.0.0.1").env("MINISTACK_ACCOUNT_ID", ACCOUNT);
        command
            .env("LAMBDA_EXECUTOR", "local")
            .env("TMPDIR", &scratch)
            .env("STATE_DIR", scratch.join("state"));
        command.env("S3_DATA_DIR", scratch.join("s3"));
        command.stdout(log.try_clone().map_err(file)?).stderr(log);
        let process = command.spawn().map_err(file)?;
        let account = Account { process, endpoint: format!("http://127.0.0.1:{port}") };
        until("the emulator answers", 60, || {
            let answers = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_ok();
            Ok((answers, "no answer; see account.log".to_owned()))
        })?;
        Ok(account)
    }

    /// Tells a program that this is AWS, and who calls: the root of the account.
    pub fn reach(&self, command: &mut Command) {
        command.env("AWS_ENDPOINT_URL", &self.endpoint).env("AWS_ENDPOINT_URL_S3", &self.endpoint);
        command
            .env("AWS_ACCESS_KEY_ID", "test")
            .env("AWS_SECRET_ACCESS_KEY", "test")
            .env_remove("AWS_PROFILE");
        command.env("AWS_REGION", REGION).env("AWS_DEFAULT_REGION", REGION).env_remove("AWS_SESSION_TOKEN");
        command.env("AWS_PAGER", "").env("AWS_EC2_METADATA_DISABLED", "true");
    }
}

impl Drop for Account {
    /// Politely first: it ends the functions that it started.
    fn drop(&mut self) {
        let asked = Command::new("kill").arg(self.process.id().to_string()).status();
        if !asked.is_ok_and(|status| status.success()) {
            self.process.kill().ok();
        }
        self.process.wait().ok();
    }
}

fn absent(why: std::io::Error) -> std::io::Result<()> {
    if why.kind() == std::io::ErrorKind::NotFound { Ok(()) } else { Err(why) }
}

fn free_port() -> std::io::Result<u16> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port())
}
