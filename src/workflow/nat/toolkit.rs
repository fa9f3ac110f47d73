//! The Python on this machine that has the toolkit.

use crate::measure::{Failure, FailureKind};
use std::ffi::OsStr;
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// Variable that names the Python to use.
const NAT_PYTHON: &str = "NAT_PYTHON";
/// Commands of the toolkit, the older last; the Python that they are installed for has it.
const COMMANDS: [&str; 2] = ["nat", "aiq"];
/// Prints the name and version of the installed distribution, or nothing.
const PROBE: &str = "import sys
sys.path[:] = [path for path in sys.path if path]
from importlib import metadata
for name in ('nvidia-nat-core', 'nvidia-nat', 'aiqtoolkit'):
    try:
        print(name, metadata.version(name))
        break
    except metadata.PackageNotFoundError:
        pass
";
/// What installs the toolkit.
const INSTALL: &str = "pip install \"nvidia-nat[eval,langchain]\"";

/// The toolkit as it is installed.
#[derive(Debug)]
pub(super) struct Toolkit {
    /// The Python that has it.
    pub python: PathBuf,
    /// Its distribution and version, such as `nvidia-nat-core 1.9.0`.
    pub version: String,
}

impl Toolkit {
    /// Finds the toolkit: of the Python that is named, or else of the environment in use.
    pub fn find(named: Option<&Path>) -> Result<Self, Failure> {
        let (candidates, origin) = candidates(named);
        let mut unusable = String::new();
        for python in candidates {
            match version_of(&python) {
                Ok(Some(version)) => return Ok(Self { python, version }),
                Ok(None) => {}
                Err(error) => unusable = format!(": it cannot be started ({error})"),
            }
        }
        Err(missing(&format!("was not found {origin}{unusable}")))
    }
}

/// Failure of a toolkit that is not there or not usable, with the remedy.
pub(super) fn missing(what: &str) -> Failure {
    Failure::new(
        FailureKind::NotInstalled,
        format!(
            "the toolkit that runs this configuration {what}: {INSTALL}, or name the Python that has it \
             (workflow.python, --nat-python or {NAT_PYTHON})"
        ),
    )
}

/// The Pythons to ask, and where they come from.
fn candidates(named: Option<&Path>) -> (Vec<PathBuf>, String) {
    if let Some(python) = named {
        return (vec![python.to_owned()], format!("in {}", python.display()));
    }
    let variable = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
    if let Some(python) = variable(NAT_PYTHON) {
        let origin = format!("in the Python of {NAT_PYTHON}");
        return (vec![python.into()], origin);
    }
    let active = variable("VIRTUAL_ENV").map(|folder| Path::new(&folder).join("bin/python"));
    let path = variable("PATH");
    let commands = COMMANDS.iter().filter_map(|name| on_path(path.as_deref()?, name));
    let found = active.into_iter().chain(commands.filter_map(|command| python_of(&command)));
    (
        found.collect(),
        "(neither in the virtual environment in use nor beside `nat` on the PATH)".to_owned(),
    )
}

fn on_path(path: &OsStr, name: &str) -> Option<PathBuf> {
    std::env::split_paths(path).map(|folder| folder.join(name)).find(|file| file.is_file())
}

/// Returns the Python that an installed command runs in: the one that its first line names, or the one beside it.
fn python_of(command: &Path) -> Option<PathBuf> {
    const LONGEST: u64 = 4096;
    let mut line = Vec::new();
    let file = std::fs::File::open(command).ok()?;
    BufReader::new(file.take(LONGEST)).read_until(b'\n', &mut line).ok()?;
    let first = std::str::from_utf8(&line).ok();
    let named = first.and_then(|line| line.strip_prefix("#!")).map(|it| PathBuf::from(it.trim()));
    let is_python = |path: &PathBuf| {
        let name = path.file_name().map(OsStr::to_string_lossy);
        name.is_some_and(|name| name.starts_with("python")) && path.is_file()
    };
    // A link leads to where it is installed, whose other files are beside the original.
    let home = command.canonicalize().ok();
    let beside = home.and_then(|home| Some(home.parent()?.join("python")));
    named.filter(is_python).or_else(|| beside.filter(is_python))
}

/// Returns the toolkit's version in a Python; `None` if it is not installed there, or the Python does not answer. Fails if
/// the program cannot be started.
fn version_of(python: &Path) -> io::Result<Option<String>> {
    const LONGEST: Duration = Duration::from_secs(20);
    const LOOK_AGAIN: Duration = Duration::from_millis(5);
    let mut command = Command::new(python);
    command.args(["-c", PROBE]).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut probe = command.spawn()?;
    let began = Instant::now();
    let status = loop {
        match probe.try_wait() {
            Ok(Some(status)) => break status,
            Ok(None) if began.elapsed() < LONGEST => std::thread::sleep(LOOK_AGAIN),
            _ => {
                let _ = probe.kill();
                break probe.wait()?;
            }
        }
    };
    let mut printed = String::new();
    if let Some(stdout) = probe.stdout.take() {
        stdout.take(256).read_to_string(&mut printed)?;
    }
    let version = printed.trim();
    Ok((status.success() && !version.is_empty()).then(|| version.to_owned()))
}
