//! Time-outs, sizes and the number of connections.

use tokio::time::Instant;

use super::*;

#[tokio::test]
async fn a_head_that_drips_in_is_cut_at_its_limit() {
    let limits = Limits {
        header_read: short(200),
        ..Limits::default()
    };
    let server = Running::start(limits).await;
    let mut stream = server.connect().await;
    let start = Instant::now();
    let mut pace = tokio::time::interval(short(20));
    let mut answer = Vec::new();
    loop {
        tokio::select! {
            read = stream.read_buf(&mut answer) => {
                assert!(read.is_err() || answer.is_empty());
                break;
            }
            _ = pace.tick() => if stream.write_all(b"G").await.is_err() { break },
        }
    }
    let lasted = start.elapsed();
    assert!(lasted >= short(200) && lasted < short(2000), "{lasted:?}");
}

#[tokio::test]
async fn a_connection_without_a_word_is_cut_at_the_header_limit() {
    let limits = Limits {
        header_read: short(150),
        ..Limits::default()
    };
    let server = Running::start(limits).await;
    let start = Instant::now();
    assert_eq!(server.say("").await, "");
    let lasted = start.elapsed();
    assert!(lasted >= short(150) && lasted < short(2000), "{lasted:?}");
}

#[tokio::test]
async fn an_idle_connection_outlives_the_header_limit_and_ends_at_its_own() {
    let limits = Limits {
        header_read: short(50),
        idle: short(250),
        ..Limits::default()
    };
    let server = Running::start(limits).await;
    let mut stream = server.connect().await;
    stream.write_all(HELLO).await.unwrap();
    one_response(&mut stream, "hello").await;
    let start = Instant::now();
    assert_eq!(to_end(&mut stream).await, "");
    let lasted = start.elapsed();
    assert!(lasted >= short(240) && lasted < short(2000), "{lasted:?}");
}

#[tokio::test]
async fn a_handler_may_take_longer_than_any_limit_of_the_connection() {
    let limits = Limits {
        header_read: short(30),
        idle: short(30),
        ..Limits::default()
    };
    let server = Running::start(limits).await;
    let mut stream = server.connect().await;
    stream
        .write_all(b"GET /gated HTTP/1.1\r\nHost: a\r\n\r\n")
        .await
        .unwrap();
    within(server.entered.notified()).await;
    let nothing = tokio::time::timeout(short(150), stream.read_u8()).await;
    assert!(nothing.is_err());
    server.gate.notify_one();
    assert_eq!(status(&one_response(&mut stream, "through").await), "200");
}

#[tokio::test]
async fn a_body_that_does_not_come_is_answered_408() {
    let limits = Limits {
        body_read: short(150),
        ..Limits::default()
    };
    let server = Running::start(limits).await;
    for framing in [
        "Content-Length: 10\r\n\r\nabc",
        "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n",
    ] {
        let start = Instant::now();
        let answer = server
            .say(format!("POST /echo HTTP/1.1\r\nHost: a\r\n{framing}"))
            .await;
        assert_eq!(status(&answer), "408", "{answer}");
        assert!(answer.contains("connection: close"), "{answer}");
        assert!(start.elapsed() >= short(150));
    }
}

#[tokio::test]
async fn a_client_that_takes_nothing_is_cut() {
    let limits = Limits {
        write_blocked: short(150),
        ..Limits::default()
    };
    let server = Running::start(limits).await;
    let mut stream = server.connect().await;
    stream
        .write_all(b"GET /large HTTP/1.1\r\nHost: a\r\n\r\n")
        .await
        .unwrap();
    // Only the listener's own limit can end this: nothing is read, and the drain would wait long.
    let drained = server.stop().await;
    assert_eq!(drained, Drained { cut_off: 0 });
    assert!(to_end(&mut stream).await.len() < LARGE);
}

