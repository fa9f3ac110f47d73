//! CPU time of a process.

use crate::measure::CpuTime;
use rustix::process::Pid;

/// Returns the CPU time of a process so far, and the time for which its main thread waited for a core; `None` if
/// nothing tells.
#[cfg(target_os = "linux")]
pub(super) fn cpu_time(process: Pid) -> Option<CpuTime> {
    const USER_TICKS: usize = 11;
    let read = |name: &str| {
        std::fs::read_to_string(format!("/proc/{}/{name}", process.as_raw_nonzero())).ok()
    };
    let stat = read("stat")?;
    // The program's name, in brackets, may contain anything.
    let fields = stat.rsplit_once(')')?.1.split_whitespace();
    let ticks: Vec<f64> =
        fields.skip(USER_TICKS).take(2).filter_map(|it| it.parse().ok()).collect();
    let [user, system] = ticks.as_slice() else { return None };
    #[expect(clippy::cast_precision_loss, reason = "a hundred or so")]
    let used = (user + system) / rustix::param::clock_ticks_per_second() as f64;
    // Not every kernel counts it.
    let waited = read("schedstat").and_then(|it| it.split_whitespace().nth(1)?.parse::<f64>().ok());
    Some(CpuTime { used, waited: waited.unwrap_or(0.0) * 1e-9 })
}

/// On other systems nothing tells it without privileges.
#[cfg(not(target_os = "linux"))]
pub(super) fn cpu_time(_process: Pid) -> Option<CpuTime> {
    None
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn work_takes_time_and_a_process_that_is_gone_has_none() {
        let own = rustix::process::getpid();
        let before = cpu_time(own).unwrap().used;
        let mut sum = 0_u64;
        while cpu_time(own).unwrap().used < before + 0.05 {
            sum = (0..100_000).fold(sum, |sum, n| std::hint::black_box(sum ^ n));
        }
        assert_eq!(Pid::from_raw(i32::MAX).and_then(cpu_time), None);
    }
}
