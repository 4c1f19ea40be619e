//! Compiling `AgentAttestation`, checked in its form.

use std::collections::BTreeSet;

use crate::model::{
    AgentAttestation, AgentAttestationSpec, AgentPolicy, AgentPolicySpec, Attestor, AttestorSpec, AttestorType, Fault,
    Faults,
};
use crate::nearest_name::nearest;

pub(super) fn compile(spec: &AgentAttestationSpec, at: &str) -> Result<AgentAttestation, Faults> {
    let at = format!("{at}.policies");
    let mut wrong = Faults::default();
    let mut names = BTreeSet::new();
    let policy = |(place, spec): (usize, &AgentPolicySpec)| {
        let at = format!("{at}[{place}]");
        if spec.name.is_empty() || spec.name.len() > 63 {
            wrong.push(Fault::at(format!("{at}.name"), "is no name, expected 1 to 63 bytes"));
        } else if !names.insert(spec.name.clone()) {
            let message = format!("`{}` stands there twice", spec.name.escape_debug());
            wrong.push(Fault::at(format!("{at}.name"), message));
        }
        let at = format!("{at}.requiredAttestors");
        if spec.required_attestors.is_empty() {
            let fault = Fault::at(&at, "is empty, so every node would join");
            wrong.push(fault.hint("add what a node must show"));
        }
        let required = |(place, spec): (usize, &AttestorSpec)| wrong.note(attestor(spec, &format!("{at}[{place}]")));
        let required = spec.required_attestors.iter().enumerate().filter_map(required).collect();
        AgentPolicy { name: spec.name.as_str().into(), required }
    };
    let policies = spec.policies.iter().enumerate().map(policy).collect();
    wrong.unless(AgentAttestation { policies })
}

fn attestor(spec: &AttestorSpec, at: &str) -> Result<Attestor, Fault> {
    let kind = AttestorType::named(&spec.kind).ok_or_else(|| {
        let names = AttestorType::ALL.iter().map(|kind| kind.name);
        let fault =
            Fault::at(format!("{at}.type"), format!("`{}` is not a type of attestor", spec.kind.escape_debug()));
        match nearest(&spec.kind, names.clone()) {
            Some(meant) => fault.hint(format!("did you mean `{meant}`?")),
            None => fault.hint(format!("types are {}", names.collect::<Vec<_>>().join(", "))),
        }
    })?;
    let config = spec.config.clone().unwrap_or_default();
    if let Some(missing) = kind.required.iter().find(|member| !config.contains_key(**member)) {
        return Err(Fault::at(format!("{at}.config"), format!("`{missing}` is missing, which `{}` needs", kind.name)));
    }
    let chosen = kind.one_of.iter().filter(|member| config.contains_key(**member)).count();
    if !kind.one_of.is_empty() && chosen != 1 {
        let message = format!("has {chosen} of {}, expected exactly one", kind.one_of.join(", "));
        return Err(Fault::at(format!("{at}.config"), message));
    }
    Ok(Attestor { kind, config })
}
