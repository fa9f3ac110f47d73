//! The simulator as a command of its own: its log is whole however it ends, and takes no file's place.

use crate::support::Sizer;
use rustix::process::{Pid, Signal, kill_process};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::Stdio;

#[test]
fn the_log_of_requests_outlives_a_signal() {
    let project = Sizer::new();
    let mut command =
        project.command(&["simulate", "--set", "output_tokens=1", "--request-log", "log.jsonl"]);
    let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
    let address = line.trim().strip_prefix("listening on http://").unwrap();
    let body = r#"{"model": "m", "messages": [{"role": "user", "content": "a"}]}"#;
    for _ in 0..3 {
        let mut stream = TcpStream::connect(address).unwrap();
        write!(
            stream,
            "POST /v1/chat/completions HTTP/1.1\r\nhost: {address}\r\ncontent-type: application/json\r\n\
             content-length: {}\r\nconnection: close\r\n\r\n{body}",
            body.len()
        )
        .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    }
    kill_process(Pid::from_raw(child.id().try_into().unwrap()).unwrap(), Signal::TERM).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(143));
    assert_eq!(project.read("log.jsonl").lines().count(), 3);
}

#[test]
fn the_log_of_requests_is_not_written_over_the_spec() {
    let project = Sizer::new().workflow("{type: simulator}", "concurrency: {levels: [1]}");
    let spec = project.read("spec.yml");
    project
        .run(&["simulate", "--spec", "spec.yml", "--request-log", "./spec.yml"])
        .code(1)
        .stderr("it is the spec");
    assert_eq!(project.read("spec.yml"), spec);
}
