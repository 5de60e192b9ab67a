//! A virtual environment of Python with pinned packages, made once and kept under the target directory.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

/// Why there is no interpreter with these packages.
#[derive(Debug, thiserror::Error)]
pub enum NoPython {
    /// Python itself is missing or lacks `venv`.
    #[error("Python 3 with venv is missing ({0}); install it: sudo apt-get install -y python3 python3-venv")]
    Missing(String),
    /// The packages did not install.
    #[error("pip install {pins} failed: {why}; the first time it needs https://pypi.org")]
    Packages {
        /// What was asked for.
        pins: String,
        /// The last line that pip said.
        why: String,
    },
    /// The folder could not be written.
    #[error("{folder}: {why}")]
    Folder {
        /// The folder.
        folder: PathBuf,
        /// Why not.
        why: std::io::Error,
    },
}

/// Why a judge did not agree.
#[derive(Debug, thiserror::Error)]
pub enum NoVerdict {
    /// There is nothing to run it with.
    #[error(transparent)]
    Python(#[from] NoPython),
    /// It did not start.
    #[error("{script} did not start: {why}")]
    Start {
        /// The script.
        script: PathBuf,
        /// Why not.
        why: std::io::Error,
    },
    /// It is not content; its own words.
    #[error("{what}: {answer}\n{said}")]
    Objection {
        /// Its first argument: what it was to judge.
        what: String,
        /// What it printed.
        answer: String,
        /// What it complained of.
        said: String,
    },
}

/// What `script` prints, once it agrees. It is named from `tests` of this package and runs with `pins`, in an
/// environment under `folder`. No proxy stands between it and this machine, and no key but those in `args` is told.
pub fn judge(folder: &Path, pins: &[&str], script: &str, args: &[&str]) -> Result<String, NoVerdict> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests").join(script);
    let mut command = Command::new(interpreter(folder, pins)?);
    command.env_clear().env("NO_PROXY", "*").arg("-B").arg(&script).args(args);
    let output = command.output().map_err(|why| NoVerdict::Start { script, why })?;
    let [answer, said] =
        [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    if output.status.success() {
        return Ok(answer);
    }
    Err(NoVerdict::Objection { what: args.first().copied().unwrap_or_default().to_owned(), answer, said })
}

/// The interpreter of an environment under `folder` that has `pins`, such as `ccxt==4.5.90`. What an earlier
/// call made is used again; calls of several processes wait for each other.
pub fn interpreter(folder: &Path, pins: &[&str]) -> Result<PathBuf, NoPython> {
    let name = format!("python-{}", pins.join("-").replace("==", "-"));
    let home = folder.join(&name);
    let (python, whole) = (home.join("bin/python"), home.join("whole"));
    let io = |why| NoPython::Folder { folder: home.clone(), why };
    fs::create_dir_all(folder).map_err(io)?;
    let lock = File::create(folder.join(format!("{name}.lock"))).map_err(io)?;
    lock.lock().map_err(io)?;
    if whole.exists() {
        return Ok(python);
    }
    let made = said(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&home));
    made.map_err(NoPython::Missing)?;
    let pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check"];
    let installed = said(Command::new(&python).args(pip).args(pins));
    installed.map_err(|why| NoPython::Packages { pins: pins.join(" "), why })?;
    // Written last: an interrupted installation is begun again.
    File::create(&whole).map_err(io)?;
    Ok(python)
}

/// Runs it; a failure in its own last line.
fn said(command: &mut Command) -> Result<(), String> {
    let output = command.output().map_err(|error| error.to_string())?;
    if output.status.success() {
        return Ok(());
    }
    let words = [output.stderr, output.stdout].map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    let last = words.iter().find_map(|text| text.trim().lines().last().map(str::to_owned));
    Err(last.unwrap_or_else(|| output.status.to_string()))
}
