//! The record of forced stages, written before any of them runs. If the run were stopped without it, the old
//! artifacts would pass for current ones.

use super::chosen::Chosen;
use super::context::Context;
use super::keys::{Found, Last, known_inputs, look_up};
use super::stage_id::StageId;
use super::{Pipeline, PipelineError, Reason, RunOptions};
use crate::store::{Digest, Owner};
use std::collections::{BTreeMap, BTreeSet};

impl Pipeline {
    /// Notes the keys of all stages that are forced, as far as they are known now. Of the others something
    /// that they need is not there or will be another; then they have to run anyway.
    pub(super) fn note_forced(
        &self,
        options: &RunOptions,
        owner: &Owner,
    ) -> Result<(), PipelineError> {
        let chosen = options.selection.choose(&self.graph, self.spec.branch());
        if options.offline || chosen.forced.is_empty() {
            return Ok(());
        }
        // What is there is looked for, whether or not it is owed already.
        let context = Context::at_rest(&self.spec, &self.graph).owned(owner).offline(true);
        let last = Last::of(&self.spec, &context.services.store);
        let mut known: BTreeMap<&StageId, Digest> = BTreeMap::new();
        let mut keys = BTreeSet::new();
        for (id, needs) in self.graph.stages().filter(|(id, _)| chosen.needed.contains(id)) {
            if needs.iter().any(|need| !known.contains_key(*need)) {
                continue;
            }
            let inputs = known_inputs(&needs, &known);
            if chosen.forced.contains(id) {
                keys.insert(look_up(&context, &last, id, &inputs, &chosen)?.key);
            }
            let there = look_up(&context, &last, id, &inputs, &Chosen::default())?;
            if let Found::Artifact(manifest) = there.found {
                known.insert(id, manifest.digest);
            }
        }
        Ok(context.services.store.owe(&keys)?)
    }

    /// Returns true if a remote dataset was to be downloaded again in a run that was stopped before it was.
    pub(super) fn owes_dataset(&self, last: &Last) -> Result<bool, PipelineError> {
        // One that lies on this machine is read by whoever needs it; to look at it here would be to read it twice.
        if self.spec.dataset.url().is_none() {
            return Ok(false);
        }
        let context = Context::at_rest(&self.spec, &self.graph);
        // One that was never downloaded is downloaded anyway.
        if context.files.dataset()?.digest.is_none() {
            return Ok(false);
        }
        let (inputs, chosen) = (BTreeMap::new(), Chosen::default());
        let expand = look_up(&context, last, &StageId::Expand, &inputs, &chosen)?;
        Ok(matches!(expand.found, Found::Nothing(Reason::Owed)))
    }
}
