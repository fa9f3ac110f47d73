//! Resources that stages need for themselves while they run, such as `cpu` or `rig(name)`.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::oneshot;

/// The resources of one run. A claim is granted as a whole or not at all, so two stages never wait for one another.
pub(crate) struct Resources {
    pool: Arc<Pool>,
}

/// Amounts of resources, by name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Claim {
    amounts: BTreeMap<String, usize>,
}

impl Claim {
    /// Adds an amount of a resource.
    pub fn and(mut self, name: &str, amount: usize) -> Self {
        self.amounts.insert(name.to_owned(), amount);
        self
    }
}

#[derive(Default)]
struct Pool {
    /// The amount of each resource that has more than one.
    amounts: BTreeMap<String, usize>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    taken: BTreeMap<String, usize>,
    /// Claims that are not granted yet: those of lower places first, and of one place the oldest.
    waiting: BTreeMap<(usize, u64), PendingClaim>,
    next: u64,
}

struct PendingClaim {
    claim: Claim,
    granted: oneshot::Sender<Lease>,
}

/// The right to use resources, given back when it is dropped.
pub(crate) struct Lease {
    pool: Arc<Pool>,
    claim: Claim,
}

impl Lease {
    /// The resources that it is for.
    pub fn claim(&self) -> &Claim {
        &self.claim
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        let mut state = self.pool.state();
        for (name, amount) in &self.claim.amounts {
            if let Some(taken) = state.taken.get_mut(name) {
                *taken = taken.saturating_sub(*amount);
            }
        }
        drop(state);
        self.pool.grant();
    }
}

impl Resources {
    /// Resources of which there is more than one; of every other there is one.
    pub fn of(amounts: &[(&str, usize)]) -> Self {
        let amounts = amounts.iter().map(|(name, amount)| ((*name).to_owned(), *amount)).collect();
        Self { pool: Arc::new(Pool { amounts, ..Pool::default() }) }
    }

    /// Waits until a claim can be granted. Nobody is granted what a claim of a lower place waits for. More than there
    /// is of a resource means all of it.
    pub async fn lease(&self, place: usize, mut claim: Claim) -> Lease {
        for (name, amount) in &mut claim.amounts {
            *amount = (*amount).min(self.pool.amount(name));
        }
        let (granted, lease) = oneshot::channel();
        {
            let mut state = self.pool.state();
            state.next += 1;
            let turn = (place, state.next);
            state.waiting.insert(turn, PendingClaim { claim: claim.clone(), granted });
        }
        self.pool.grant();
        match lease.await {
            Ok(lease) => lease,
            // Only the end of the pool closes the channel, and this is one of its holders.
            Err(_) => Lease { pool: Arc::clone(&self.pool), claim: Claim::default() },
        }
    }
}

impl Pool {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn amount(&self, name: &str) -> usize {
        self.amounts.get(name).copied().unwrap_or(1)
    }

    /// Grants whatever can be granted now.
    fn grant(self: &Arc<Self>) {
        let mut granted = Vec::new();
        {
            let mut state = self.state();
            let State { taken, waiting, .. } = &mut *state;
            // What one waits for, nobody behind it gets: else a large claim would wait for ever.
            let mut reserved = BTreeSet::new();
            let ready = waiting.extract_if(.., |_, PendingClaim { claim, .. }| {
                let is_free = |(name, amount): (&String, &usize)| {
                    let taken = taken.get(name).copied().unwrap_or(0);
                    !reserved.contains(name) && taken + amount <= self.amount(name)
                };
                let is_free = claim.amounts.iter().all(is_free);
                for (name, amount) in &claim.amounts {
                    if is_free {
                        *taken.entry(name.clone()).or_default() += amount;
                    } else {
                        reserved.insert(name.clone());
                    }
                }
                is_free
            });
            granted.extend(ready.map(|(_, waiting)| waiting));
        }
        for PendingClaim { claim, granted } in granted {
            // Whoever waits no more gives it back at once.
            drop(granted.send(Lease { pool: Arc::clone(self), claim }));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::FutureExt;

    fn cpu(amount: usize) -> Claim {
        Claim::default().and("cpu", amount)
    }

    #[test]
    fn what_is_taken_is_waited_for() {
        let resources = Resources::of(&[("cpu", 2)]);
        let one = resources.lease(0, cpu(1)).now_or_never().unwrap();
        let _two = resources.lease(1, cpu(1)).now_or_never().unwrap();
        let mut three = Box::pin(resources.lease(2, cpu(1)));
        assert!((&mut three).now_or_never().is_none());
        drop(one);
        assert!(three.now_or_never().is_some());
    }

    #[test]
    fn a_large_claim_is_not_passed_by_later_ones() {
        let resources = Resources::of(&[("cpu", 2)]);
        let one = resources.lease(0, cpu(1)).now_or_never().unwrap();
        let mut all = Box::pin(resources.lease(1, cpu(9)));
        assert!((&mut all).now_or_never().is_none());
        let mut later = Box::pin(resources.lease(2, cpu(1)));
        assert!((&mut later).now_or_never().is_none());
        // What is of an earlier place goes before it, and other resources are free.
        assert!(resources.lease(0, cpu(1)).now_or_never().is_some());
        let rig = Claim::default().and("rig(a)", 1);
        assert!(resources.lease(3, rig).now_or_never().is_some());
        drop(one);
        let all = all.now_or_never().unwrap();
        assert_eq!(*all.claim(), cpu(2));
        assert!((&mut later).now_or_never().is_none());
        drop(all);
        assert!(later.now_or_never().is_some());
    }

    #[test]
    fn whoever_no_longer_waits_takes_nothing() {
        let resources = Resources::of(&[]);
        let one = resources.lease(0, cpu(1)).now_or_never().unwrap();
        let mut two = Box::pin(resources.lease(1, cpu(1)));
        assert!((&mut two).now_or_never().is_none());
        drop(two);
        drop(one);
        assert!(resources.lease(2, cpu(1)).now_or_never().is_some());
    }
}
