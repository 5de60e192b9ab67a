//! One virtual environment of Python for all judges, made once and kept under the target directory.
//!
//! A `requirements.txt` names each package with its version and the hashes of its wheels (`pin.py` writes it). The
//! environment's folder is named by the hash of that file, so a changed file makes a new environment, and an
//! environment that is there is used again without asking PyPI.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::thread;

use sha2::{Digest as _, Sha256};

/// The packages of the judges.
const REQUIREMENTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/requirements.txt");

/// Installs exactly what the file names: wheels with these hashes, and nothing that they ask for besides. Python
/// compiles what a judge imports when it is first imported: compiling everything takes longer than the rest.
const INSTALL: [&str; 10] = [
    "-m",
    "pip",
    "install",
    "--quiet",
    "--disable-pip-version-check",
    "--require-hashes",
    "--no-deps",
    "--only-binary=:all:",
    "--no-compile",
    "--requirement",
];

/// Why there is no interpreter with these packages.
#[derive(Debug, thiserror::Error)]
pub enum NoPython {
    /// Python itself is missing or lacks `venv`.
    #[error("Python 3 with venv is missing ({0}); install it: sudo apt-get install -y python3 python3-venv")]
    Missing(String),
    /// The packages did not install.
    #[error(
        "pip install -r {requirements} failed: {why}; the first time it needs https://pypi.org, and the pinned \
         wheels are for Python 3.11 to 3.13 on Linux"
    )]
    Packages {
        /// The file that names them.
        requirements: PathBuf,
        /// The last line that pip printed.
        why: String,
    },
    /// A file or folder could not be read or written.
    #[error("{path}: {why}")]
    File {
        /// The file or folder.
        path: PathBuf,
        /// Why not.
        why: io::Error,
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
        why: io::Error,
    },
    /// It objects; its own words.
    #[error("{script} {args}: {answer}\n{said}")]
    Objection {
        /// The script.
        script: PathBuf,
        /// Its arguments.
        args: String,
        /// What it printed.
        answer: String,
        /// What it printed as errors.
        said: String,
    },
}

/// Runs `script`, named from `tests` of this package, and returns what it prints once it agrees. The environment is
/// kept under `folder`. The script reads `stdin`. It gets no proxy and no variable of this process.
pub fn judge(folder: &Path, script: &str, args: &[&str], stdin: &str) -> Result<String, NoVerdict> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests").join(script);
    let mut command = Command::new(judges(folder)?);
    command.env_clear().env("NO_PROXY", "*").arg(&script).args(args);
    let output = fed(&mut command, stdin);
    let output = output.map_err(|why| NoVerdict::Start { script: script.clone(), why })?;
    let [answer, said] =
        [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    if output.status.success() {
        return Ok(answer);
    }
    Err(NoVerdict::Objection { script, args: args.join(" "), answer, said })
}

/// Runs it with this text as its standard input. A second thread writes the text, so that neither side waits for the
/// other however much both write.
fn fed(command: &mut Command, stdin: &str) -> io::Result<Output> {
    let pipes = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = pipes.spawn()?;
    let pipe = child.stdin.take();
    thread::scope(|scope| {
        // A judge that ends before it has read everything gives its reason by its exit code.
        scope.spawn(move || pipe.map(|mut pipe| pipe.write_all(stdin.as_bytes())));
        child.wait_with_output()
    })
}

/// The interpreter with the packages of the judges, in an environment under `folder`.
pub fn judges(folder: &Path) -> Result<PathBuf, NoPython> {
    interpreter(folder, Path::new(REQUIREMENTS))
}

/// The interpreter of an environment under `folder` with the packages of a `requirements.txt`. An environment that an
/// earlier call made is used again; of several processes one makes it and the others wait.
pub fn interpreter(folder: &Path, requirements: &Path) -> Result<PathBuf, NoPython> {
    let read = fs::read(requirements);
    let read = read.map_err(|why| NoPython::File { path: requirements.to_path_buf(), why })?;
    let name = format!("python-{}", short_hash(&read));
    let home = folder.join(&name);
    let (python, whole) = (home.join("bin/python"), home.join("whole"));
    let io = |why| NoPython::File { path: home.clone(), why };
    fs::create_dir_all(folder).map_err(io)?;
    let lock = File::create(folder.join(format!("{name}.lock"))).map_err(io)?;
    lock.lock().map_err(io)?;
    if whole.exists() {
        return Ok(python);
    }
    let made = said(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&home));
    made.map_err(NoPython::Missing)?;
    let installed = said(Command::new(&python).args(INSTALL).arg(requirements));
    installed.map_err(|why| NoPython::Packages { requirements: requirements.to_path_buf(), why })?;
    // Written last: an interrupted installation is begun again.
    File::create(&whole).map_err(io)?;
    Ok(python)
}

/// The first 64 bits of a SHA-256 in hexadecimal digits.
fn short_hash(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}

/// Runs it; a failure is the last line that it printed.
fn said(command: &mut Command) -> Result<(), String> {
    let output = command.output().map_err(|error| error.to_string())?;
    if output.status.success() {
        return Ok(());
    }
    let words = [output.stderr, output.stdout].map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    let last = words.iter().find_map(|text| text.trim().lines().last().map(str::to_owned));
    Err(last.unwrap_or_else(|| output.status.to_string()))
}
