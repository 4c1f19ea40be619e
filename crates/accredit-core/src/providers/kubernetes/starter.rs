//! Starter YAML for a Kubernetes cluster.

use super::super::starter::{Draft, Goal, Lookup, Starter, id, is_uuid, key_set};
use crate::model::Fault;

/// What `accredit init kubernetes` was told.
#[derive(Clone, Debug, Default)]
pub struct Told {
    /// The cluster's issuer, as its tokens have it.
    pub issuer: String,
    /// The cluster's key set (RFC 7517 section 5), where it cannot be fetched.
    pub jwks: Option<String>,
    /// The pods' namespace.
    pub namespace: String,
    /// Their service account.
    pub service_account: String,
    /// Its uid.
    pub service_account_uid: Option<String>,
    /// What every starter is told.
    pub goal: Goal,
}

impl Told {
    /// Writes the documents.
    ///
    /// # Errors
    /// What cannot be used as given, named by its flag.
    pub fn starter(&self) -> Result<Starter, Fault> {
        let Self { issuer, jwks, namespace, service_account, service_account_uid, goal } = self;
        name("--namespace", namespace)?;
        name("--service-account", service_account)?;
        let mut draft = Draft::new(&super::KUBERNETES, goal);
        draft.issuer(issuer);
        let is_everybodys = issuer.starts_with("https://kubernetes.default.svc");
        match jwks {
            Some(jwks) => draft.provider(&format!(
                "keys: {{uploaded: {}}}",
                key_set("--jwks", jwks)
                    .map_err(|fault| fault.hint("print it with `kubectl get --raw /openid/v1/jwks`"))?
            )),
            None if is_everybodys => {
                return Err(Fault::at("--jwks", format!("is missing: `{issuer}` cannot be reached from elsewhere"))
                    .hint("add --jwks <(kubectl get --raw /openid/v1/jwks)"));
            }
            None => {}
        }
        if is_everybodys {
            draft.provider("onlyNamed: true  # other clusters have the same issuer");
            draft.note("other clusters have this issuer too; callers name the provider that they mean");
        }
        let lookup =
            format!("kubectl -n {namespace} get serviceaccount {service_account} -o jsonpath='{{.metadata.uid}}'");
        let whole = format!("{namespace}/{service_account}");
        match service_account_uid {
            Some(uid) => {
                id("--service-account-uid", uid, "a UUID", is_uuid)?;
                draft.clause("sub", &format!("system:serviceaccount:{namespace}:{service_account}"));
                draft.clause("x.service_account_uid", uid);
            }
            None => {
                draft.by_name_only(&Lookup {
                    name: &whole,
                    claims: &["x.service_account_uid"],
                    flags: "--service-account-uid",
                    ask: &lookup,
                });
                draft.clause("sub", &format!("system:serviceaccount:{namespace}:{service_account}"));
            }
        }
        draft.finish((namespace, service_account), goal.name.as_deref().unwrap_or("pods"))
    }
}

/// A name of Kubernetes (RFC 1123 labels and subdomains).
fn name<'t>(flag: &str, text: &'t str) -> Result<&'t str, Fault> {
    let is_name = (1..=253).contains(&text.len())
        && text.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.'));
    match is_name {
        true => Ok(text),
        false => Err(Fault::at(flag, format!("`{}` is no name in Kubernetes", text.escape_debug()))),
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use super::*;

    /// F16: two clusters of one issuer are told apart by the provider that callers name.
    #[test]
    fn an_issuer_that_every_cluster_has_wants_keys_and_a_name() {
        let told = Told {
            issuer: "https://kubernetes.default.svc.cluster.local".into(),
            namespace: "ml".into(),
            service_account: "worker".into(),
            ..Told::default()
        };
        assert_eq!(told.starter().unwrap_err().field, "--jwks");
        let set = r#"{"keys":[{"kty":"EC","crv":"P-256","kid":"k1","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}]}"#;
        let starter = Told { jwks: Some(set.into()), ..told.clone() }.starter().unwrap();
        assert!(starter.yaml.contains("onlyNamed: true"), "{}", starter.yaml);
        let flag = |told: Told| told.starter().unwrap_err().field;
        assert_eq!(flag(Told { jwks: Some("keys".into()), ..told.clone() }), "--jwks");
        assert_eq!(flag(Told { namespace: "ml:worker".into(), ..told.clone() }), "--namespace");
        assert_eq!(flag(Told { service_account: "*".into(), ..told }), "--service-account");
    }
}
