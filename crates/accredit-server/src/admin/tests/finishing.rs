//! A change that was begun is finished and in force, though its client has gone away.

use std::time::Duration;

use accredit_core::model::Kind;
use serde_json::json;

use super::Stage;

/// What the store holds and what is in force cannot part where somebody hangs up, however far the change had come.
#[tokio::test]
async fn whoever_hangs_up_leaves_no_half_made_change() {
    let stage = Stage::set().await;
    for number in 0..20 {
        let name = format!("p{number}");
        let body = json!({"resources": [{"kind": "Project", "name": name}]});
        let change = stage.local("POST", "/v1/apply", body);
        // Polled at least once, then dropped.
        let _ = tokio::time::timeout(Duration::from_micros(number * 200), change).await;
        let is_in_force = || stage.app.read_model.now().world.find(Kind::Project, &name).is_some();
        let mut waited = 0;
        while !is_in_force() && waited < 500 {
            tokio::time::sleep(Duration::from_millis(10)).await;
            waited += 1;
        }
        assert!(is_in_force(), "{name} was begun and is not in force");
    }
    let head = stage.app.store.head().await.unwrap();
    assert_eq!(head.sequence, stage.app.read_model.now().world.sequence);
}
