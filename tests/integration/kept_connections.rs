//! Servers that promise to keep a connection and then close it.

use crate::support::{ANSWER, Scripted, Sizer, respond};

#[test]
fn a_connection_closed_after_an_answer_costs_no_run() {
    // Answers once per connection and then closes without having said so.
    let server = Scripted::start(|socket, _| {
        respond(socket, "200 OK", ANSWER);
        // The next request is on its way when the connection goes down.
        std::thread::sleep(std::time::Duration::from_millis(20));
        false
    });
    let workflow = format!(
        "{{type: openai, base_url: \"http://{}/v1\", model: m, stream: false}}",
        server.address
    );
    let project =
        Sizer::new().workflow(&workflow, "concurrency: {mode: burst, levels: [1, 2], passes: 4}");
    project.run(&["run", "spec.yml"]).success();
    let result = project.result();
    for level in result["levels"].as_array().unwrap() {
        assert_eq!(level["failed"], 0, "{level:#}");
    }
    // Every run was answered, and no request came twice, or on a connection that was about to go.
    assert_eq!(result["levels"][1]["runs"], 8);
    assert_eq!(server.requests.lock().unwrap().len(), 12);
}

#[test]
fn a_server_that_closes_without_answering_fails_the_run() {
    let server = Scripted::start(|socket, number| number == 1 && respond(socket, "503 Busy", "{}"));
    let workflow =
        format!("{{type: openai, base_url: \"http://{}/v1\", model: m}}", server.address);
    let project =
        Sizer::new().workflow(&workflow, "concurrency: {mode: burst, levels: [1], passes: 2}");
    project.run(&["run", "spec.yml"]);
    let level = project.result()["levels"][0].clone();
    assert_eq!(level["failures"][0]["kind"], "http_status", "{level:#}");
}
