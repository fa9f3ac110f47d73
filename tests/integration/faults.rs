//! Failing servers: tagged, counted, left out, never timed as fast.

use crate::support::{ANSWER, Scripted, SimulatorProcess, Sizer, free_port, read_request, respond};
use serde_json::Value;
use std::io::Write;
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

const ENGINE: &str = "engine: {base: 4ms, per_sequence: 3ms}, output_tokens: 4";

fn swept(simulator: &str, rest: &str) -> (Value, String) {
    let project =
        Sizer::new().workflow(&format!("{{type: simulator, {ENGINE}, {simulator}}}"), rest);
    let ended = project.run(&["run", "spec.yml"]);
    assert!(matches!(ended.code, Some(0 | 1)), "{ended:#?}");
    (project.result(), ended.stdout)
}

fn above_eight(protocol: &str) {
    let rest = "test: {gpu_count: 8}
concurrency: {mode: burst, levels: [1, 2, 4, 8, 16, 32], passes: 3}
targets: {users: 100, workflow_runtime: 5s}
estimate: {min_r_squared: 0}";
    let faults = format!("protocol: {protocol}, faults: [{{kind: http_500, above: 8}}]");
    let (result, stdout) = swept(&faults, rest);
    let levels = result["levels"].as_array().unwrap();
    let interrupted: Vec<bool> =
        levels.iter().map(|level| level["interrupted"].as_bool().unwrap()).collect();
    assert_eq!(interrupted, [false, false, false, false, true, true], "{stdout}");
    let failure = &levels[4]["failures"][0];
    assert_eq!(failure["kind"], "http_status");
    assert!(failure["count"].as_u64().unwrap() >= 1);
    assert!(failure["first_message"].as_str().unwrap().contains("500 Internal Server Error"));
    // A loaded machine may add the client's own flag: `!WC`.
    assert_eq!(stdout.matches("| !W").count(), 2, "{stdout}");
    // The fit stands on the four sound levels alone.
    let sound: Vec<(f64, f64)> = levels[..4]
        .iter()
        .map(|level| {
            (
                level["concurrency"].as_f64().unwrap(),
                level["workflow_runtime"]["p95"].as_f64().unwrap(),
            )
        })
        .collect();
    let (mean_x, mean_y) = (
        sound.iter().map(|p| p.0).sum::<f64>() / 4.0,
        sound.iter().map(|p| p.1).sum::<f64>() / 4.0,
    );
    let slope = sound.iter().map(|p| (p.0 - mean_x) * (p.1 - mean_y)).sum::<f64>()
        / sound.iter().map(|p| (p.0 - mean_x).powi(2)).sum::<f64>();
    let fitted = result["fits"]["workflow_runtime"]["slope"].as_f64().unwrap();
    assert!((fitted - slope).abs() < 1e-12, "{fitted} instead of {slope}");
    // Where the machine is busy it may be unsettled, which leaves the ends alone.
    assert!(result["estimates"][0]["reason"].is_null(), "{result:#}");
    assert!(result["estimates"][0]["gpus"].is_object(), "{result:#}");
}

#[test]
fn http_500_above_a_concurrency_over_chat_completions() {
    above_eight("openai");
}

#[test]
fn http_500_above_a_concurrency_over_generate_full() {
    above_eight("nat");
}

#[test]
fn every_fault_has_its_kind() {
    for protocol in ["openai, stream: true", "openai, stream: false", "nat"] {
        for (fault, kind) in [
            ("http_429", "rate_limited"),
            ("drop", "closed"),
            ("stall", "timeout"),
            ("truncate", "truncated"),
            ("error", "workflow_error"),
        ] {
            let settings = format!(
                "protocol: {protocol}, timeout: 300ms, faults: [{{kind: {fault}, above: 1}}]"
            );
            let (result, _) =
                swept(&settings, "concurrency: {mode: burst, levels: [2], passes: 4}");
            let level = &result["levels"][0];
            assert_eq!(level["interrupted"], true, "{protocol} {fault}");
            assert_eq!(level["failures"][0]["kind"], kind, "{protocol} {fault}: {level:#}");
        }
    }
}

#[test]
fn a_failed_run_is_in_no_quantile() {
    // Half of the answers are instant errors: counted as runs they would halve every quantile.
    let settings = "faults: [{kind: http_500, share: 0.5}], seed: 3";
    let (result, _) = swept(settings, "concurrency: {mode: burst, levels: [4], passes: 20}");
    let level = &result["levels"][0];
    assert!(level["failed"].as_u64().unwrap() > 0);
    if let Some(p50) = level["workflow_runtime"]["p50"].as_f64() {
        // Four tokens at no less than 5 ms each.
        assert!(p50 >= 0.020, "{level:#}");
    }
}

