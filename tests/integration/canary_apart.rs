//! The canary at commands that read no spec that was run.

use crate::canary::{CANARY, PAINT, hold, quoted, refuse};
use crate::support::{Ended, Scripted, Sizer, respond};
use serde_json::json;
use std::io::{BufRead, BufReader, Read, Write};

#[test]
fn commands_without_a_spec_tell_no_secret_either() {
    let server = Scripted::start(|socket, _| refuse(socket));
    // What nobody told sizer is no secret to it: this one says nothing.
    let served = Scripted::start(|socket, _| respond(socket, "401 Unauthorized", PAINT));
    let served = format!("http://{}", served.address);
    let config = format!(
        "llms: {{rig: {{_type: openai, model_name: m, base_url: 'http://{}/v1', api_key: '${{API_KEY}}', \
         default_headers: {{x-token: '${{DB_PASS}}'}}}}}}\nworkflow: {{_type: chat_completion, llm_name: rig}}\n\
         eval: {{general: {{dataset: {{_type: jsonl, file_path: questions.jsonl}}}}}}\n",
        server.address
    );
    let plain = config.replace("'${API_KEY}'", "'KEY'").replace("KEY", &CANARY.replace('\'', "''"));
    let project = Sizer::new().file("c.yml", &config).env("API_KEY", CANARY).env("DB_PASS", CANARY);
    let mut printed = Vec::new();
    let mut call = |args: &[&str]| printed.push((args.join(" "), project.run(args)));
    call(&["import", "nat", "c.yml"]);
    call(&["import", "nat", "c.yml", "-o", "imported.yml"]);
    call(&["run", "imported.yml"]);
    call(&["import", "nat", "c.yml", "--endpoint", &served]);
    let calc = ["calc", "--config", "c.yml", "--concurrencies", "1,2", "--num_passes", "1"];
    call(&[&calc[..], &["--calc_output_dir", "calc"]].concat());
    call(&[&calc[..], &["--calc_output_dir", "calc", "--endpoint", &served]].concat());
    call(&[&calc[..], &["--emit-spec", "emitted.yml"]].concat());
    call(&["run", "emitted.yml"]);
    call(&[
        "calc",
        "--offline_mode",
        "--calc_output_dir",
        "calc",
        "--target_users",
        "5",
        "--target_workflow_runtime",
        "1",
        "--test_gpu_count",
        "1",
    ]);
    call(&["init", "new"]);
    call(&["run", "new/sizer.yml", "--quiet", "--set", "concurrency.levels=[1]"]);
    call(&["schema"]);
    call(&["schema", "result"]);
    call(&["help"]);
    // A key that stands in the configuration itself is not carried over.
    std::fs::write(project.path("c.yml"), plain).unwrap();
    call(&["import", "nat", "c.yml"]);
    std::fs::remove_file(project.path("c.yml")).unwrap();
    let masked = printed.iter().filter(|(_, it)| format!("{it:?}").contains("***")).count();
    assert!(masked >= 2, "the secret did not come back: {printed:#?}");
    hold("no spec", &printed, &project);
}

#[test]
fn the_simulator_tells_nothing_of_what_it_is_asked() {
    let project = Sizer::new().env("API_KEY", CANARY);
    let mut command = project.command(&["simulate", "--port", "0"]);
    let (stdout, stderr) = (std::process::Stdio::piped(), std::process::Stdio::piped());
    let mut child = command.stdout(stdout).stderr(stderr).spawn().unwrap();
    let mut line = String::new();
    let mut out = BufReader::new(child.stdout.take().unwrap());
    out.read_line(&mut line).unwrap();
    let address = line.trim().strip_prefix("listening on http://").unwrap().to_owned();
    let key = CANARY.replace('"', "%22");
    let mut answers = String::new();
    for (path, body) in [
        (
            "/v1/chat/completions",
            json!({ "model": CANARY, "messages": [{ "role": "user", "content": CANARY }] }),
        ),
        ("/v1/chat/completions", json!({ "model": PAINT, "stream": true, "messages": 7 })),
        ("/nothing", json!(quoted())),
    ] {
        let mut stream = std::net::TcpStream::connect(&address).unwrap();
        let body = body.to_string();
        write!(
            stream,
            "POST {path}?key={key} HTTP/1.1\r\nhost: {address}\r\nauthorization: Bearer {key}\r\n\
             content-type: application/json\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        )
        .unwrap();
        stream.read_to_string(&mut answers).unwrap();
    }
    assert!(answers.contains("200 OK"), "{answers}");
    child.kill().unwrap();
    child.wait().unwrap();
    let mut stdout = line;
    out.read_to_string(&mut stdout).unwrap();
    let mut stderr = String::new();
    child.stderr.take().unwrap().read_to_string(&mut stderr).unwrap();
    hold("simulate", &[("simulate".to_owned(), Ended { stdout, stderr, code: None })], &project);
}
