//! L23: a viewer of one project learns of another nothing, on any way that asks or tells.

use accredit_core::model::Kind;
use accredit_store::audit::{Content, Erasable, NewRecord};
use serde_json::{Value, json};

use super::Stage;

/// What one's own account was given is told with the name of the API that gives it; nothing else of the other project is.
fn shows_nothing(what: &str, body: &Value) {
    let text = body.to_string().replace("shop/api", "GIVEN");
    assert!(!text.contains("shop"), "{what} tells of another project: {text}");
}

/// A world in which the two projects touch each other wherever they can.
async fn stage() -> Stage {
    let stage = Stage::set().await;
    let resources = json!([
        {"kind": "Provider", "name": "ci/dex", "spec": {"type": "oidc", "issuer": "https://shop.example.org", "onlyNamed": true, "keys": {"jwksUrl": "https://ci.example.org/keys"}}},
        {"kind": "Provider", "name": "shop/dex", "spec": {"type": "oidc", "issuer": "https://shop.example.org", "onlyNamed": true}},
        {"kind": "Provider", "name": "shop/slash", "spec": {"type": "oidc", "issuer": "https://slash.example.org/"}},
        {"kind": "Grant", "name": "shop/to-ci", "spec": {"api": "shop/api", "permissions": ["read"], "to": "ci/web"}},
        {"kind": "Mapping", "name": "shop/near", "spec": {"provider": "dex", "serviceAccount": "shop/web", "match": {"sub": "ci/web"}}},
    ]);
    let applied = stage.local("POST", "/v1/apply", json!({"resources": resources})).await;
    assert_eq!(applied.status, 200, "{:?}", applied.body);
    stage
}

/// A decision in the log, as an exchange writes one down.
async fn decided(stage: &Stage, number: u8, account: &str) -> String {
    let world = &stage.app.read_model.now().world;
    let id = |kind, name: &str| world.find(kind, name).unwrap().id.to_string();
    let (at, sequence) = (crate::clock::now().unix(), world.sequence);
    let record = format!(
        r#"{{"event":"exchange-allowed","at":{at},"face":"oauth","sequence":{sequence},"provider":"dex","providerId":"{}","mapping":"{account}","mappingId":"{}","mappingRevision":1,"serviceAccount":"{account}","serviceAccountId":"{}","api":"api","scope":"read","expiresAt":4102444800}}"#,
        id(Kind::Provider, "dex"),
        id(Kind::Mapping, account),
        id(Kind::ServiceAccount, account),
    );
    let claims = json!({"claims": {"iss": "https://dex.example.org", "sub": account}}).to_string();
    let erasable = Some(Erasable { salt: crate::chance::bits(), bytes: claims.into_bytes() });
    let record = NewRecord { id: [number; 16], content: Content { bytes: record.into_bytes(), erasable } };
    stage.app.recorder.note(record).await.unwrap();
    accredit_core::model::DecisionId::new([number; 16]).to_string()
}

