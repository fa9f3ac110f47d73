//! Rough estimate of the reference calculator: one level scaled in proportion.

/// Returns the GPUs for `users` if time were proportional to concurrency: the level carries
/// `concurrency × limit / observed` users on `gpu_count` GPUs (`limit` and `observed` in seconds).
///
/// `None` if the level is over the limit, or nothing was observed. The reference shows a rough
/// estimate for a level only if it meets *every* given target; that choice is the caller's.
pub fn rough_gpus(
    concurrency: u32,
    observed: f64,
    limit: f64,
    users: u64,
    gpu_count: u32,
) -> Option<f64> {
    if observed <= 0.0 || limit <= 0.0 || observed > limit {
        return None;
    }
    let carried = f64::from(concurrency) * (limit / observed);
    Some(users as f64 / carried * f64::from(gpu_count))
}
