//! Many flags at once.

use std::fmt::Write as _;

use serde_json::Value;

use super::taken;
use crate::support::app::TestApp;

/// How many; `benches/scale.rs` times the 5,000 of a large project.
const FLAGS: usize = 1_000;

fn export(variation: usize) -> String {
    let mut text = String::from("{\"flags\":{");
    for i in 0..FLAGS {
        let comma = if i == 0 { "" } else { "," };
        let waits = if i % 10 == 1 {
            format!(r#"[{{"key":"flag-{}","variation":0}}]"#, i - 1)
        } else {
            "[]".to_owned()
        };
        let _ = write!(
            text,
            r#"{comma}"flag-{i}":{{"key":"flag-{i}","version":{},"on":true,"salt":"s{i}","variations":["a{i}","b{variation}"],"fallthrough":{{"variation":{variation}}},"offVariation":0,"targets":[],"contextTargets":[],"rules":[],"prerequisites":{waits}}}"#,
            i + 1
        );
    }
    text.push_str("},\"segments\":{}}");
    text
}

#[tokio::test]
async fn a_thousand_flags_are_one_revision_each_way() {
    let app = TestApp::start().await;
    for (round, (environment, variation)) in
        [("staging", 1), ("production", 0), ("production", 1), ("staging", 1)].into_iter().enumerate()
    {
        let started = std::time::Instant::now();
        let body = taken(&app, &format!("environment={environment}"), &export(variation)).await;
        println!("round {round}: {:?}", started.elapsed());
        assert_eq!(body["totals"]["refused"], 0);
        assert_eq!(body["changed"], round < 3, "{}", body["totals"]);
    }
    let all: Value = app.get("/api/environments/staging/flags").await.json().await.unwrap();
    assert_eq!(all.as_object().unwrap().len(), FLAGS);
    assert_eq!(all["flag-999"]["value"], "b1");
}