#[tokio::test]
async fn the_log_and_decisions_keep_to_their_project() {
    let stage = stage().await;
    let (own, foreign) = (decided(&stage, 1, "ci/web").await, decided(&stage, 2, "shop/web").await);
    for path in [format!("/v1/decisions/{own}"), format!("/v1/decision?id={own}"), format!("/v1/audit/{own}")] {
        let seen = stage.by("vera", "GET", &path, Value::Null).await;
        assert_eq!(seen.status, 200, "{path} {:?}", seen.body);
        shows_nothing(&path, &seen.body);
    }
    let absent = accredit_core::model::DecisionId::new([3; 16]).to_string();
    for path in ["/v1/decisions/{}", "/v1/decision?id={}", "/v1/audit/{}", "/v1/audit/record?id={}"] {
        let ask = async |who: &str, id: &str| {
            let seen = stage.by(who, "GET", &path.replace("{}", id), Value::Null).await;
            (seen.status.as_u16(), seen.body.to_string().replace(id, "ID"))
        };
        assert_eq!(ask("aude", &foreign).await.0, 200, "{path}");
        // What he may not know of is not told from what is not there.
        assert_eq!(ask("vera", &foreign).await, ask("vera", &absent).await, "{path}");
    }
    stage.local("PUT", "/v1/service-accounts/shop/web", json!({"spec": {"description": "x"}})).await;
    for filter in
        ["", "?service_account=shop/web", "?mapping=shop/web", "?event=exchange-allowed", "?event=resource-put"]
    {
        let path = format!("/v1/audit{filter}");
        let seen = stage.by("vera", "GET", &path, Value::Null).await;
        assert_eq!(seen.status, 200, "{path}");
        shows_nothing(&path, &seen.body);
    }
    let seen = stage.by("vera", "GET", "/v1/audit?event=exchange-allowed", Value::Null).await;
    assert_eq!(seen.body["records"].as_array().map(Vec::len), Some(1), "{:?}", seen.body);
}

#[tokio::test]
async fn the_linter_names_nothing_of_others() {
    let stage = stage().await;
    let rules = |body: &Value| -> Vec<String> {
        let findings = body["findings"].as_array().unwrap();
        findings.iter().map(|finding| format!("{} {}", finding["rule"], finding["name"])).collect()
    };
    let all = stage.by("aude", "GET", "/v1/lint", Value::Null).await.body;
    assert!(all.to_string().contains("`ci/dex` and `shop/dex`"), "{all}");
    let own = stage.by("vera", "GET", "/v1/lint", Value::Null).await.body;
    assert!(rules(&own).iter().any(|found| found.contains("issuer-twice")), "{own}");
    shows_nothing("lint", &own);
    // What a write of his is told is what lint tells.
    let provider = json!({"spec": {"type": "oidc", "issuer": "https://shop.example.org", "onlyNamed": true, "keys": {"jwksUrl": "https://ci.example.org/more"}}});
    let written = stage.by("paula", "PUT", "/v1/providers/ci/dex?dry_run=true", provider).await;
    assert_eq!(written.status, 200, "{:?}", written.body);
    let findings = json!({"findings": written.body["findings"]});
    assert!(rules(&findings).iter().any(|found| found.contains("issuer-twice")), "{findings}");
    assert!(!findings.to_string().contains("shop/dex"), "{findings}");
}

#[tokio::test]
async fn explanations_over_everything_rank_what_is_ones_own() {
    let stage = stage().await;
    let ask = async |who: &str, more: Value| {
        let mut body = json!({"claims": {"sub": "ci/web"}, "serviceAccount": "ci/web", "all": true});
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        stage.by(who, "POST", "/v1/explain", body).await
    };
    let all = ask("aude", json!({})).await;
    assert!(all.body["considered"].to_string().contains("shop/near"), "{:?}", all.body);
    let own = ask("vera", json!({})).await;
    assert_eq!((own.status.as_u16(), &own.body["ranked"]), (200, &json!(1)), "{:?}", own.body);
    shows_nothing("explain --all", &own.body);
    // An issuer of another project's provider, and one but for a slash, are like one that nobody has.
    let told = async |issuer: &str, provider: Option<&str>| {
        let more = json!({"claims": {"iss": issuer, "sub": "x"}, "provider": provider});
        let seen = ask("vera", more).await;
        let text = seen.body.to_string().replace(issuer, "ISSUER").replace(provider.unwrap_or("NAME"), "NAME");
        (seen.status.as_u16(), text)
    };
    let unknown = told("https://nobody.example.org", None).await;
    for issuer in ["https://slash.example.org/", "https://slash.example.org"] {
        let strip = |told: (u16, String)| (told.0, without_time(&told.1));
        assert_eq!(strip(told(issuer, None).await), strip(unknown.clone()), "{issuer}");
    }
    let (hidden, absent) =
        (told("https://a.example.org", Some("shop/dex")).await, told("https://a.example.org", Some("shop/no")).await);
    assert_eq!(hidden, absent);
}

