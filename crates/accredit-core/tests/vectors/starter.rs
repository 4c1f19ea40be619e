//! `vectors/providers/github/starter.toml`: what `accredit init github` prints, all of which can be applied as it is.

use accredit_core::model::yaml;
use accredit_core::providers::github::Starter;
use serde::Deserialize;

use crate::stage::{Stage, told};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    vector: Vec<Vector>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Vector {
    name: String,
    repository: String,
    repository_id: Option<String>,
    owner_id: Option<String>,
    refs: Vec<String>,
    api: String,
    permissions: Vec<String>,
    service_account: Option<String>,
    audience: Option<String>,
    issuer: Option<String>,
    yaml: String,
    /// The rules of the linter that find something.
    findings: Vec<String>,
}

#[test]
fn starters_are_as_written_and_can_be_applied() {
    let file: File = toml::from_str(&crate::text(&crate::repository("vectors/providers/github/starter.toml"))).unwrap();
    let failures: Vec<String> = file
        .vector
        .iter()
        .filter_map(|vector| judge(vector).err().map(|problem| format!("{}: {problem}", vector.name)))
        .collect();
    crate::settle(file.vector.len(), &failures);
}

fn judge(vector: &Vector) -> Result<(), String> {
    let Vector {
        name: _,
        repository,
        repository_id,
        owner_id,
        refs,
        api,
        permissions,
        service_account,
        audience,
        issuer,
        yaml,
        findings,
    } = vector;
    let starter = Starter {
        repository: repository.clone(),
        repository_id: repository_id.clone(),
        owner_id: owner_id.clone(),
        refs: refs.clone(),
        api: api.clone(),
        permissions: permissions.clone(),
        service_account: service_account.clone(),
        audience: audience.clone(),
        issuer: issuer.clone(),
    };
    let seen = starter.yaml().map_err(|fault| format!("{fault:?}"))?;
    if seen != *yaml {
        return Err(format!("starter is\n{seen}"));
    }
    let located = yaml::parse("starter.yaml", &seen).map_err(|faults| format!("{faults:?}"))?;
    let documents: Vec<_> = located.into_iter().map(|located| located.document).collect();
    let plan = Stage::empty(1).plan(&documents, false).map_err(|faults| told(&faults.0))?;
    let rules: Vec<&str> = plan.findings.iter().map(|found| found.rule.id).collect();
    if rules != findings.iter().map(String::as_str).collect::<Vec<_>>() {
        return Err(format!("linter finds {rules:?}"));
    }
    Ok(())
}
