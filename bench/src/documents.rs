//! A world's resources as `accredit apply` reads them.

use std::fmt::Write as _;

use crate::cast::{self, Cast};

/// Documents in one file at most. A file has a bound on its size; a folder of them is applied as one set.
pub(crate) const DOCUMENTS_PER_FILE: usize = 5_000;

/// The documents of a world, in files, each one a YAML stream. `key_sets` has one JWK set for each provider.
pub(crate) fn files(cast: Cast, key_sets: &[serde_json::Value]) -> Vec<String> {
    let mut documents = vec![project(), api(cast)];
    documents.extend(key_sets.iter().enumerate().map(|(number, keys)| provider(cast, number, keys)));
    documents.extend((0..cast.accounts()).map(service_account));
    documents.extend((0..cast.accounts()).map(grant));
    documents.extend((0..cast.mappings).map(|number| mapping(cast, number)));
    documents.chunks(DOCUMENTS_PER_FILE).map(|documents| documents.join("---\n")).collect()
}

/// The id of the provider with this number.
pub(crate) fn provider_id(number: usize) -> String {
    cast::id("idp", number)
}

/// The id of the service account with this number.
pub(crate) fn service_account_id(number: usize) -> String {
    cast::id("sa", number)
}

fn project() -> String {
    "kind: Project\nname: bench\nspec: {}\n".to_owned()
}

fn api(cast: Cast) -> String {
    let (audience, permission) = (cast::API_AUDIENCE, cast::PERMISSION);
    let signing = if cast.mints_rs256 { ", signing: RS256" } else { "" };
    format!("kind: API\nname: bench/work\nspec: {{audience: \"{audience}\", permissions: [{permission}]{signing}}}\n")
}

fn provider(cast: Cast, number: usize, keys: &serde_json::Value) -> String {
    let id = provider_id(number);
    let (name, issuer) = (cast.provider_name(number), cast.issuer(number));
    let kind = if cast.is_github() { "github" } else { "oidc" };
    let mut text = format!("kind: Provider\nname: {name}\nid: {id}\nspec:\n  type: {kind}\n  issuer: {issuer}\n");
    // Writing to a `String` cannot fail.
    let _ = writeln!(text, "  audiences: [\"{}\"]", cast::SUBJECT_AUDIENCE);
    let _ = writeln!(text, "  algorithms: [RS256, ES256]");
    // JSON is YAML.
    let _ = match cast.published_at {
        Some(_) => writeln!(text, "  keys: {{discovery: {{}}}}"),
        None => writeln!(text, "  keys: {{uploaded: {keys}}}"),
    };
    text
}

fn service_account(number: usize) -> String {
    format!(
        "kind: ServiceAccount\nname: bench/{}\nid: {}\nspec: {{}}\n",
        account_name(number),
        service_account_id(number)
    )
}

fn grant(number: usize) -> String {
    let (account, permission) = (account_name(number), cast::PERMISSION);
    format!(
        "kind: Grant\nname: bench/{account}\nspec: {{api: bench/work, permissions: [{permission}], to: bench/{account}}}\n"
    )
}

/// As one is written for a release job: the repository, its owner, the branch, and a condition on the runner.
fn mapping(cast: Cast, number: usize) -> String {
    let provider = cast.provider_name(cast.provider_of(number));
    let account = account_name(cast.account_of(number));
    // What an issuer of no known kind can be trusted not to reassign is the subject.
    let (anchor, value) =
        if cast.is_github() { ("repository_id", cast::repository_id(number)) } else { ("sub", cast::subject(number)) };
    let (owner, permission) = (cast::OWNER_ID, cast::PERMISSION);
    let replay = if cast.once { "  replay: once\n" } else { "" };
    format!(
        "kind: Mapping\n\
         name: bench/mapping-{number:06}\n\
         spec:\n  \
           provider: {provider}\n  \
           serviceAccount: bench/{account}\n  \
           match: {{{anchor}: \"{value}\", repository_owner_id: \"{owner}\", ref: refs/heads/main}}\n  \
           condition: assertion.runner_environment == \"github-hosted\"\n  \
           permissions: [{permission}]\n  \
           lifetime: 15m\n\
         {replay}"
    )
}

fn account_name(number: usize) -> String {
    format!("account-{number:05}")
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use accredit_core::model::{Compiled, Document, yaml};
    use accredit_core::plan::{Context, apply};
    use accredit_core::world::World;

    use super::*;
    use crate::issuer::Issuer;

    #[test]
    fn a_world_is_accepted_without_a_finding_and_every_mapping_is_found_by_a_claim() {
        let cores = crate::measure::cores().unwrap();
        for (mappings, providers) in [(150, 1), (10, 10)] {
            let cast = Cast::plain(mappings, providers);
            let issuers = Issuer::generate(providers, &cores).unwrap();
            let key_sets: Vec<_> = issuers.iter().map(|issuer| issuer.key_set().unwrap()).collect();
            let files = files(cast, &key_sets);
            let read = |file: &String| yaml::parse("bench.yaml", file).unwrap();
            let documents: Vec<Document> = files.iter().flat_map(read).map(|located| located.document).collect();
            let context = Context {
                public_url: "http://127.0.0.1:7070",
                reserved: &[],
                plain_http: false,
                now: accredit_id::time::Timestamp::from_unix(0),
            };
            let mut drawn = 0_u128;
            let mut random = || {
                drawn += 1;
                drawn.to_be_bytes()
            };
            let plan = apply(&World::default(), &documents, false, &context, &mut random).unwrap();
            // Uploaded keys age, and a hundred repositories share an account on purpose: no more is to be said.
            let meant = ["account-shared", "keys-uploaded"];
            let others: Vec<_> =
                plan.findings.iter().map(|found| found.rule.id).filter(|id| !meant.contains(id)).collect();
            assert_eq!(others, [""; 0]);
            let anchors = plan.puts.iter().filter_map(|resource| match &resource.compiled {
                Compiled::Mapping(mapping) => mapping.anchor,
                _ => None,
            });
            assert_eq!(anchors.count(), mappings);
        }
    }

    #[test]
    fn each_document_is_there_once_and_files_are_bounded() {
        for (mappings, providers, documents) in
            [(10, 1, 2 + 1 + 2 + 10), (10, 10, 2 + 10 + 2 + 10), (6_000, 2, 2 + 2 + 120 + 6_000)]
        {
            let cast = Cast::plain(mappings, providers);
            let files = files(cast, &vec![serde_json::json!({"keys": []}); providers]);
            let counts: Vec<_> = files.iter().map(|file| file.split("---\n").count()).collect();
            assert_eq!(counts.iter().sum::<usize>(), documents);
            assert!(counts.iter().all(|&count| count <= DOCUMENTS_PER_FILE));
            let text = files.join("---\n");
            let mut names: Vec<_> =
                text.split("---\n").map(|document| document.lines().take(2).collect::<String>()).collect();
            names.sort_unstable();
            names.dedup();
            assert_eq!(names.len(), documents, "two documents of one kind and name");
        }
    }

    #[test]
    fn a_mapping_reads_as_people_write_one() {
        assert_eq!(
            mapping(Cast::plain(10, 1), 3),
            r#"kind: Mapping
name: bench/mapping-000003
spec:
  provider: github
  serviceAccount: bench/account-00000
  match: {repository_id: "500000003", repository_owner_id: "70412", ref: refs/heads/main}
  condition: assertion.runner_environment == "github-hosted"
  permissions: [work.read]
  lifetime: 15m
"#
        );
    }
}
