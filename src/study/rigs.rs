//! Branches that load the same test rig, and so must never be measured at the same time.

use crate::spec::Spec;
use std::collections::BTreeSet;

/// The branches, by their position, of each test rig; in order of its first branch. Two branches
/// are on one rig if they give it the same name (`test.rig`) or ask the same server, and so are
/// two that are both on one rig with a third.
pub(super) fn by_rig<'a>(specs: impl Iterator<Item = &'a Spec>) -> Vec<Vec<usize>> {
    let mut rigs: Vec<(BTreeSet<String>, Vec<usize>)> = Vec::new();
    for (branch, spec) in specs.enumerate() {
        let mut names = names(spec);
        let mut branches = Vec::new();
        // What was apart until now can be one rig by this branch.
        rigs.retain_mut(|(known, members)| {
            let apart = known.is_disjoint(&names);
            if !apart {
                names.append(known);
                branches.append(members);
            }
            apart
        });
        branches.push(branch);
        rigs.push((names, branches));
    }
    let mut rigs: Vec<Vec<usize>> = rigs.into_iter().map(|(_, branches)| branches).collect();
    for branches in &mut rigs {
        branches.sort_unstable();
    }
    rigs.sort_unstable();
    rigs
}

/// All that tells one rig from another: the name that the spec gives it, and its server.
fn names(spec: &Spec) -> BTreeSet<String> {
    let asked = spec.workflow.addresses();
    let servers = asked.iter().map(|(_, address)| origin(address.public()));
    // All simulators of a process share its cores, and all programs those of this machine.
    let local = spec.workflow.resources();
    let named = spec.test.rig.iter().map(|rig| format!("rig {rig}"));
    named.chain(servers).chain(local.into_iter().map(str::to_owned)).collect()
}

/// Scheme, host and port: whatever lies behind two paths of one server shares its GPUs.
fn origin(address: &str) -> String {
    let host = address.find("://").map_or(0, |at| at + 3);
    let rest = address.get(host..).and_then(|rest| rest.find(['/', '?']));
    let origin = rest.and_then(|at| address.get(..host + at));
    origin.unwrap_or(address).to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::{Parts, SpecSet};
    use std::path::Path;

    fn rigs(matrix: &str) -> Vec<Vec<usize>> {
        let text = format!(
            "version: 1\nname: n\ndataset: {{path: d.json}}\nconcurrency: {{levels: [1]}}\n\
             workflow: {{type: openai, base_url: \"http://a/v1\", model: m}}\nmatrix:\n  x:\n{matrix}"
        );
        let (env, read) = (|_: &str| None, |_: &Path| Err(std::io::ErrorKind::NotFound.into()));
        let parts = Parts { project: None, profile: None, overrides: &[], env: &env, read: &read };
        let specs = SpecSet::parse(&text, Path::new("s.yml"), &parts).unwrap().into_specs();
        by_rig(specs.iter().map(|spec| &**spec))
    }

    #[test]
    fn one_server_is_one_rig_whatever_the_path() {
        let matrix = "    a: {workflow.base_url: http://h:1/v1}
    b: {workflow.base_url: http://h:2/v1}
    c: {workflow.base_url: http://H:1/v2}
";
        assert_eq!(rigs(matrix), [vec![0, 2], vec![1]]);
    }

    #[test]
    fn a_name_joins_servers() {
        let matrix = "    a: {workflow.base_url: http://h:1/v1, test.rig: r}
    b: {workflow.base_url: http://h:2/v1}
    c: {workflow.base_url: http://h:3/v1}
    d: {workflow.base_url: http://h:2/v1, test.rig: r}
";
        assert_eq!(rigs(matrix), [vec![0, 1, 3], vec![2]]);
    }
}