#[tokio::test]
async fn a_head_beyond_its_size_is_answered_431() {
    let server = Running::start(Limits::default()).await;
    let with = |bytes: usize| {
        format!(
            "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nX: {}\r\n\r\n",
            "x".repeat(bytes)
        )
    };
    assert_eq!(status(&server.say(with(30 * 1024)).await), "200");
    assert_eq!(status(&server.say(with(33 * 1024)).await), "431");
    assert_eq!(status(&server.say(with(2 * 1024 * 1024)).await), "431");
    let many = format!(
        "GET / HTTP/1.1\r\nHost: a\r\n{}\r\n",
        "A: b\r\n".repeat(200)
    );
    assert_eq!(status(&server.say(many).await), "431");
}

#[tokio::test]
async fn a_target_beyond_its_length_is_answered_414() {
    let server = Running::start(Limits::default()).await;
    let with = |bytes: usize| {
        format!(
            "GET /?{} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
            "x".repeat(bytes - 2)
        )
    };
    assert_eq!(status(&server.say(with(8 * 1024)).await), "200");
    assert_eq!(status(&server.say(with(8 * 1024 + 1)).await), "414");
    assert_eq!(status(&server.say(with(20 * 1024)).await), "414");
}

/// The body of an error and its headers, as the rest of the API answers them.
fn is_an_error_like_any_other(answer: &str, code: &str) {
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let body: serde_json::Value = serde_json::from_str(body).unwrap();
    assert_eq!(body["code"], code, "{answer}");
    assert!(body["error"].is_string() && body["error_description"].is_string());
    for line in [
        "content-type: application/json",
        "cache-control: no-store",
        "x-content-type-options: nosniff",
        "connection: close",
    ] {
        assert!(head.contains(line), "{line}: {answer}");
    }
    let id = body["request_id"].as_str().unwrap();
    assert!(!id.is_empty() && head.contains(&format!("x-request-id: {id}")));
}

#[tokio::test]
async fn what_the_listener_refuses_looks_like_every_other_error() {
    let limits = Limits {
        body_read: short(100),
        ..Limits::default()
    };
    let server = Running::start(limits).await;
    let large = format!("GET / HTTP/1.1\r\nX: {}\r\n\r\n", "x".repeat(40_000));
    is_an_error_like_any_other(&server.say(large).await, "headers_too_large");
    let longest = format!("GET /{} HTTP/1.1\r\n\r\n", "x".repeat(70_000));
    let answer = server.say(longest).await;
    assert!(["414", "431"].contains(&status(&answer)), "{answer}");
    let nonsense = server.say("nonsense and\r\nmore of it\r\n\r\n").await;
    is_an_error_like_any_other(&nonsense, "invalid_request");
    let long = format!("GET /{} HTTP/1.1\r\nHost: a\r\n\r\n", "x".repeat(9000));
    is_an_error_like_any_other(&server.say(long).await, "uri_too_long");
    let two = "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\nX-Request-Id: my-own-id.1\r\n\r\n";
    let answer = server.say(two).await;
    is_an_error_like_any_other(&answer, "invalid_request");
    assert!(answer.contains("my-own-id.1"), "{answer}");
    let slow = "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nabc";
    is_an_error_like_any_other(&server.say(slow).await, "request_timeout");
}

#[tokio::test]
async fn a_body_that_nobody_reads_is_no_end_of_the_connection() {
    let server = Running::start(Limits::default()).await;
    for framing in [
        ("Content-Length: 65536", "x".repeat(65_536)),
        (
            "Transfer-Encoding: chunked",
            format!("8000\r\n{}\r\n0\r\n\r\n", "x".repeat(0x8000)),
        ),
    ] {
        let (framing, body) = framing;
        let mut stream = server.connect().await;
        for _ in 0..3 {
            let head = format!("POST /ignore HTTP/1.1\r\nHost: a\r\n{framing}\r\n\r\n");
            within(stream.write_all(head.as_bytes())).await.unwrap();
            // The answer does not wait for the body.
            let answer = one_response(&mut stream, "ignored").await;
            assert!(!answer.contains("connection: close"), "{answer}");
            within(stream.write_all(body.as_bytes())).await.unwrap();
        }
        stream.write_all(HELLO).await.unwrap();
        assert_eq!(status(&one_response(&mut stream, "hello").await), "200");
    }
}

