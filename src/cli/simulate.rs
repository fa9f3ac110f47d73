//! `sizer simulate`.

use super::diagnose::{CliError, print, runtime};
use super::numbers::whole;
use super::signals::{cancel_on_signal, exit_code, is_interrupted};
use super::{Additions, End};
use crate::spec::{Override, Parts, ReadOptions, Spec, SpecSet, process_env};
use crate::study::CancellationToken;
use crate::workflow::simulator::{Simulator, SimulatorSpec};
use std::fs::File;
use std::path::PathBuf;
use std::sync::Arc;

/// Run the embedded LLM server on its own, on a loopback port, until Ctrl-C
///
/// It speaks the chat completions protocol on /v1/chat/completions and NeMo Agent Toolkit's
/// /generate/full, and counts requests on /metrics.
#[derive(clap::Args)]
pub(super) struct Args {
    /// The port to listen on; 0 takes any free one
    #[arg(long, default_value_t = 0, value_parser = whole::<u16>)]
    port: u16,
    /// A spec whose workflow is a simulator; without it, the defaults apply
    #[arg(long)]
    spec: Option<PathBuf>,
    /// Write what the server sees of each request to this file, as JSON lines
    #[arg(long, value_name = "FILE")]
    request_log: Option<PathBuf>,
    /// Change a key of the simulator, such as engine.replicas=2
    #[arg(long = "set", value_name = "KEY=VALUE")]
    set: Vec<String>,
}

/// Spec around the simulator's workflow, used if no spec is given.
const DEFAULTS: &str = "version: 1\nname: simulator\ndataset: {path: none.jsonl}\n\
                        workflow: {type: simulator}\nconcurrency: {levels: [1]}\n";

pub(super) fn run(args: &Args, additions: &Additions) -> Result<End, CliError> {
    let overrides: Vec<Override> = args
        .set
        .iter()
        .map(|text| Override::parse(&format!("workflow.{text}")))
        .collect::<Result<_, _>>()?;
    let spec = if let Some(path) = &args.spec {
        let extensions = Arc::clone(&additions.extensions);
        SpecSet::from_path_with(path, &ReadOptions { profile: None, overrides, extensions })?
            .single()?
    } else {
        let parts = Parts {
            project: None,
            profile: None,
            overrides: &overrides,
            env: &process_env,
            read: &|_| Err(std::io::ErrorKind::NotFound.into()),
        };
        Spec::parse(DEFAULTS, "defaults".as_ref(), &parts)?
    };
    let Some(simulator) = spec.workflow.of_kind::<SimulatorSpec>() else {
        let message = "the workflow is not a simulator";
        return Err(spec.error_at("workflow.type", message).help("write `type: simulator`").into());
    };
    let log = args.request_log.as_ref().map(|path| {
        let same = |spec: &PathBuf| Some(spec.canonicalize().ok()? == path.canonicalize().ok()?);
        let is_spec = args.spec.as_ref().is_some_and(|spec| same(spec) == Some(true));
        if is_spec {
            let error = std::io::Error::other("it is the spec");
            return Err(CliError::system(
                format!("{}: cannot write the log", path.display()),
                error,
            ));
        }
        File::create(path).map_err(|error| {
            CliError::system(format!("{}: cannot write the file", path.display()), error)
        })
    });
    let log = log.transpose()?;
    let runtime = runtime()?;
    let server = {
        let _inside = runtime.enter();
        Simulator::start(simulator, args.port, log).map_err(|error| {
            CliError::system(format!("cannot listen on 127.0.0.1:{}", args.port), error)
        })?
    };
    print(&format!("listening on http://{}\n", server.address()))?;
    let cancel = CancellationToken::new();
    runtime.block_on(async {
        cancel_on_signal(&cancel);
        cancel.cancelled().await;
    });
    print(&format!(
        "{} requests, at most {} in flight\n",
        server.requests(),
        server.highest_in_flight()
    ))?;
    // Ctrl-C is how it is meant to end.
    Ok(if is_interrupted() { End::Done } else { End::Signalled(exit_code()) })
}
