//! Clients that mean harm, or are broken.

use crate::node::{Node, PATIENCE};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::time::{Duration, Instant};
use tungstenite::client::IntoClientRequest;
use tungstenite::http::HeaderValue;
use tungstenite::{Error, Message, WebSocket};

fn connect(node: &Node, headers: &[(&'static str, &str)]) -> Result<WebSocket<TcpStream>, Error> {
    let mut request = format!("ws://{}/ws", node.address).into_client_request()?;
    for (name, value) in headers {
        request.headers_mut().insert(*name, HeaderValue::from_str(value).unwrap());
    }
    let stream = TcpStream::connect(&node.address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    match tungstenite::client(request, stream) {
        Ok((socket, _)) => Ok(socket),
        Err(tungstenite::HandshakeError::Failure(error)) => Err(error),
        Err(error) => panic!("{error}"),
    }
}

fn refusal(outcome: Result<WebSocket<TcpStream>, Error>) -> u16 {
    match outcome {
        Err(Error::Http(answer)) => answer.status().as_u16(),
        other => panic!("not refused: {:?}", other.map(|_| ())),
    }
}

#[test]
fn strangers_are_refused_and_the_token_opens() {
    let folder = tempfile::tempdir().unwrap();
    let token = folder.path().join("token");
    std::fs::write(&token, "0123456789abcdef\n").unwrap();
    std::fs::set_permissions(&token, std::fs::Permissions::from_mode(0o600)).unwrap();
    let node = Node::start(&["--expose", token.to_str().unwrap()]);
    let protocol = "sec-websocket-protocol";
    let good = "uniultra.live.v1, uniultra.token.0123456789abcdef";
    assert_eq!(refusal(connect(&node, &[])), 401);
    assert_eq!(refusal(connect(&node, &[(protocol, "uniultra.token.0123456789abcdeF")])), 401);
    let origin = ("origin", "http://evil.example");
    assert_eq!(refusal(connect(&node, &[(protocol, good), origin])), 403);
    connect(&node, &[(protocol, good)]).unwrap();
    let own = format!("http://{}", node.address);
    connect(&node, &[(protocol, good), ("origin", &own)]).unwrap();

    assert_eq!(node.get("/").status, 200);
    assert_eq!(node.get("/api/state").status, 401);
    let head = |rest: &str| format!("GET /api/state HTTP/1.1\r\nHost: {}\r\n{rest}", node.address);
    assert_eq!(node.request(&head("Authorization: Bearer 0123456789abcdef\r\n"), "").status, 200);
    assert_eq!(node.request("GET / HTTP/1.1\r\nHost: evil.example\r\n", "").status, 421);
    for path in ["/../etc/passwd", "/%2e%2e/token", "/api/../../token", "//etc/passwd"] {
        // No such page, for who has the token; the others do not even learn that.
        assert_eq!(node.get(path).status, 401, "{path}");
    }
}

/// Each guess waits longer than the one before. A request without a token guesses nothing.
#[test]
fn wrong_tokens_are_slowed_down_and_counted() {
    let folder = tempfile::tempdir().unwrap();
    let token = folder.path().join("token");
    std::fs::write(&token, "0123456789abcdef\n").unwrap();
    std::fs::set_permissions(&token, std::fs::Permissions::from_mode(0o600)).unwrap();
    let node = Node::start(&["--expose", token.to_str().unwrap()]);
    let ask = |token: &str| {
        let head = format!("GET /metrics HTTP/1.1\r\nHost: {}\r\n", node.address);
        node.request(&format!("{head}Authorization: Bearer {token}\r\n"), "")
    };
    let start = Instant::now();
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| assert_eq!(ask("0123456789abcdeF").status, 401));
        }
    });
    // The eighth waited for a second.
    assert!(start.elapsed() >= Duration::from_secs(1), "{:?}", start.elapsed());
    let metrics = String::from_utf8(ask("0123456789abcdef").body).unwrap();
    assert!(metrics.contains("uniultra_wrong_tokens_total 8\n"), "{metrics}");
    assert_eq!(node.get("/api/state").status, 401);
    let metrics = String::from_utf8(ask("0123456789abcdef").body).unwrap();
    assert!(metrics.contains("uniultra_wrong_tokens_total 8\n"), "{metrics}");
}

/// A thousand messages that mean nothing: each is answered or ends its connection, and the node goes on.
#[test]
fn a_thousand_malformed_messages_change_nothing() {
    let node = Node::start(&[]);
    let mut seed = 1_u64;
    let mut random = move || {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (seed >> 33) as usize
    };
    let good =
        r#"{"id":1,"command":"point","object":null,"frame":1,"x":10.5,"y":20,"inside":true}"#;
    let mut sent = 0;
    while sent < 1000 {
        let mut socket = connect(&node, &[]).unwrap();
        for _ in 0..100 {
            sent += 1;
            let mut bytes = good.as_bytes()[..random() % good.len()].to_vec();
            for byte in &mut bytes {
                if random() % 20 == 0 {
                    *byte = random() as u8;
                }
            }
            let message = match random() % 4 {
                0 => Message::binary(bytes),
                1 => Message::text("x".repeat(random() % 9000)),
                _ => Message::text(String::from_utf8_lossy(&bytes).into_owned()),
            };
            if socket.send(message).is_err() {
                break;
            }
        }
    }
    let state = node.state();
    assert!(state["objects"].as_array().unwrap().is_empty(), "{state}");
    node.wait_for("the clients' end", |state| state["stats"]["clients"] == 0);
}

/// Connections that ask nothing are closed, so that they keep nobody out.
#[test]
fn idle_connections_end() {
    let node = Node::start(&[]);
    let idle: Vec<_> = (0..100).filter_map(|_| TcpStream::connect(&node.address).ok()).collect();
    let start = Instant::now();
    loop {
        let mut stream = TcpStream::connect(&node.address).unwrap();
        let request =
            format!("GET / HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n", node.address);
        let mut answer = String::new();
        // A refused connection ends with an error or with nothing.
        let _ =
            stream.write_all(request.as_bytes()).and_then(|()| stream.read_to_string(&mut answer));
        if answer.starts_with("HTTP/1.1 200") {
            break;
        }
        assert!(start.elapsed() < PATIENCE);
        std::thread::sleep(Duration::from_millis(100));
    }
    drop(idle);
}

/// Of four clients one reads nothing: it is dropped, and the others get frames all the while.
#[test]
fn a_stalled_client_is_dropped_and_the_others_are_not() {
    let node = Node::start(&[]);
    let stalled = connect(&node, &[]).unwrap();
    let mut others: Vec<_> = (0..3).map(|_| connect(&node, &[]).unwrap()).collect();
    let start = Instant::now();
    while node.state()["stats"]["clients_dropped"] == 0 {
        assert!(start.elapsed() < 2 * PATIENCE, "{}", node.state());
        for socket in &mut others {
            let bytes = loop {
                match socket.read().unwrap() {
                    Message::Binary(bytes) => break bytes,
                    Message::Ping(_) => {}
                    other => panic!("not a frame: {other:?}"),
                }
            };
            let length = u32::from_le_bytes(bytes[..4].try_into().unwrap()) as usize;
            let state: serde_json::Value = serde_json::from_slice(&bytes[4..4 + length]).unwrap();
            assert!(state["frame"].is_u64());
        }
    }
    drop(stalled);
    assert!(others.iter_mut().all(|socket| socket.read().is_ok()));
    std::thread::sleep(Duration::from_millis(100));
    assert_eq!(node.state()["stats"]["clients_dropped"], 1);
}