/// A mapping that may be named is one's own; another's is refused like one that does not exist.
#[tokio::test]
async fn a_mapping_that_is_named_is_ones_own() {
    let stage = stage().await;
    let ask = async |who: &str, mapping: &str| {
        let body = json!({"claims": {"sub": "ci/web"}, "serviceAccount": "ci/web", "mapping": mapping});
        let seen = stage.by(who, "POST", "/v1/explain", body).await;
        (seen.status.as_u16(), without_time(&seen.body.to_string().replace(mapping, "NAME")))
    };
    assert_eq!(ask("aude", "shop/near").await.0, 200);
    assert_eq!(ask("vera", "ci/web").await.0, 200);
    let foreign = ask("vera", "shop/near").await;
    assert_eq!(foreign.0, 403, "{}", foreign.1);
    assert!(foreign.1.contains("mappings but those of its own project"), "{}", foreign.1);
    assert_eq!(foreign, ask("vera", "shop/none").await);
}

/// The moment of an explanation, and the record of a refused act, differ from one to the next.
fn without_time(text: &str) -> String {
    let mut told: Value = serde_json::from_str(text).unwrap();
    told["at"] = Value::Null;
    told["decision"] = Value::Null;
    told.to_string()
}

#[tokio::test]
async fn a_change_on_trial_tells_nothing_of_others() {
    let stage = stage().await;
    decided(&stage, 1, "ci/web").await;
    decided(&stage, 2, "shop/web").await;
    let change = |change: Value| json!({"change": change, "period": 86_400});
    let foreign = json!({"kind": "Mapping", "name": "shop/new", "spec": {"provider": "dex", "serviceAccount": "shop/nobody", "match": {"sub": "x"}}});
    let own = json!({"kind": "Mapping", "name": "ci/web", "spec": {"provider": "dex", "serviceAccount": "ci/web", "match": {"sub": "other"}}});
    let rows = [
        (json!({"apply": {"resources": [own]}}), 200),
        (json!({"apply": {"resources": [foreign]}}), 403),
        (json!({"apply": {"resources": [], "prune": true}}), 403),
        (json!({"apply": {"resources": [], "prune": true, "project": "shop"}}), 403),
        (json!({"delete": {"kind": "Mapping", "name": "ci/web"}}), 200),
        (json!({"disable": {"kind": "Mapping", "name": "shop/web"}}), 404),
        // What keeps it from going belongs to others as well.
        (json!({"delete": {"kind": "Provider", "name": "dex"}}), 422),
    ];
    for (body, expected) in rows {
        let seen = stage.by("vera", "POST", "/v1/replay", change(body.clone())).await;
        assert_eq!(seen.status.as_u16(), expected, "{body} {:?}", seen.body);
        let said: Vec<String> =
            body.to_string().split('"').filter(|word| word.contains("shop")).map(str::to_owned).collect();
        let own_words = said.iter().fold(seen.body.to_string(), |text, word| text.replace(word, "SAID"));
        shows_nothing(&body.to_string(), &json!(own_words));
        if expected == 200 {
            assert_eq!(seen.body["records"], 1, "{:?}", seen.body);
        }
    }
    // A prune of what one does not read names nothing of it, on a write either.
    for project in ["shop", "nowhere"] {
        let body = json!({"resources": [], "prune": true, "project": project, "dryRun": true});
        let seen = stage.by("paula", "POST", "/v1/apply", body).await;
        // The same words, whether there is such a project or not.
        let takes =
            "role `owner`, `operator`, `auditor`, `project-admin` of its project or `project-viewer` of its project";
        let expected = format!("`paula` may not read project `{project}`, which takes {takes}");
        assert_eq!((seen.status.as_u16(), &seen.body["detail"]), (403, &json!(expected)));
    }
}
