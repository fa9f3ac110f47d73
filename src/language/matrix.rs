//! `matrix`: one spec for every combination of values.
//!
//! An axis is a key of the spec with a list of values, or a name of its own with a map of choices,
//! each of which sets several keys.

use super::error::SpecError;
use super::file_name::plain_file_name;
use super::tree::{Entry, Node, Value};

/// Most combinations; more are a slip, not a plan.
const MOST_BRANCHES: usize = 1_000;
/// Largest size of all combinations together, in MiB.
const MOST_MIB: usize = 128;

/// Longest label, in bytes, as the name of its folder: file systems allow 255, and temporary names are longer.
const LONGEST_LABEL: usize = 200;

/// One combination: its label (none without a matrix) and its tree.
pub(crate) struct Branch {
    pub label: Option<String>,
    pub tree: Node,
}

/// Returns all combinations, in the order in which the axes and their values are written.
pub(super) fn expand(mut tree: Node) -> Result<Vec<Branch>, SpecError> {
    let Some(matrix) = tree.take("matrix").filter(|matrix| matrix.value != Value::Null) else {
        return Ok(vec![Branch { label: None, tree }]);
    };
    let Value::Map(axes) = matrix.value else {
        let message = format!("matrix: expected a map of axes, found {}", matrix.kind());
        return Err(SpecError::at(&matrix.place, message)
            .help("write `matrix: {workflow.model: [small, large]}`"));
    };
    let mut branches = vec![Branch { label: None, tree }];
    for axis in &axes {
        let choices = choices(axis)?;
        if branches.len() * choices.len() > MOST_BRANCHES {
            let message = format!("the matrix has more than {MOST_BRANCHES} combinations");
            return Err(SpecError::at(&axis.place, message).help("measure fewer at a time"));
        }
        let together: usize = branches.iter().map(|it| it.tree.weight() * choices.len()).sum();
        if together > MOST_MIB << 20 {
            let message =
                format!("the specs of the matrix are larger than {MOST_MIB} MiB together");
            return Err(SpecError::at(&axis.place, message).help("measure fewer at a time"));
        }
        let mut combined = Vec::with_capacity(branches.len() * choices.len());
        for branch in &branches {
            for choice in &choices {
                let mut tree = branch.tree.clone();
                for (path, value) in &choice.sets {
                    let path: Vec<&str> = path.split('.').collect();
                    tree.set(&path, Node::clone(value))?;
                }
                let label = match &branch.label {
                    Some(label) => format!("{label},{}", choice.label),
                    None => choice.label.clone(),
                };
                combined.push(Branch { label: Some(label), tree });
            }
        }
        branches = combined;
    }
    // By the names of their folders: `a/b` and `a:b` would write over each other's reports.
    let mut labels: Vec<String> =
        branches.iter().filter_map(|it| Some(plain_file_name(it.label.as_ref()?))).collect();
    labels.sort();
    let twice = std::iter::zip(&labels, labels.iter().skip(1)).find(|(one, next)| one == next);
    if let Some((label, _)) = twice {
        let message = format!("two combinations of the matrix are called `{label}`");
        return Err(SpecError::at(&matrix.place, message).help("name the choices differently"));
    }
    if let Some(label) = labels.iter().find(|label| label.len() > LONGEST_LABEL) {
        let start = &label[..label.floor_char_boundary(60)];
        let message = format!(
            "the combination `{start}…` has a name of {} bytes, and its folder one of {LONGEST_LABEL} at the most",
            label.len()
        );
        return Err(SpecError::at(&matrix.place, message)
            .help("name the choices: `axis: {first: {key: value}, second: {key: value}}`"));
    }
    Ok(branches)
}

/// One value of an axis.
struct Choice<'a> {
    label: String,
    sets: Vec<(&'a str, &'a Node)>,
}

fn choices(axis: &Entry) -> Result<Vec<Choice<'_>>, SpecError> {
    let choices: Vec<Choice<'_>> = match &axis.node.value {
        Value::Seq(values) => values
            .iter()
            .map(|value| Ok(Choice { label: label(value)?, sets: vec![(&axis.key, value)] }))
            .collect::<Result<_, SpecError>>()?,
        Value::Map(named) => {
            named.iter().map(|entry| named_choice(axis, entry)).collect::<Result<_, _>>()?
        }
        _ => Vec::new(),
    };
    if choices.is_empty() {
        let message = format!("matrix.{}: expected values, found {}", axis.key, axis.node.kind());
        return Err(SpecError::at(&axis.node.place, message)
            .help("an axis is a list of values, or a map of named choices"));
    }
    Ok(choices)
}

fn named_choice<'a>(axis: &Entry, entry: &'a Entry) -> Result<Choice<'a>, SpecError> {
    let Value::Map(sets) = &entry.node.value else {
        let message = format!("matrix.{}.{}: expected a map of keys", axis.key, entry.key);
        return Err(SpecError::at(&entry.node.place, message)
            .help("write `h100: {test.gpu_count: 8, test.cost_per_gpu_hour: 4}`"));
    };
    let sets = sets.iter().map(|set| (set.key.as_str(), &set.node)).collect();
    Ok(Choice { label: entry.key.clone(), sets })
}

/// Returns a scalar as a label.
fn label(value: &Node) -> Result<String, SpecError> {
    value.scalar_text().ok_or_else(|| {
        SpecError::at(&value.place, format!("{} has no short name", value.kind()))
            .help("name the choices: `axis: {first: {key: value}, second: {key: value}}`")
    })
}
