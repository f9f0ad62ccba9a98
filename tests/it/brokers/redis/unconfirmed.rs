//! A server that takes an entry and is gone before it answers.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc;

use crate::support::{Sandbox, SseServer, Step};

/// Answers like a minimal Redis. Returns the id of the entry, or `None` if the connection ends without one. A command is a list of
/// strings in RESP.
fn serve(stream: TcpStream, answers: bool) -> Option<String> {
    let mut writer = stream.try_clone().unwrap();
    let mut lines = BufReader::new(stream).lines().map_while(Result::ok);
    while let Some(count) = lines.next() {
        let count: usize = count.strip_prefix('*')?.parse().unwrap();
        let words: Vec<String> = (0..count).filter_map(|_| lines.nth(1)).collect();
        let is_entry = words[0].eq_ignore_ascii_case("XADD");
        if is_entry && !answers {
            return id(&words);
        }
        let answer: &[u8] = match words[0].as_str() {
            "HELLO" => b"-ERR unknown command 'HELLO'\r\n",
            _ if is_entry => b"$3\r\n1-1\r\n",
            _ => b"+OK\r\n",
        };
        writer.write_all(answer).unwrap();
        if is_entry {
            return id(&words);
        }
    }
    None
}

fn id(words: &[String]) -> Option<String> {
    let at = words.iter().position(|word| word == "id")?;
    words.get(at + 1).cloned()
}

#[test]
fn an_entry_that_may_have_arrived_is_sent_again_with_its_id_and_counted() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let target = format!("redis://{}/0?stream=s", listener.local_addr().unwrap());
    let (ids, received) = mpsc::channel();
    std::thread::spawn(move || {
        let mut answers = false;
        for stream in listener.incoming().map_while(Result::ok) {
            if let Some(id) = serve(stream, answers) {
                answers = true;
                ids.send(id).unwrap();
            }
        }
    });
    let server = SseServer::start(vec![vec![
        Step::events(),
        Step::chunk("data: {\"n\":1}\n\n"),
        Step::end(),
    ]]);
    let sandbox = Sandbox::new();
    let source = server.url("/events");
    let args = [
        "tail",
        &source,
        "--until-end",
        "--forward",
        &target,
        "-o",
        "json",
    ];
    let output = sandbox.run(args).expect_exit(0);
    let summary = output.notice("summary");
    assert_eq!(summary["delivered"], 1, "{output}");
    assert_eq!(summary["perhaps_twice"], 1, "{output}");
    let [first, second] = [(); 2].map(|()| received.recv().unwrap());
    assert_eq!(first, second);
}
