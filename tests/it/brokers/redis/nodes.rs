//! Clusters, sentinels and TLS.

use super::*;
use crate::support::server;

/// Three nodes that share the slots of a cluster.
fn cluster() -> Option<Vec<Redis>> {
    let buses: Vec<u16> = (0..3).map(|_| server::free_port()).collect();
    let mut nodes = Vec::new();
    for bus in &buses {
        let bus = bus.to_string();
        let options = ["--cluster-enabled", "yes", "--cluster-port", &bus];
        nodes.push(Redis::start(&options)?);
    }
    let mut first = nodes[0].client();
    for (node, bus) in nodes.iter().zip(&buses).skip(1) {
        let address = [node.port.to_string(), bus.to_string()];
        first.must(&["CLUSTER", "MEET", "127.0.0.1", &address[0], &address[1]]);
    }
    for (node, slots) in nodes
        .iter()
        .zip([["0", "5460"], ["5461", "10922"], ["10923", "16383"]])
    {
        node.client()
            .must(&["CLUSTER", "ADDSLOTSRANGE", slots[0], slots[1]]);
    }
    for node in &nodes {
        let mut client = node.client();
        client.wait_until(&["CLUSTER", "INFO"], |info| {
            info.contains("cluster_state:ok") && info.contains("cluster_known_nodes:3")
        });
    }
    Some(nodes)
}

#[test]
fn every_node_of_a_cluster_leads_to_each_stream_and_channel() {
    let Some(nodes) = cluster() else { return };
    let sandbox = Sandbox::new();
    for (n, node) in nodes.iter().enumerate() {
        let address = |query: &str| format!("redis+cluster://127.0.0.1:{}/?{query}", node.port);
        // The three names are in slots of different nodes.
        for stream in ["a", "b", "c"] {
            let sent = send(
                &sandbox,
                &address(&format!("stream={stream}")),
                "{\"n\":1}",
                &[],
            );
            assert_eq!(sent["confirmed"], true);
            let count = (n + 1).to_string();
            let args = ["--start", "first", "--count", &count];
            let url = address(&format!("stream={stream}"));
            let records = finished(follow(&sandbox, &url, &args));
            assert_eq!(records.len(), n + 1);
        }
        let other = &nodes[(n + 1) % 3];
        let running = follow(&sandbox, &address("channel=c"), &["--count", "1"]);
        other.client().must(&["PUBLISH", "c", "1"]);
        assert_eq!(finished(running)[0]["data"], 1);
    }
    let url = format!("redis+cluster://127.0.0.1:{}/?stream=a,b", nodes[0].port);
    let output = sandbox.run(["tail", &url]).expect_exit(6);
    assert!(output.stderr.contains("one stream per command"), "{output}");
}

#[test]
fn a_stream_is_followed_while_its_slot_moves_to_another_node() {
    let Some(nodes) = cluster() else { return };
    let sandbox = Sandbox::new();
    let slot = nodes[0].client().must(&["CLUSTER", "KEYSLOT", "a"]);
    let owner = nodes
        .iter()
        .position(|node| !node.client().ask(&["XLEN", "a"]).starts_with('-'));
    let (from, to) = (&nodes[owner.unwrap()], &nodes[(owner.unwrap() + 1) % 3]);
    let url = format!("redis+cluster://127.0.0.1:{}/?stream=a", nodes[0].port);
    let mut running = follow(&sandbox, &url, &[]);
    from.client().must(&["XADD", "a", "*", "n", "1"]);
    running.wait_for_stdout("\"n\":\"1\"");
    let id = |node: &Redis| node.client().must(&["CLUSTER", "MYID"]);
    to.client()
        .must(&["CLUSTER", "SETSLOT", &slot, "IMPORTING", &id(from)]);
    from.client()
        .must(&["CLUSTER", "SETSLOT", &slot, "MIGRATING", &id(to)]);
    let port = to.port.to_string();
    from.client()
        .must(&["MIGRATE", "127.0.0.1", &port, "a", "0", "5000"]);
    // The blocked read ends, and the stream is at the other node while the slot is not.
    let mut importing = to.client();
    importing.must(&["ASKING"]);
    importing.must(&["XADD", "a", "*", "n", "2"]);
    running.wait_for_stdout("\"n\":\"2\"");
    for node in &nodes {
        node.client()
            .must(&["CLUSTER", "SETSLOT", &slot, "NODE", &id(to)]);
    }
    to.client().must(&["XADD", "a", "*", "n", "3"]);
    running.wait_for_stdout("\"n\":\"3\"");
    running.interrupt();
    let output = running.finish().expect_exit(0);
    assert!(!output.stderr.contains("\"gap\""), "{output}");
}

#[test]
fn sentinels_name_the_server() {
    let Some(primary) = Redis::start(&[]) else {
        return;
    };
    let Some(sentinel) = Redis::sentinel_of(primary.port) else {
        return;
    };
    let sandbox = Sandbox::new();
    let absent = crate::support::Absent::new();
    let hosts = format!("{},127.0.0.1:{}", absent.address(), sentinel.port);
    let url = format!("redis+sentinel://{hosts}/main?stream=s&db=2");
    assert_eq!(send(&sandbox, &url, "{\"n\":1}", &[])["confirmed"], true);
    let records = finished(follow(
        &sandbox,
        &url,
        &["--start", "first", "--count", "1"],
    ));
    assert_eq!(records[0]["data"], json!({ "n": 1 }));
    let mut client = primary.client();
    client.must(&["SELECT", "2"]);
    assert_eq!(client.must(&["XLEN", "s"]), "1");
    let url = format!(
        "redis+sentinel://127.0.0.1:{}/other?channel=a",
        sentinel.port
    );
    let output = sandbox.run(["tail", &url]).expect_exit(3);
    assert!(output.stderr.contains("`other`"), "{output}");
}

#[test]
fn tls_is_used_and_verified() {
    let rcgen::CertifiedKey { cert, signing_key } =
        rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let secure = server::free_port();
    let redis = Redis::with(|_, folder| {
        let file = |name: &str, text: String| {
            std::fs::write(folder.join(name), text).unwrap();
            folder.join(name).display().to_string()
        };
        let certificate = file("cert.pem", cert.pem());
        let key = file("key.pem", signing_key.serialize_pem());
        let options = [
            "--tls-port",
            &secure.to_string(),
            "--tls-cert-file",
            &certificate,
            "--tls-key-file",
            &key,
            "--tls-ca-cert-file",
            &certificate,
            "--tls-auth-clients",
            "no",
        ];
        options.map(str::to_owned).to_vec()
    });
    let Some(redis) = redis else { return };
    let sandbox = Sandbox::new();
    sandbox.write("ca.pem", cert.pem());
    let url = format!("rediss://localhost:{secure}/0?channel=a");
    let running = follow(&sandbox, &url, &["--ca", "ca.pem", "--count", "1"]);
    redis.client().must(&["PUBLISH", "a", "1"]);
    assert_eq!(finished(running)[0]["data"], 1);
    let output = sandbox.run(["tail", &url]).expect_exit(5);
    assert!(output.stderr.contains("tls_failed"), "{output}");
}
