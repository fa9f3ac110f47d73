//! Doubts about answers that something besides the LLM decides.

use super::TargetQuestion;
use crate::sizing::admission::AdmissionLimit;
use crate::sizing::grade::Doubt;

/// Factor from an answer within which a level is near it.
const NEAR: f64 = 2.0;

/// Returns the doubts about an answer at this load. A straight line goes through all levels, so each of them counts.
pub(super) fn of_other_limits(asked: &TargetQuestion<'_>, load: f64, by_line: bool) -> Vec<Doubt> {
    let near = |level: f64| by_line || (level <= NEAR * load && load <= NEAR * level);
    let limited = asked.levels.iter().filter(|level| level.host_limited());
    let mut limited = limited.map(|level| f64::from(level.concurrency)).filter(|it| near(*it));
    let admission = AdmissionLimit::of(asked.levels);
    let admission = admission.filter(|limit| limit.decides(load, by_line));
    let admission = admission.map(|limit| Doubt::Admission { admitted: limit.admitted });
    limited.next().map(Doubt::HostLimited).into_iter().chain(admission).collect()
}
