//! A configuration's workflow on this machine: host processes, and the runs dealt out among them.

use super::config::NatSpec;
use super::host::{BOOT, Host, HostOrder};
use super::host_count::HostCount;
use super::toolkit::Toolkit;
use crate::language::{Seconds, Vault};
use crate::measure::{CpuTime, Failure, FailureKind, HostHealth, Item, Outcome, Run};
use crate::workflow::local::Program;
use crate::workflow::{BoxFuture, Clock, ConnectError, ProgramSpec, Workflow};
use futures_util::future::join_all;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;
use tracing::debug;

/// Longest time until a host is ready, if the spec gives none: it imports hundreds of modules.
const READY_TIMEOUT: Seconds = Seconds::fixed(300.0);

/// Workflow that hosts on this machine run.
pub(super) struct Hosted {
    /// Order for each host, or the reason why there can be none.
    order: Result<HostOrder, Failure>,
    count: HostCount,
    hosts: Mutex<Vec<Arc<Host>>>,
    /// Number of hosts that have answered once.
    warm: AtomicUsize,
}

impl Hosted {
    /// Prepares a configuration; the hosts are started when the workflow is checked.
    pub fn new(
        spec: &NatSpec,
        config: &Path,
        base_dir: &Path,
        vault: &Vault<'_>,
    ) -> Result<Self, ConnectError> {
        let found = Toolkit::find(spec.named_python(base_dir).as_deref());
        let order = match found {
            Ok(toolkit) => Ok(order(&toolkit, spec, config, base_dir, vault)?),
            Err(failure) => Err(failure),
        };
        let count = spec.hosts.unwrap_or_default();
        Ok(Self { order, count, hosts: Mutex::default(), warm: AtomicUsize::new(0) })
    }

    fn hosts(&self) -> MutexGuard<'_, Vec<Arc<Host>>> {
        self.hosts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn all(&self) -> Vec<Arc<Host>> {
        self.hosts().clone()
    }

    /// Starts hosts until there are so many.
    async fn start(&self, count: usize) -> Result<(), Failure> {
        let order = self.order.as_ref().map_err(Clone::clone)?;
        let missing = count.saturating_sub(self.hosts().len());
        let started = join_all((0..missing).map(|_| order.start())).await;
        let mut failed = Ok(());
        for host in started {
            match host {
                Ok(host) => self.hosts().push(host),
                Err(failure) => failed = Err(failure),
            }
        }
        failed
    }

    async fn look(&self) -> Result<(), Failure> {
        if self.hosts().is_empty() {
            let count = match self.count {
                HostCount::Fixed(count) => count as usize,
                HostCount::Auto => 1,
            };
            self.start(count).await?;
        }
        let answers = join_all(self.all().iter().map(|host| host.check())).await;
        answers.into_iter().collect()
    }

    /// Lets every new host answer once: what it imports and connects to then belongs to no run.
    async fn warm_up(&self, item: &Item) {
        let hosts = self.all();
        let cold = self.warm.swap(hosts.len(), Ordering::Relaxed);
        join_all(hosts.iter().skip(cold).map(|host| host.run(item, Clock::start()))).await;
    }

    /// Adds hosts until none is busy all the time under the load of a level, as a wave of runs tells.
    async fn grow(&self, concurrency: u32, items: &[Item]) {
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let most = cores.min(concurrency as usize);
        let mut starved = 0;
        loop {
            let hosts = self.hosts().len();
            if hosts >= most {
                return;
            }
            let (began, before) = (Instant::now(), self.host_times());
            let wave = items.iter().cycle().take(concurrency as usize);
            join_all(wave.map(|item| self.run(item, Clock::start()))).await;
            let (elapsed, after) = (began.elapsed().as_secs_f64(), self.host_times());
            let health = before
                .zip(after)
                .and_then(|(before, after)| HostHealth::between(&before, &after, elapsed));
            let Some(health) = health.filter(|health| health.limits()) else { return };
            // A moment in which the machine had other things to do is no lack of cores.
            if health.is_starved() {
                starved += 1;
                if starved < STARVED_WAVES {
                    continue;
                }
                return;
            }
            debug!(
                "{hosts} hosts are busy all the time at concurrency {concurrency}: more are started"
            );
            if let Err(failure) = self.start((2 * hosts).min(most)).await {
                debug!("no more hosts: {failure}");
                return;
            }
            if let Some(item) = items.first() {
                self.warm_up(item).await;
            }
        }
    }
}

/// Waves of runs in a row in which hosts lack cores until more of them are no remedy.
const STARVED_WAVES: u32 = 2;

/// Builds the order for each host.
fn order(
    toolkit: &Toolkit,
    spec: &NatSpec,
    config: &Path,
    base_dir: &Path,
    vault: &Vault<'_>,
) -> Result<HostOrder, ConnectError> {
    debug!("{} by {}", toolkit.version, toolkit.python.display());
    let python = toolkit.python.to_string_lossy().into_owned();
    let run = [python, "-c".to_owned(), BOOT.to_owned()];
    let program = ProgramSpec { run: &run, ..spec.as_program() };
    let config = base_dir.join(config);
    Ok(HostOrder {
        program: Program::new(&program, base_dir, vault)?,
        // The hosts may run in another folder.
        config: std::path::absolute(&config).unwrap_or(config),
        ready_timeout: spec.ready_timeout.unwrap_or(READY_TIMEOUT).to_std(),
        timeout: spec.timeout,
        connection: spec.connection.clone(),
    })
}

impl Workflow for Hosted {
    fn check(&self) -> BoxFuture<'_, Result<(), Failure>> {
        Box::pin(self.look())
    }

    fn prepare<'a>(&'a self, concurrency: u32, items: &'a [Item]) -> BoxFuture<'a, ()> {
        Box::pin(async move {
            let Some(item) = items.first() else { return };
            self.warm_up(item).await;
            if self.count == HostCount::Auto {
                self.grow(concurrency, items).await;
            }
        })
    }

    fn run<'a>(&'a self, item: &'a Item, clock: Clock) -> BoxFuture<'a, Run> {
        Box::pin(async move {
            let idlest = self.hosts().iter().min_by_key(|host| host.in_flight()).cloned();
            if let Some(host) = idlest {
                return host.run(item, clock).await;
            }
            let (start, message) = (clock.now(), "no host of the workflow is running");
            let outcome = Outcome::Failed(Failure::new(FailureKind::Spawn, message));
            Run { id: item.id.clone(), start, end: start, outcome, ..Run::default() }
        })
    }

    fn host_times(&self) -> Option<Vec<CpuTime>> {
        self.all().iter().map(|host| host.cpu_time()).collect()
    }

    fn close(&self) -> BoxFuture<'_, ()> {
        Box::pin(async move {
            let hosts: Vec<Arc<Host>> = self.hosts().drain(..).collect();
            join_all(hosts.iter().map(|host| host.stop())).await;
            if let Ok(order) = &self.order {
                order.program.kill_strays();
            }
        })
    }
}
