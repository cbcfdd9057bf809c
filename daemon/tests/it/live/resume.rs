//! Streams that come back.

use serde_json::json;

use super::{Ears, flag, flip};
use crate::support::app::TestApp;
use crate::support::cluster;

#[tokio::test]
async fn what_the_feed_forgot_is_read_back_from_the_history() {
    let url = cluster::fresh_database().await;
    let app = TestApp::start_on(url, |c| c.live.ring_frames = 3).await;
    let made = flag(&app, "f").await;
    let mut last = made;
    for _ in 0..80 {
        last = flip(&app, "f").await;
    }
    for since in [json!(made), json!(format!("1.{made}"))] {
        let (mut ears, _) = Ears::on(&app, &["environment:staging"], since).await;
        for revision in made + 1..=last {
            let message = ears.hear("revision").await;
            assert_eq!(message["revision"], revision);
            assert_eq!(message["changes"].as_array().unwrap().len(), 1);
        }
        // And it goes on without a seam.
        last = flip(&app, "f").await;
        assert_eq!(ears.hear("revision").await["revision"], last);
    }
}

#[tokio::test]
async fn a_cursor_of_another_epoch_gets_the_whole_state_and_then_what_is_newer() {
    let app = TestApp::start().await;
    flag(&app, "f").await;
    let on = flip(&app, "f").await;
    let (mut ears, _) = Ears::on(&app, &["environment:staging", "audit"], json!("0.3")).await;
    let snapshot = ears.hear("snapshot").await;
    assert_eq!((&snapshot["revision"], &snapshot["position"]), (&json!(on), &json!(format!("1.{on}"))));
    let staging = &snapshot["environments"]["default/staging"];
    assert_eq!(staging["environment"]["key"], "staging");
    assert_eq!(staging["flags"][0]["key"], "f");
    let config = &staging["configs"][0];
    assert_eq!((&config["document"]["on"], &config["revision"]), (&json!(true), &json!(on)));
    assert_eq!(staging["segments"], json!([]));
    assert!(snapshot["environments"].get("default/production").is_none());
    let off = flip(&app, "f").await;
    assert_eq!(ears.hear("revision").await["revision"], off);
}

#[tokio::test]
async fn a_cursor_ahead_of_this_daemon_waits_for_it_or_takes_what_there_is() {
    let app = TestApp::start().await;
    let made = flag(&app, "f").await;
    let (mut early, _) = Ears::on(&app, &["audit"], json!(made + 1)).await;
    assert_eq!(flip(&app, "f").await, made + 1);
    assert_eq!(flip(&app, "f").await, made + 2);
    assert_eq!(early.hear("revision").await["revision"], made + 2);
    let (mut lost, _) = Ears::on(&app, &["audit"], json!(made + 1_000)).await;
    assert_eq!(lost.hear("snapshot").await["revision"], made + 2);
}

#[tokio::test]
async fn a_very_large_change_says_that_the_state_is_to_be_read_again() {
    let app = TestApp::start().await;
    let (mut ears, _) = Ears::on(&app, &["environment:staging"], json!(null)).await;
    let items: Vec<_> = (0..101)
        .map(|n| {
            let flag = shared::json::parse(&format!("{{\"key\":\"f{n}\",\"type\":\"boolean\"}}")).unwrap();
            let flag = shared::read::FromJson::from_json(&flag, "").unwrap();
            let project = shared::key::ProjectKey::default();
            let create = shared::change::Mutation::CreateFlag(project, Box::new(flag));
            flagstaffd::service::commit::Item::whole(create)
        })
        .collect();
    app.commit(&items).await;
    let message = ears.hear("revision").await;
    assert_eq!((&message["snapshot"], &message["changes"]), (&json!(true), &json!([])));
    let next = flip(&app, "f7").await;
    assert_eq!(ears.hear("revision").await["revision"], next);
}
