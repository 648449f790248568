//! Requests that two servers could read differently (RFC 9112, 11.2). Each is followed by a second
//! request: it must never be answered unless the first was plain.

use super::*;

const SECOND: &str = "GET /who HTTP/1.1\r\nHost: a\r\n\r\n";

async fn answer_to(first: &str) -> String {
    let server = Running::start(Limits::default()).await;
    server.say(format!("{first}{SECOND}")).await
}

/// Refused with 400, and the connection closed.
async fn refused(first: &str) {
    let answer = answer_to(first).await;
    assert_eq!(
        (status(&answer), responses(&answer)),
        ("400", 1),
        "{first:?}: {answer}"
    );
}

#[tokio::test]
async fn a_plain_pair_of_requests_is_answered_twice() {
    let limits = Limits {
        idle: short(100),
        ..Limits::default()
    };
    let server = Running::start(limits).await;
    let first = "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc";
    let answer = server.say(format!("{first}{SECOND}")).await;
    assert_eq!(responses(&answer), 2, "{answer}");
    assert!(
        answer.contains("abcHTTP/1.1 200") && answer.ends_with("tls=false"),
        "{answer}"
    );
}

#[tokio::test]
async fn length_and_chunks_together_end_the_connection() {
    // hyper drops the length before we could see it, reads by the chunks and closes (RFC 9112, 6.3):
    // what follows the chunks is never a request.
    for framing in [
        "Content-Length: 4\r\nTransfer-Encoding: chunked",
        "Transfer-Encoding: chunked\r\nContent-Length: 4",
        "Content-Length: 4\r\nTransfer-Encoding: chunked\r\nContent-Length: 5",
    ] {
        let first =
            format!("POST /echo HTTP/1.1\r\nHost: a\r\n{framing}\r\n\r\n3\r\nabc\r\n0\r\n\r\n");
        let answer = answer_to(&first).await;
        assert_eq!(responses(&answer), 1, "{framing}: {answer}");
        let body = answer.split("\r\n\r\n").nth(1);
        assert!(
            status(&answer) == "400" || body == Some("abc"),
            "{framing}: {answer}"
        );
    }
}

#[tokio::test]
async fn other_transfer_codings_are_refused() {
    for coding in [
        "gzip, chunked",
        "chunked, chunked",
        "identity",
        "chunked, identity",
        "xchunked",
        "\u{b}chunked",
    ] {
        refused(&format!(
            "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: {coding}\r\n\r\n0\r\n\r\n"
        ))
        .await;
    }
    let twice = "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity";
    refused(&format!(
        "POST /echo HTTP/1.1\r\nHost: a\r\n{twice}\r\n\r\n0\r\n\r\n"
    ))
    .await;
    let twice = "Transfer-Encoding: identity\r\nTransfer-Encoding: chunked";
    refused(&format!(
        "POST /echo HTTP/1.1\r\nHost: a\r\n{twice}\r\n\r\n0\r\n\r\n"
    ))
    .await;
}

#[tokio::test]
async fn chunks_in_http_1_0_are_refused() {
    refused("POST /echo HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n").await;
}

#[tokio::test]
async fn hosts_other_than_one_are_refused() {
    refused("GET / HTTP/1.1\r\n\r\n").await;
    refused("GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n").await;
    refused("GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n").await;
}

#[tokio::test]
async fn lengths_that_are_not_one_number_are_refused() {
    for length in ["+3", "3, 4", "-1", "0x3", "3 3", "", "99999999999999999999"] {
        refused(&format!(
            "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: {length}\r\n\r\nabc"
        ))
        .await;
    }
    refused("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabc")
        .await;
}

#[tokio::test]
async fn lines_that_can_be_read_two_ways_are_refused() {
    for line in [
        "X: a\r\n folded: b",
        "X: a\r\n\tfolded",
        "Transfer-Encoding : chunked",
        " X: a",
        "X: a\rY: b",
        "X: a\0b",
        "X",
        "X Y: b",
        "\u{e9}: b",
    ] {
        refused(&format!("GET / HTTP/1.1\r\nHost: a\r\n{line}\r\n\r\n")).await;
    }
    refused("GET  / HTTP/1.1\r\nHost: a\r\n\r\n").await;
    refused("GET / HTTP/1.1 \r\nHost: a\r\n\r\n").await;
    refused("GET / HTTP/2.0\r\nHost: a\r\n\r\n").await;
}

#[tokio::test]
async fn chunks_that_can_be_read_two_ways_end_the_connection() {
    for chunks in [
        "3;\nabc\r\n0\r\n\r\n",
        "3\r\nabcXX0\r\n\r\n",
        "0x3\r\nabc\r\n0\r\n\r\n",
        "-3\r\nabc\r\n0\r\n\r\n",
        "fffffffffffffffff\r\nabc",
    ] {
        let first =
            format!("POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n{chunks}");
        let answer = answer_to(&first).await;
        assert!(
            responses(&answer) <= 1 && status(&answer) != "200",
            "{chunks:?}: {answer}"
        );
    }
}

#[tokio::test]
async fn a_bare_line_feed_ends_a_line_and_nothing_else() {
    // RFC 9112, 2.2, allows it; hyper does it. A proxy that does not has one request where we have
    // one too: only the ends of lines differ, never the length of the body.
    let limits = Limits {
        idle: short(100),
        ..Limits::default()
    };
    let server = Running::start(limits).await;
    let answer = server
        .say("POST /echo HTTP/1.1\nHost: a\nContent-Length: 3\n\nabc")
        .await;
    assert_eq!(
        (status(&answer), responses(&answer)),
        ("200", 1),
        "{answer}"
    );
}

#[tokio::test]
async fn no_connection_turns_into_another_protocol() {
    let limits = Limits {
        idle: short(100),
        ..Limits::default()
    };
    let server = Running::start(limits).await;
    let upgrade = "GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\n";
    let answer = server.say(upgrade).await;
    assert_eq!(status(&answer), "200", "{answer}");
    let connect = server
        .say("CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n")
        .await;
    assert!(status(&connect).starts_with('4'), "{connect}");
}
