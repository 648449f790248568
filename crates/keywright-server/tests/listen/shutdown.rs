//! Stopping: what is in flight finishes, what is new is refused.

use tokio::time::Instant;

use super::*;

async fn until_refused(address: SocketAddr) {
    within(async { while TcpStream::connect(address).await.is_ok() {} }).await;
}

#[tokio::test]
async fn a_request_in_flight_finishes_while_new_connections_are_refused() {
    let mut server = Running::start(Limits::default()).await;
    let mut stream = server.connect().await;
    stream
        .write_all(b"GET /gated HTTP/1.1\r\nHost: a\r\n\r\n")
        .await
        .unwrap();
    within(server.entered.notified()).await;
    server.stop.send(()).unwrap();
    until_refused(server.address).await;
    server.gate.notify_one();
    let answer = to_end(&mut stream).await;
    assert_eq!(status(&answer), "200");
    assert!(
        answer.contains("connection: close") && answer.ends_with("through"),
        "{answer}"
    );
    let drained = within(server.task.join_next()).await.unwrap().unwrap();
    assert_eq!(drained, Drained { cut_off: 0 });
}

#[tokio::test]
async fn what_does_not_finish_in_time_is_cut() {
    let limits = Limits {
        drain: short(150),
        ..Limits::default()
    };
    let server = Running::start(limits).await;
    let mut stream = server.connect().await;
    stream
        .write_all(b"GET /gated HTTP/1.1\r\nHost: a\r\n\r\n")
        .await
        .unwrap();
    within(server.entered.notified()).await;
    let start = Instant::now();
    assert_eq!(server.stop().await, Drained { cut_off: 1 });
    assert!(start.elapsed() >= short(150));
    assert_eq!(to_end(&mut stream).await, "");
}

#[tokio::test]
async fn a_request_that_crosses_the_shutdown_is_answered() {
    let limits = Limits {
        drain_idle: short(2_000),
        ..Limits::default()
    };
    let mut server = Running::start(limits).await;
    let mut fresh = server.connect().await;
    let mut kept = server.connect().await;
    kept.write_all(HELLO).await.unwrap();
    one_response(&mut kept, "hello").await;
    server.stop.send(()).unwrap();
    until_refused(server.address).await;
    for stream in [&mut kept, &mut fresh] {
        stream.write_all(HELLO).await.unwrap();
        let answer = to_end(stream).await;
        assert!(
            answer.contains("connection: close") && answer.ends_with("hello"),
            "{answer}"
        );
    }
    let drained = within(server.task.join_next()).await.unwrap().unwrap();
    assert_eq!(drained, Drained { cut_off: 0 });
}

#[tokio::test]
async fn idle_connections_do_not_hold_up_the_shutdown() {
    let limits = Limits {
        drain_idle: short(50),
        ..Limits::default()
    };
    let server = Running::start(limits).await;
    let mut kept = server.connect().await;
    kept.write_all(HELLO).await.unwrap();
    one_response(&mut kept, "hello").await;
    let silent = server.connect().await;
    let start = Instant::now();
    assert_eq!(server.stop().await, Drained { cut_off: 0 });
    assert!(start.elapsed() < short(5_000));
    drop(silent);
}

#[tokio::test]
async fn clients_that_never_pause_see_no_failed_request() {
    let mut server = Running::start(Limits::default()).await;
    let mut clients = JoinSet::new();
    for _ in 0..8 {
        let mut stream = server.connect().await;
        clients.spawn(async move {
            let mut answered = 0_u32;
            loop {
                stream.write_all(HELLO).await.unwrap();
                answered += 1;
                if one_response(&mut stream, "hello")
                    .await
                    .contains("connection: close")
                {
                    return answered;
                }
            }
        });
    }
    let mut stream = server.connect().await;
    for _ in 0..50 {
        stream.write_all(HELLO).await.unwrap();
        one_response(&mut stream, "hello").await;
    }
    server.stop.send(()).unwrap();
    while let Some(answered) = within(clients.join_next()).await {
        assert!(answered.unwrap() > 0);
    }
    drop(stream);
    let drained = within(server.task.join_next()).await.unwrap().unwrap();
    assert_eq!(drained, Drained { cut_off: 0 });
}
