//! What the test needs and the machine may lack: installed once, pinned, from PyPI and npm.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::run::{Failed, run};

/// The emulator, the packager with its linker, the AWS CLI.
const REQUIREMENTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/requirements.txt");

/// The line that installs Node.
pub const NODE: &str = "install Node 20 or newer with npm: https://nodejs.org";

/// Where everything is.
#[derive(Debug, Clone)]
pub struct Tools {
    /// The repository.
    pub root: PathBuf,
    /// The target directory.
    pub target: PathBuf,
    /// The folder of the programs from PyPI.
    pub bin: PathBuf,
}

impl Tools {
    /// Those of this repository, beside the folder that the test keeps its things in. `scratch` is what Cargo lets an
    /// integration test have, `CARGO_TARGET_TMPDIR`.
    pub fn here(scratch: &str) -> Result<(Tools, PathBuf), Failed> {
        let file = |what: &Path, why| Failed::File { what: what.display().to_string(), why };
        let target = Path::new(scratch).parent().unwrap_or(Path::new(scratch));
        let folder = target.join("deployed");
        fs::create_dir_all(&folder).map_err(|why| file(&folder, why))?;
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let root = root.canonicalize().map_err(|why| file(&root, why))?;
        Ok((Tools::install(&root, target, &folder)?, folder))
    }

    /// Installs what is not there yet. `folder` is a folder below the target directory.
    fn install(root: &Path, target: &Path, folder: &Path) -> Result<Tools, Failed> {
        let python = registries::python::interpreter(folder, Path::new(REQUIREMENTS))?;
        let bin = python.parent().unwrap_or(folder).to_path_buf();
        let tools = Tools { root: root.to_path_buf(), target: target.to_path_buf(), bin };
        tools.node_modules(folder)?;
        Ok(tools)
    }

    /// The app's packages, as its lock file says, unless they are there already.
    fn node_modules(&self, folder: &Path) -> Result<(), Failed> {
        let (wanted, have) =
            (self.app().join("package-lock.json"), folder.join("installed-package-lock.json"));
        let file = |what: &Path, why| Failed::File { what: what.display().to_string(), why };
        let lock = fs::read(&wanted).map_err(|why| file(&wanted, why))?;
        if self.app().join("node_modules").is_dir() && fs::read(&have).is_ok_and(|have| have == lock) {
            return Ok(());
        }
        run(
            "npm ci",
            NODE,
            Command::new("npm").args(["ci", "--no-audit", "--no-fund"]).current_dir(self.app()),
        )?;
        fs::write(&have, lock).map_err(|why| file(&have, why))
    }

    /// The CDK app.
    pub fn app(&self) -> PathBuf {
        self.root.join("infra/cdk")
    }

    /// A program from PyPI, which finds its companions.
    pub fn program(&self, name: &str) -> Command {
        self.with_path(Command::new(self.bin.join(name)))
    }

    /// A shell that finds these programs by their names.
    pub fn shell(&self) -> Command {
        self.with_path(Command::new("sh"))
    }

    /// A program that finds those of PyPI by their names.
    pub fn with_path(&self, mut command: Command) -> Command {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let mut folders = vec![self.bin.clone()];
        folders.extend(std::env::split_paths(&path));
        if let Ok(path) = std::env::join_paths(folders) {
            command.env("PATH", path);
        }
        command
    }
}
