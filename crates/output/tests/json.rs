//! JSON and NDJSON against the contract and the published schema.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a failed expectation is a failed test")]

mod common;

use common::{any_name, compared, named, named_peer, placed, printed, varied};
use proptest::prelude::*;
use serde_json::{Value, json};
use std::time::Duration;

use sockscope_model::{
    BindAttempt, BindError, BindErrorKind, EventKind, Frame, Occurrence, PortAnswer, PortQuestion, Protocol, Timestamp,
    Verdict,
};
use sockscope_output::{
    assert_json, change_json, change_schema, compare_json, compare_schema, snapshot_schema, why_json, why_schema,
};

/// What is published, by file.
fn published() -> [(&'static str, Value); 4] {
    [
        ("sockscope.snapshot-1.json", snapshot_schema()),
        ("sockscope.compare-1.json", compare_schema()),
        ("sockscope.why-1.json", why_schema()),
        ("sockscope.change-1.json", change_schema()),
    ]
}

fn document(frame: &Frame) -> Value {
    let text = printed(frame, |out, listing| sockscope_output::json(out, listing).unwrap());
    assert!(text.ends_with("}\n") && text.lines().count() == 1);
    serde_json::from_str(&text).unwrap()
}

/// The schema, but keys that it does not name are errors: what is printed must be published.
fn strict(mut schema: Value) -> jsonschema::Validator {
    fn close(schema: &mut Value) {
        match schema {
            Value::Object(object) => {
                if object.contains_key("properties") {
                    object.insert("additionalProperties".to_owned(), false.into());
                }
                object.values_mut().for_each(close);
            }
            Value::Array(array) => array.iter_mut().for_each(close),
            _ => {}
        }
    }
    close(&mut schema);
    jsonschema::options().should_validate_formats(true).build(&schema).unwrap()
}

fn check(frame: &Frame) -> Value {
    let document = document(frame);
    meets(&document, snapshot_schema());
    document
}

fn meets(document: &Value, schema: Value) {
    let errors: Vec<String> =
        strict(schema).iter_errors(document).map(|error| format!("{}: {error}", error.instance_path())).collect();
    assert!(errors.is_empty(), "{errors:#?}");
    no_empty_text(document, "");
}

/// Unknown is null. Only an argument can be empty and known.
fn no_empty_text(value: &Value, key: &str) {
    match value {
        Value::String(text) => assert!(!text.is_empty() || key == "command_line" || key == "message", "{key}"),
        Value::Array(values) => values.iter().for_each(|value| no_empty_text(value, key)),
        Value::Object(object) => object.iter().for_each(|(key, value)| no_empty_text(value, key)),
        _ => {}
    }
}

#[test]
fn the_committed_schemas_are_the_generated_ones() {
    for (name, generated) in published() {
        let path = format!("{}/../../docs/schema/{name}", env!("CARGO_MANIFEST_DIR"));
        if std::env::var_os("UPDATE").is_some() {
            std::fs::write(&path, serde_json::to_string_pretty(&generated).unwrap() + "\n").unwrap();
        }
        let committed = std::fs::read_to_string(&path).unwrap_or_default();
        let committed: Value = serde_json::from_str(&committed).unwrap_or_default();
        assert!(committed == generated, "docs/schema/{name} is not what the types say; run this test with UPDATE=1");
    }
}

#[test]
fn every_key_is_required_and_described() {
    fn walk(schema: &Value, path: &str) {
        let Value::Object(object) = schema else {
            if let Value::Array(array) = schema {
                array.iter().for_each(|schema| walk(schema, path));
            }
            return;
        };
        if let Some(Value::Object(properties)) = object.get("properties") {
            for (key, property) in properties {
                assert!(object["required"].as_array().unwrap().contains(&json!(key)), "{path}/{key} is not required");
                assert!(property.get("description").is_some(), "{path}/{key} has no description");
            }
        }
        object.iter().for_each(|(key, schema)| walk(schema, &format!("{path}/{key}")));
    }
    published().iter().for_each(|(name, schema)| walk(schema, name));
}

#[test]
fn the_contracts_example() {
    let mut frame = placed();
    // One database: its answer is `place`, and `places` is empty.
    frame.databases.truncate(1);
    std::sync::Arc::make_mut(&mut frame.places).values_mut().for_each(|places| *places = places[..1].into());
    let text = printed(&frame, |out, listing| sockscope_output::ndjson(out, listing).unwrap());
    let curl = text.lines().nth(3).unwrap();
    let expected = concat!(
        r#"{"protocol":"tcp","family":"ipv4","state":"established","#,
        r#""local":{"address":"10.0.0.5","port":44312,"scope":null},"#,
        r#""remote":{"address":"1.1.1.1","port":443,"scope":null,"name":null},"#,
        r#""owners":[{"pid":812,"started_at":"2026-11-22T07:00:00.123456Z","name":"curl","path":"/usr/bin/curl","#,
        r#""command_line":["curl","-s"],"user":"alice","fds":[5],"service":null,"container":null}],"no_owner":null,"#,
        r#""uid":1000,"user":"alice","inode":12345,"cookie":"4097","interface":null,"mark":0,"#,
        r#""namespace":{"id":4026531840,"name":null},"cgroup":"/user.slice","opened_at":"2026-11-22T07:58:30.123456Z","#,
        r#""queues":{"receive":0,"send":1448},"timer":{"kind":"retransmit","expires_us":204000,"retransmits":1},"#,
        r#""traffic":{"sent_bytes":1250000,"received_bytes":640,"rtt_us":12400,"rtt_variation_us":null,"min_rtt_us":null,"#,
        r#""retransmitted_segments":2,"lost_segments":null,"congestion_control":"cubic","congestion_window":10,"#,
        r#""segment_size":null,"send_rate_bps":9300000,"delivery_rate_bps":null,"last_sent_us":null,"#,
        r#""last_received_us":null},"exposure":null,"#,
        r#""place":{"country_code":"US","country":"United States","region":null,"city":null,"asn":null,"#,
        r#""organization":null,"text":"United States","database":"DB-IP Country Lite 2026-06","coordinates":null},"places":[]}"#,
    );
    assert_eq!(curl, expected);
}

#[test]
fn names_of_peers_are_in_the_document() {
    let document = check(&named_peer("one.one.one.one"));
    let sockets = document["sockets"].as_array().unwrap();
    assert_eq!(sockets[0]["remote"]["name"], "one.one.one.one");
    assert_eq!(sockets[1]["remote"]["name"], Value::Null, "nobody has answered yet");
}

#[test]
fn documents_meet_the_schema() {
    let document = check(&varied());
    assert_eq!(document["schema"], "sockscope.snapshot/1");
    assert_eq!(document["taken_at"], "2026-11-22T08:00:00.123456Z");
    assert_eq!(document["sources"][0]["churned"], 3);
    let sockets = document["sockets"].as_array().unwrap();
    assert_eq!(sockets.len(), 11);
    assert_eq!(sockets[0]["remote"], Value::Null);
    assert_eq!(sockets[0]["owners"].as_array().unwrap().len(), 9);
    assert_eq!(sockets[0]["exposure"], "any");
    assert_eq!(sockets[5]["local"], json!({"address": "fe80::1c2d:3eff:fe4f:5a6b", "port": 546, "scope": "eth0"}));
    assert_eq!((&sockets[5]["state"], &sockets[5]["interface"]), (&Value::Null, &json!("eth0")));
    assert_eq!((&sockets[6]["family"], &sockets[6]["local"]["address"]), (&json!("ipv6"), &json!("::ffff:10.0.0.5")));
    assert_eq!((&sockets[9]["owners"], &sockets[9]["no_owner"]), (&json!([]), &json!("time-wait")));
    assert_eq!(sockets[10]["state"], "unknown-77");

    let sockets = &check(&placed())["sockets"];
    assert_eq!(sockets[3]["place"], sockets[3]["places"][0]);
    assert_eq!(sockets[3]["places"].as_array().unwrap().len(), 2);
    let one = sockets.as_array().unwrap().iter().find(|it| it["remote"]["address"] == "9.9.9.9").unwrap();
    assert_eq!(one["places"], json!([one["place"]]), "only one of them knows it");
}

#[test]
fn ndjson_has_the_documents_sockets() {
    let frame = placed();
    let text = printed(&frame, |out, listing| sockscope_output::ndjson(out, listing).unwrap());
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(Value::Array(lines), document(&frame)["sockets"]);
    assert!(text.ends_with('\n'));
}

#[test]
fn windows_has_no_descriptors_and_names_scopes_by_index() {
    let mut frame = varied();
    let snapshot = std::sync::Arc::make_mut(&mut frame.snapshot);
    snapshot.os = "windows";
    snapshot.interfaces.clear();
    let document = check(&frame);
    assert_eq!(document["sockets"][0]["owners"][0]["fds"], Value::Null);
    assert_eq!(document["sockets"][5]["local"]["scope"], "2");
}

#[test]
fn assertions() {
    let frame = varied();
    let listing = sockscope_output::Listing { frame: &frame, rows: &[], version: "" };
    let mut out = Vec::new();
    assert_json(&mut out, &listing, false, 30_000_000).unwrap();
    assert_eq!(out, b"{\"matched\":false,\"sockets\":[],\"waited_us\":30000000}\n");
    let text = printed(&frame, |out, listing| assert_json(out, listing, true, 0).unwrap());
    assert_eq!(serde_json::from_str::<Value>(&text).unwrap()["sockets"], document(&frame)["sockets"]);
}

#[test]
fn comparisons_meet_the_schema() {
    let (comparison, frame) = compared();
    let text = printed(&frame, |out, listing| compare_json(out, &comparison, listing).unwrap());
    assert!(text.ends_with("}\n") && text.lines().count() == 1);
    let document: Value = serde_json::from_str(&text).unwrap();
    meets(&document, compare_schema());
    let expected = json!({"name": "bind_probe", "available": false, "reason": "it was not asked", "rows": null});
    assert_eq!(document["sources"][3], expected);
    assert_eq!((&document["unexplained"], &document["rounds"]), (&json!(2), &json!(10)));
    let first = &document["differences"][0];
    assert_eq!((&first["cause"], &first["missing_from"]), (&json!("unexplained"), &json!(["procfs"])));
    assert_eq!(first["socket"], self::document(&frame)["sockets"][0]);
    // What a filter leaves out is neither listed nor counted.
    let listing = sockscope_output::Listing { frame: &frame, rows: &[0, 2, 99], version: "" };
    let mut out = Vec::new();
    compare_json(&mut out, &comparison, &listing).unwrap();
    let document: Value = serde_json::from_slice(&out).unwrap();
    assert_eq!(document["differences"].as_array().unwrap().len(), 2);
    assert_eq!(document["unexplained"], 1);
}

#[test]
fn answers_meet_the_schema() {
    let frame = varied();
    let mut question = PortQuestion { protocol: Protocol::Tcp, port: 8080, address: None };
    for verdict in Verdict::ALL {
        let answer =
            PortAnswer { verdict, holders: vec![0], explanation: "It is\u{1b}so.".into(), advice: "Do this.".into() };
        let text = printed(&frame, |out, listing| why_json(out, &question, &answer, None, listing).unwrap());
        assert!(text.ends_with("}\n") && text.lines().count() == 1);
        let document: Value = serde_json::from_str(&text).unwrap();
        meets(&document, why_schema());
        assert_eq!((&document["verdict"], &document["address"]), (&json!(verdict.name()), &Value::Null));
        assert_eq!(document["holders"], self::document(&frame)["sockets"]);
        assert_eq!(document["probe"], Value::Null);
    }
    question.address = Some([127, 0, 0, 1].into());
    let error = BindError { kind: BindErrorKind::InUse, text: "in use".into() };
    let local = ([127, 0, 0, 1], 8080).into();
    let attempts =
        [(false, Some(error)), (true, None)].map(|(reuse_address, error)| BindAttempt { local, reuse_address, error });
    let answer = PortAnswer { verdict: Verdict::Held, holders: vec![], explanation: "x".into(), advice: "y".into() };
    let text = printed(&frame, |out, listing| why_json(out, &question, &answer, Some(&attempts), listing).unwrap());
    let document: Value = serde_json::from_str(&text).unwrap();
    meets(&document, why_schema());
    let expected = json!([
        {"address": "127.0.0.1", "reuse_address": false, "error": "in use"},
        {"address": "127.0.0.1", "reuse_address": true, "error": null},
    ]);
    assert_eq!((&document["probe"], &document["address"]), (&expected, &json!("127.0.0.1")));
}

#[test]
fn positions_behind_the_end_are_passed_over() {
    let frame = varied();
    let listing = sockscope_output::Listing { frame: &frame, rows: &[99, 0], version: "" };
    let mut out = Vec::new();
    sockscope_output::ndjson(&mut out, &listing).unwrap();
    assert_eq!(out.split(|byte| *byte == b'\n').count(), 2);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn any_name_comes_back(name in any_name()) {
        let document = check(&named(&name));
        let expected = if name.is_empty() { Value::Null } else { json!(name) };
        let socket = &document["sockets"][0];
        prop_assert_eq!(&socket["owners"][0]["name"], &expected);
        prop_assert_eq!(&socket["owners"][0]["command_line"][0], &json!(name));
        prop_assert_eq!(&socket["user"], &expected);
    }
}

#[test]
fn changes_are_as_published() {
    let frame = std::sync::Arc::new(varied());
    for (number, socket) in frame.snapshot.sockets.iter().enumerate() {
        for kind in EventKind::ALL {
            let occurrence = Occurrence {
                at: Timestamp::from_micros(1_700_000_000_000_000),
                kind,
                socket: Box::new(socket.clone()),
                frame: std::sync::Arc::clone(&frame),
                before: socket.state.filter(|_| kind != EventKind::Opened),
                lasted: (kind == EventKind::Closed).then_some(Duration::from_micros(1_500)),
                from_before: number % 2 == 0,
            };
            let mut out = Vec::new();
            change_json(&mut out, &occurrence).unwrap();
            assert_eq!(out.iter().filter(|byte| **byte == b'\n').count(), 1);
            let document: Value = serde_json::from_slice(&out).unwrap();
            meets(&document, change_schema());
            assert_eq!(document["change"], kind.name());
            assert_eq!(document["at"], "2023-11-14T22:13:20.000000Z");
            let before = match (kind, socket.state) {
                (EventKind::Opened, _) => Value::Null,
                (_, state) => json!({"state": state.map(|state| state.to_string())}),
            };
            assert_eq!(document["before"], before);
            let known = kind == EventKind::Closed && number % 2 == 1;
            assert_eq!(document["duration_us"], if known { json!(1_500) } else { Value::Null });
            assert_eq!(document["socket"], self::document(&frame)["sockets"][number]);
        }
    }
}