fn scripted(
    answer: impl Fn(&mut std::net::TcpStream, usize) -> bool + Send + Sync + 'static,
    stream: bool,
) -> Value {
    let server = Scripted::start(answer);
    let workflow = format!(
        "{{type: openai, base_url: \"http://{}/v1\", model: m, stream: {stream}, timeout: 500ms}}",
        server.address
    );
    let project =
        Sizer::new().workflow(&workflow, "concurrency: {mode: burst, levels: [1], passes: 4}");
    project.run(&["run", "spec.yml"]);
    project.result()["levels"][0].clone()
}

#[test]
fn broken_answers_over_raw_sockets() {
    let head = |length: usize| format!("HTTP/1.1 200 OK\r\ncontent-length: {length}\r\n\r\n");
    let chunked = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";
    let cases: [(&str, bool, String, &str); 6] = [
        ("cut body", false, format!("{}{{\"choices\":", head(500)), "closed"),
        ("cut chunk", true, format!("{chunked}100\r\ndata: "), "closed"),
        ("no JSON", false, format!("{}hello", head(5)), "malformed"),
        ("no event stream", true, format!("{}<html>", head(6)), "malformed"),
        ("no answer", true, head(0), "truncated"),
        ("no HTTP", false, "hello\r\n\r\n".to_owned(), "malformed"),
    ];
    for (name, stream, bytes, kind) in cases {
        let level = scripted(
            move |socket, _| {
                let _ = socket.write_all(bytes.as_bytes());
                false
            },
            stream,
        );
        assert_eq!(level["failures"][0]["kind"], kind, "{name}: {level:#}");
        assert_eq!(level["runs"], level["failed"], "{name}");
    }
}

/// Answers that never end, end wrongly, or say nothing: each ends by itself, under its own kind.
#[test]
fn hostile_streams_over_raw_sockets() {
    let event = r#"data: {"choices":[{"delta":{"content":"x"}}]}"#;
    let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n";
    let endless = move |socket: &mut std::net::TcpStream, _| {
        let _ = socket.write_all(head.as_bytes());
        // Until the other side has had enough.
        while socket.write_all(format!("{event}\n\n").repeat(100).as_bytes()).is_ok() {
            std::thread::sleep(Duration::from_millis(1));
        }
        false
    };
    let drip = move |socket: &mut std::net::TcpStream, _| {
        let _ = socket.write_all(head.as_bytes());
        for byte in format!("{event}\n\n").bytes().cycle() {
            if socket.write_all(&[byte]).is_err() {
                break;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        false
    };
    let silence = move |socket: &mut std::net::TcpStream, _| {
        let _ = socket.write_all(head.as_bytes());
        std::thread::sleep(Duration::from_secs(2));
        false
    };
    let long_line = move |socket: &mut std::net::TcpStream, _| {
        let _ = socket.write_all(head.as_bytes());
        let _ = socket.write_all(b"data: ");
        let mebibyte = vec![b'x'; 1 << 20];
        let _ = (0..10).try_for_each(|_| socket.write_all(&mebibyte));
        false
    };
    let no_utf8 = move |socket: &mut std::net::TcpStream, _| {
        let _ = socket.write_all(head.as_bytes());
        let _ =
            socket.write_all(b"data: {\"choices\":[{\"delta\":{\"content\":\"\xff\xfe\"}}]}\n\n");
        false
    };
    let reset = move |socket: &mut std::net::TcpStream, _| {
        let _ = socket.write_all(format!("{head}{event}\n\n").as_bytes());
        // Let the client read the beginning, then answer with a reset instead of an end.
        std::thread::sleep(Duration::from_millis(50));
        rustix::net::sockopt::set_socket_linger(&*socket, Some(Duration::ZERO)).unwrap();
        false
    };
    for (name, level, kind) in [
        ("endless", scripted(endless, true), "timeout"),
        ("drip", scripted(drip, true), "timeout"),
        ("silence", scripted(silence, true), "timeout"),
        ("long line", scripted(long_line, true), "too_large"),
        ("no UTF-8", scripted(no_utf8, true), "truncated"),
        ("reset", scripted(reset, true), "reset"),
    ] {
        assert_eq!(level["failures"][0]["kind"], kind, "{name}: {level:#}");
        assert_eq!(level["workflow_runtime"], Value::Null, "{name}: no failed run is timed");
    }
}

#[test]
fn a_server_that_is_killed_and_comes_back() {
    let port = free_port();
    let start = || SimulatorProcess::start_on(port, &["engine.base=5ms", "output_tokens=10"]);
    let server = start();
    let free = server.address;
    let workflow =
        format!("{{type: openai, base_url: \"http://{free}/v1\", model: m, timeout: 5s}}");
    let project = Sizer::new().workflow(&workflow, "concurrency: {levels: [1, 4], duration: 2s}");
    let running = project.command(&["run", "spec.yml"]).stderr(Stdio::piped()).spawn().unwrap();
    // Level 4 lasts long enough to be under way once level 1 is kept.
    let kept = || std::fs::read_dir(project.path(".sizer/manifests")).map_or(0, Iterator::count);
    while kept() < 3 {
        std::thread::sleep(Duration::from_millis(10));
    }
    std::thread::sleep(Duration::from_millis(300));
    drop(server);
    let output = running.wait_with_output().unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{stderr}");
    assert!(
        stderr.contains("cannot be reached any more (sweep@4 is kept as far as it was measured"),
        "{stderr}"
    );
    let _server = start();
    let ended = project.run(&["run", "spec.yml"]).success();
    // The level before is there still.
    assert!(ended.stderr.contains("3 cached"), "{}", ended.stderr);
    for level in project.result()["levels"].as_array().unwrap() {
        assert_eq!(level["failed"], 0, "{level:#}");
    }
}

/// While a process ends, the system still accepts connections for it that lead nowhere.
#[test]
fn a_server_that_is_going_down_accepts_and_is_gone() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        let (posts, mut going) = (Arc::new(AtomicUsize::new(0)), 0);
        for stream in listener.incoming() {
            let (mut stream, posts) = (stream.unwrap(), Arc::clone(&posts));
            if posts.load(Ordering::SeqCst) > 2 {
                // The request sent again, then whoever asks whether it is there still.
                going += 1;
                if going == 2 {
                    break;
                }
                continue;
            }
            std::thread::spawn(move || {
                while let Some(request) = read_request(&mut stream) {
                    if request.starts_with("POST") && posts.fetch_add(1, Ordering::SeqCst) == 2 {
                        break;
                    }
                    respond(&mut stream, "200 OK", ANSWER);
                }
            });
        }
    });
    let workflow = format!(
        "{{type: openai, base_url: \"http://{address}/v1\", model: m, stream: false, timeout: 5s}}"
    );
    let rest = "concurrency: {mode: burst, levels: [1], passes: 3}";
    let ended = Sizer::new().workflow(&workflow, rest).run(&["run", "spec.yml"]);
    assert_eq!(ended.code, Some(1), "{ended:#?}");
    assert!(
        ended
            .stderr
            .contains("cannot be reached any more (sweep@1 is kept as far as it was measured"),
        "{ended:#?}"
    );
}

