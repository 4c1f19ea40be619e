//! The admin API as each role meets it: the real router and store, with an actor put in as a listener does.

mod documents;
mod finishing;
mod keeping;
mod keys;
mod readers;
mod realms;
mod rights;
mod routes;
mod writing;

use std::sync::Arc;

use accredit_core::decide::access::Rights;
use accredit_core::model::{Id, Kind};
use axum::Extension;
use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Request, StatusCode};
use serde_json::{Value, json};

use super::actor::{Actor, Source};
use crate::app::App;
use crate::config::Config;

/// A server's inside, in a folder of its own.
pub(super) struct Stage {
    app: Arc<App>,
    _folder: tempfile::TempDir,
}

/// An answer.
#[derive(Debug)]
pub(super) struct Seen {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Value,
}

impl Stage {
    /// Two projects with a mapping each, and an administrator of every role.
    pub(super) async fn set() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let config = Config::demo("127.0.0.1:7070".parse().unwrap(), folder.path());
        let (app, _writer) = App::start(&config).await.unwrap();
        let stage = Self { app, _folder: folder };
        let admin = |name: &str, role: &str, project: Option<&str>| json!({"kind": "Administrator", "name": name, "spec": {"provider": "people", "match": {"sub": name}, "role": role, "project": project}});
        let mapping = |name: &str, account: &str| json!({"kind": "Mapping", "name": name, "spec": {"provider": "dex", "serviceAccount": account, "match": {"sub": name}}});
        let resources = json!([
            {"kind": "Project", "name": "ci"},
            {"kind": "Project", "name": "shop"},
            {"kind": "Provider", "name": "dex", "spec": {"type": "oidc", "issuer": "https://dex.example.org"}},
            {"kind": "Provider", "name": "people", "spec": {"type": "oidc", "issuer": "https://people.example.org"}},
            {"kind": "Provider", "name": "shop/dex", "spec": {"type": "oidc", "issuer": "https://shop.example.org"}},
            {"kind": "ServiceAccount", "name": "ci/web"},
            {"kind": "ServiceAccount", "name": "shop/web"},
            {"kind": "API", "name": "shop/api", "spec": {"audience": "https://shop.example.org", "permissions": ["read"]}},
            mapping("ci/web", "ci/web"),
            mapping("shop/web", "shop/web"),
            admin("olga", "owner", None),
            admin("oscar", "operator", None),
            admin("aude", "auditor", None),
            admin("paula", "project-admin", Some("ci")),
            admin("vera", "project-viewer", Some("ci")),
        ]);
        let applied = stage.local("POST", "/v1/apply", json!({"resources": resources})).await;
        assert_eq!(applied.status, 200, "{applied:?}");
        stage
    }

    /// Asks as the server's own user.
    pub(super) async fn local(&self, method: &str, path: &str, body: Value) -> Seen {
        self.ask(Actor::local(), method, path, body, &[]).await
    }

    /// Asks as an administrator of this name.
    pub(super) async fn by(&self, name: &str, method: &str, path: &str, body: Value) -> Seen {
        self.by_with(name, method, path, body, &[]).await
    }

    pub(super) async fn by_with(
        &self,
        name: &str,
        method: &str,
        path: &str,
        body: Value,
        headers: &[(&str, &str)],
    ) -> Seen {
        let in_force = self.app.read_model.now();
        let id = in_force.world.find(Kind::Administrator, name).map(|administrator| administrator.id);
        let rights = Rights::through(id, &in_force.world);
        self.ask(Actor { name: name.to_owned(), rights }, method, path, body, headers).await
    }

    /// The id of a resource.
    pub(super) fn id(&self, kind: Kind, name: &str) -> Id {
        self.app.read_model.now().world.find(kind, name).unwrap().id
    }

    async fn ask(&self, actor: Actor, method: &str, path: &str, body: Value, headers: &[(&str, &str)]) -> Seen {
        let source = Source(Some([192, 0, 2, 7].into()));
        let mut router = super::inside(Arc::clone(&self.app)).layer(Extension(actor)).layer(Extension(source));
        let mut request = Request::builder().method(method).uri(path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let body = match body {
            Value::Null => Body::empty(),
            body => {
                request = request.header("content-type", "application/json");
                Body::from(body.to_string())
            }
        };
        let response = tower_service::Service::call(&mut router, request.body(body).unwrap()).await.unwrap();
        let (parts, body) = response.into_parts();
        let bytes = to_bytes(body, usize::MAX).await.unwrap();
        let body = serde_json::from_slice(&bytes).unwrap_or_default();
        Seen { status: parts.status, headers: parts.headers, body }
    }
}
