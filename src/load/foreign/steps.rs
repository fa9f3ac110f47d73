//! The steps of a row, as sizer's own lines have them.

use super::ForeignError;
use super::value::{Fields, unpacked};
use crate::measure::Step;
use serde_json::Value;

/// Steps of one run.
const MOST_STEPS: usize = 10_000;

pub(super) fn steps(fields: &Fields<'_>) -> Result<Vec<Step>, ForeignError> {
    let Some(value) = fields.get("steps") else { return Ok(Vec::new()) };
    let wrong = |message: &str| fields.wrong("steps", message);
    let unpacked = unpacked(value);
    let Value::Array(items) = unpacked.as_ref() else {
        return Err(wrong("steps are a list of {kind, name, start, end}"));
    };
    if items.len() > MOST_STEPS {
        let message = format!("{} steps, but a run has at most {MOST_STEPS}", items.len());
        return Err(wrong(&message));
    }
    let mut steps: Vec<Step> = Vec::with_capacity(items.len());
    for (index, item) in items.iter().enumerate() {
        let step = serde_json::from_value::<Step>(item.clone());
        let mut step = step.map_err(|error| wrong(&format!("step {index}: {error}")))?;
        if step.end < step.start || !step.start.is_finite() || !step.end.is_finite() {
            return Err(wrong(&format!("step {index} ends before it starts")));
        }
        step.name.truncate(step.name.floor_char_boundary(Step::LONGEST_NAME));
        steps.push(step);
    }
    Ok(steps)
}