#[tokio::test]
async fn a_body_too_large_to_read_away_is_announced_as_the_end() {
    let server = Running::start(Limits::default()).await;
    for framing in [
        "Content-Length: 65537",
        "Content-Length: 5\r\nExpect: 100-continue",
    ] {
        let mut stream = server.connect().await;
        let head = format!("POST /ignore HTTP/1.1\r\nHost: a\r\n{framing}\r\n\r\n");
        within(stream.write_all(head.as_bytes())).await.unwrap();
        let answer = to_end(&mut stream).await;
        assert!(answer.contains("connection: close"), "{answer}");
        assert!(!answer.contains("100 Continue"), "{answer}");
        assert_eq!((status(&answer), responses(&answer)), ("200", 1));
    }
}

#[tokio::test]
async fn a_body_that_never_comes_is_waited_for_a_second_only() {
    let server = Running::start(Limits::default()).await;
    let mut stream = server.connect().await;
    let head = b"POST /ignore HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n";
    within(stream.write_all(head)).await.unwrap();
    let start = Instant::now();
    assert_eq!(status(&to_end(&mut stream).await), "200");
    let lasted = start.elapsed();
    assert!(lasted >= short(900) && lasted < short(5000), "{lasted:?}");
}

#[tokio::test]
async fn a_client_may_finish_a_body_that_nobody_reads() {
    let server = Running::start(Limits::default()).await;
    let head = "POST /ignore HTTP/1.1\r\nHost: a\r\nContent-Length: 20000000\r\n\r\n";
    for _ in 0..5 {
        let mut stream = server.connect().await;
        let request = [head.as_bytes(), &[b'x'; 20_000_000]].concat();
        // Clients that write before they read would fail here, and never see the answer.
        within(stream.write_all(&request)).await.unwrap();
        assert_eq!(status(&to_end(&mut stream).await), "200");
    }
}

#[tokio::test]
async fn an_address_has_so_many_connections_and_gets_one_back_when_one_ends() {
    let limits = Limits {
        connections_per_address: 2,
        ..Limits::default()
    };
    let server = Running::start(limits).await;
    let (mut first, mut second) = (server.connect().await, server.connect().await);
    for stream in [&mut first, &mut second] {
        stream.write_all(HELLO).await.unwrap();
        one_response(stream, "hello").await;
    }
    assert_eq!(server.say(HELLO).await, "");
    drop(first);
    let closing = "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
    // The listener hears of the end in its own time.
    within(async { while server.say(closing).await.is_empty() {} }).await;
    second.write_all(HELLO).await.unwrap();
    one_response(&mut second, "hello").await;
}

#[tokio::test]
async fn a_trusted_proxy_has_as_many_connections_as_it_likes() {
    let uncapped = vec!["127.0.0.0/8".parse().unwrap()];
    let limits = Limits {
        connections_per_address: 1,
        uncapped,
        ..Limits::default()
    };
    let server = Running::start(limits).await;
    let mut open = Vec::new();
    for _ in 0..5 {
        let mut stream = server.connect().await;
        stream.write_all(HELLO).await.unwrap();
        one_response(&mut stream, "hello").await;
        open.push(stream);
    }
}

#[tokio::test]
async fn beyond_the_total_connections_wait_their_turn() {
    let limits = Limits {
        connections: 1,
        ..Limits::default()
    };
    let server = Running::start(limits).await;
    let mut first = server.connect().await;
    first.write_all(HELLO).await.unwrap();
    one_response(&mut first, "hello").await;
    let mut second = server.connect().await;
    second.write_all(HELLO).await.unwrap();
    assert!(
        tokio::time::timeout(short(100), second.read_u8())
            .await
            .is_err()
    );
    drop(first);
    one_response(&mut second, "hello").await;
}