#[test]
fn a_silent_server_ends_at_the_timeout() {
    let level = scripted(
        |_, _| {
            std::thread::sleep(Duration::from_secs(2));
            false
        },
        false,
    );
    assert_eq!(level["failures"][0]["kind"], "timeout", "{level:#}");
}

#[test]
fn token_counts_and_messages_go_over_the_wire() {
    let server = Scripted::start(|socket, _| respond(socket, "200 OK", ANSWER));
    let workflow = format!(
        "{{type: openai, base_url: \"http://{}/v1/\", model: m, stream: false, system: Be brief., max_tokens: 9, \
         temperature: 0.5, extra_body: {{ignore_eos: true}}, headers: {{x-team: blue}}}}",
        server.address
    );
    let project =
        Sizer::new().workflow(&workflow, "concurrency: {mode: burst, levels: [1], passes: 1}");
    project.run(&["run", "spec.yml"]).success();
    let requests = server.requests.lock().unwrap();
    let (head, body) = requests[0].split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("POST /v1/chat/completions HTTP/1.1"), "{head}");
    assert!(head.contains("x-team: blue"), "{head}");
    let body: Value = serde_json::from_str(body).unwrap();
    let expected = serde_json::json!({
        "model": "m", "stream": false, "max_tokens": 9, "temperature": 0.5, "ignore_eos": true,
        "messages": [
            { "role": "system", "content": "Be brief." },
            { "role": "user", "content": "What is 3 x 7?" },
        ],
    });
    assert_eq!(body, expected);
    let lock = project.read("sizer.lock");
    assert!(lock.contains("sweep@1"));
    let runs = project.run(&["show", "spec.yml", "sweep@1"]).success();
    runs.stdout("\"completion_tokens\":1")
        .stdout("\"finish_reason\":\"stop\"")
        .stdout("\"http_status\":200");
}
