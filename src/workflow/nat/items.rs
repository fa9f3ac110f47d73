//! Items of a dataset that the toolkit alone can read: of a type that is code, or on a storage that needs its keys.

use super::host::BOOT;
use super::toolkit::{Toolkit, missing};
use crate::measure::Failure;
use crate::measure::FailureKind::Spawn;
use crate::redact::Redactor;
use serde::Deserialize;
use serde_json::json;
use std::io::{self, Read, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

const PROGRAM: &str = include_str!("items.py");
/// Most bytes of items.
const LARGEST: u64 = 64 << 20;
/// Longest time that the toolkit may take to start and to read them.
const LONGEST: Duration = Duration::from_mins(2);

/// First line of what the program prints.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Reply {
    items: Option<u64>,
    error: Option<String>,
}

/// Reads the evaluation dataset of a configuration by the toolkit that is installed. Returns lines of JSON, each with
/// an `id` and a `question`.
pub fn dataset_items(config: &Path, python: Option<&Path>) -> Result<String, Failure> {
    let toolkit = Toolkit::find(python)?;
    let failed =
        |what: &str| Failure::new(Spawn, format!("the toolkit cannot read the dataset: {what}"));
    let mut command = Command::new(&toolkit.python);
    command.args(["-c", BOOT]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = command.spawn().map_err(|error| failed(&error.to_string()))?;
    let printed = printed_by(&mut child, config);
    let _ = child.kill();
    let _ = child.wait();
    let printed = printed.map_err(|error| match error.kind() {
        io::ErrorKind::TimedOut => failed(&format!("not within {} s", LONGEST.as_secs())),
        io::ErrorKind::FileTooLarge => failed(&format!("it has more than {} MiB", LARGEST >> 20)),
        _ => failed(&error.to_string()),
    })?;
    let (first, items) = printed.split_once('\n').unwrap_or((&printed, ""));
    let reply: Reply = serde_json::from_str(first).unwrap_or_else(|_| Reply::default());
    if let Some(error) = reply.error {
        let redactor = Redactor::of_process();
        redactor.add_environment();
        let error = redactor.text(error);
        let is_missing = error.starts_with("ModuleNotFoundError") && error.contains("'nat");
        return Err(if is_missing {
            missing(&format!("cannot read its dataset ({error})"))
        } else {
            failed(&error)
        });
    }
    match reply.items {
        Some(0) => Err(failed("it has no items")),
        Some(count) if items.lines().count() as u64 == count => Ok(items.to_owned()),
        _ => Err(failed("the program that reads it has ended before its last item")),
    }
}

/// Gives a process its order and returns all that it prints within the limits.
fn printed_by(child: &mut Child, config: &Path) -> io::Result<String> {
    let lost = || io::Error::other("the program that reads it has no pipes");
    let mut stdin = child.stdin.take().ok_or_else(lost)?;
    let stdout = child.stdout.take().ok_or_else(lost)?;
    let order = json!({ "config": std::path::absolute(config)? });
    let (send, receive) = mpsc::channel();
    std::thread::spawn(move || {
        let mut printed = String::new();
        let read = stdout.take(LARGEST + 1).read_to_string(&mut printed);
        // Whoever asked may have given up.
        let _ = send.send(read.map(|_| printed));
    });
    stdin.write_all(format!("{}\n{PROGRAM}{order}\n", PROGRAM.len()).as_bytes())?;
    let printed = receive.recv_timeout(LONGEST).map_err(|_| io::ErrorKind::TimedOut)??;
    // It lives as long as its input.
    drop(stdin);
    if printed.len() as u64 > LARGEST {
        Err(io::ErrorKind::FileTooLarge.into())
    } else {
        Ok(printed)
    }
}
