//! The shape of an agent's load: chains, and traces that become chains.

use crate::support::{ANSWER, Scripted, SimulatorProcess, Sizer, respond};
use serde_json::{Value, json};
use std::io::Write;

const ONE: &str = "concurrency: {mode: burst, levels: [1], runs: 1}";

/// A chain before a server.
fn chain(address: std::net::SocketAddr, steps: &str, rest: &str) -> Sizer {
    Sizer::new().spec(&format!(
        "version: 1\nname: test\ndataset: {{path: questions.jsonl}}\nworkflow:\n  type: chain\n  model: m\n  \
         llm: {{upstream: 'http://{address}/v1'}}\n  steps:\n{steps}\n{rest}\n"
    ))
}

fn bodies(server: &Scripted) -> Vec<Value> {
    let requests = server.requests.lock().unwrap();
    requests
        .iter()
        .filter_map(|it| serde_json::from_str(it.split("\r\n\r\n").nth(1)?).ok())
        .collect()
}

#[test]
fn steps_see_the_item_and_what_came_before() {
    // Answers with what it was asked last, in capitals; streamed where that is wanted.
    let server = Scripted::start(|socket, _| {
        let request = crate::support::last_request();
        if request.starts_with("POST /tool") {
            return respond(socket, "200 OK", "found");
        }
        let body: Value = serde_json::from_str(request.split("\r\n\r\n").nth(1).unwrap()).unwrap();
        let said =
            body["messages"].as_array().unwrap().last().unwrap()["content"].as_str().unwrap();
        let said = said.to_uppercase();
        if body["stream"] == false {
            let answer: Value = serde_json::from_str(ANSWER).unwrap();
            let mut answer = answer.clone();
            answer["choices"][0]["message"]["content"] = said.into();
            return respond(socket, "200 OK", &answer.to_string());
        }
        let head =
            "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n";
        let _ = socket.write_all(head.as_bytes());
        for word in said.split_inclusive(' ') {
            let chunk = json!({ "choices": [{ "delta": { "content": word } }] });
            let _ = write!(socket, "data: {chunk}\n\n");
        }
        let _ = socket.write_all(b"data: [DONE]\n\n");
        false
    });
    let address = server.address;
    let steps = format!(
        "  - llm: {{prompt: 'plan {{{{ item.topic }}}}', system: 'Be brief.', stream: false, output: plan}}
  - tool: {{command: [printf, '%s', 'ran {{{{ outputs.plan }}}}'], output: ran}}
  - tool: {{http: {{url: 'http://{address}/tool?q={{{{ item.id | urlencode }}}}', method: post, body: '{{{{ outputs.ran }}}}'}}, output: found}}
  - when:
      if: '\"PLAN\" in outputs.plan'
      steps: [llm: {{messages: [{{role: user, content: 'say {{{{ outputs.ran }}}} and \"more\" of {{{{ outputs.found }}}}'}}], max_tokens: 9, output: said}}]
      else: [llm: {{prompt: never}}]
  - repeat: {{times: 2, steps: [llm: {{prompt: 'round {{{{ round }}}} {{{{ outputs.said }}}}', model: other, extra_body: {{top_k: 3}}}}]}}
"
    );
    let project = chain(address, &steps, ONE)
        .file("questions.jsonl", "{\"id\": \"a b\", \"question\": \"q\", \"topic\": \"sums\"}\n");
    project.run(&["run", "spec.yml"]).success();
    let asked = bodies(&server);
    let last =
        |body: &Value| body["messages"].as_array().unwrap().last().unwrap()["content"].clone();
    assert_eq!(
        asked.iter().map(last).collect::<Vec<_>>(),
        [
            "plan sums",
            "say ran PLAN SUMS and \"more\" of found",
            "round 0 SAY RAN PLAN SUMS AND \"MORE\" OF FOUND",
            "round 1 SAY RAN PLAN SUMS AND \"MORE\" OF FOUND",
        ]
    );
    assert_eq!(asked[0]["messages"][0], json!({ "role": "system", "content": "Be brief." }));
    assert_eq!((&asked[1]["max_tokens"], &asked[1]["stream"]), (&9.into(), &true.into()));
    assert_eq!((&asked[2]["model"], &asked[2]["top_k"]), (&"other".into(), &3.into()));
    let tool =
        server.requests.lock().unwrap().iter().find(|it| it.contains("/tool")).unwrap().clone();
    assert!(tool.starts_with("POST /tool?q=a%20b "), "{tool}");
    assert!(tool.ends_with("ran PLAN SUMS"), "{tool}");
    let [run] = project.runs("sweep@1").try_into().unwrap();
    let calls = run["llm_calls"].as_array().unwrap();
    assert_eq!(calls.len(), 4);
    assert_eq!((&calls[2]["model"], &calls[0]["ttft"]), (&"other".into(), &Value::Null));
    assert!(calls[1]["ttft"].is_number());
}

#[test]
fn parallel_steps_are_parallel_and_values_are_taken_in_turn() {
    let simulator = SimulatorProcess::start(&["engine.base=10ms", "output_tokens=200"]);
    let steps = "  - parallel:
    - [llm: {prompt_tokens: 40, max_tokens: {values: [3, 5, 4]}}]
    - [tool: {sleep: 1ms}, llm: {prompt_tokens: {values: [10, 30, 20]}, max_tokens: 2}]
  - choose:
    - {weight: 2, steps: [llm: {prompt_tokens: 7, max_tokens: {values: [6, 7]}}]}
    - {weight: 1, steps: []}
";
    let project =
        chain(simulator.address, steps, "concurrency: {mode: burst, levels: [1], runs: 6}");
    project.run(&["run", "spec.yml"]).success();
    let seen: Vec<Vec<(u64, u64)>> = project
        .runs("sweep@1")
        .iter()
        .map(|run| {
            let calls = run["llm_calls"].as_array().unwrap();
            let overlap = calls[1]["start"].as_f64() < calls[0]["end"].as_f64();
            assert!(overlap, "{run:#}");
            let tokens = |call: &Value, key: &str| call[key].as_u64().unwrap();
            calls
                .iter()
                .map(|it| (tokens(it, "prompt_tokens"), tokens(it, "completion_tokens")))
                .collect()
        })
        .collect();
    assert_eq!(
        seen,
        [
            vec![(40, 3), (10, 2), (7, 6)],
            vec![(40, 5), (30, 2), (7, 7)],
            vec![(40, 4), (20, 2)],
            vec![(40, 3), (10, 2), (7, 6)],
            vec![(40, 5), (30, 2), (7, 7)],
            vec![(40, 4), (20, 2)],
        ]
    );
}

#[test]
fn a_chain_needs_no_dataset_and_is_cached_like_anything_else() {
    let simulator = SimulatorProcess::fast();
    let spec = format!(
        "version: 1\nname: test\nworkflow: {{type: chain, model: m, llm: {{upstream: 'http://{}/v1'}}, \
         steps: [llm: {{prompt_tokens: {{from: 5, to: 9}}, max_tokens: 3}}]}}\ntest: {{gpu_count: 1}}\n\
         concurrency: {{levels: [1, 2], passes: 3}}\ntargets: {{users: 10, workflow_runtime: 1s}}\n",
        simulator.address
    );
    let project = Sizer::new().spec(&spec);
    project.run(&["run", "spec.yml"]).success().stdout("the test rig carries at least 2");
    project.run(&["run", "spec.yml"]).success().stderr("0 stages run, 11 cached");
    let changed = project.run(&["plan", "spec.yml", "--set", "workflow.steps.0.llm.max_tokens=4"]);
    changed.success().stdout("10 of 11 stages would run");
    project.run(&["validate", "spec.yml"]).success();
}

#[test]
fn a_step_that_fails_fails_the_run_and_says_which() {
    let simulator = SimulatorProcess::fast();
    for (step, kind, message) in [
        (
            "tool: {command: [sh, -c, 'echo no disk >&2; exit 2']}",
            "exit",
            "exit status: 2: no disk",
        ),
        ("llm: {prompt: '{{ outputs.nothing }}'}", "template", "workflow.steps.0.llm.prompt"),
        ("when: {if: 'outputs.nothing == 1', steps: []}", "template", "workflow.steps.0.when.if"),
        ("tool: {sleep: 10s}", "timeout", "not all steps were done within 0.4 s"),
        ("tool: {http: {url: 'http://127.0.0.1:1/x'}}", "connect", "127.0.0.1:1"),
    ] {
        let timeout = if kind == "timeout" { "400ms" } else { "30s" };
        let project = chain(simulator.address, &format!("  - {step}"), ONE);
        project.run(&["run", "spec.yml", "--set", &format!("workflow.timeout={timeout}")]);
        let failure = project.result()["levels"][0]["failures"][0].clone();
        assert_eq!(failure["kind"], kind, "{step}: {failure}");
        assert!(failure["first_message"].as_str().unwrap().contains(message), "{step}: {failure}");
    }
}

#[test]
fn mistakes_in_chains() {
    let of = |steps: &str| {
        let address = std::net::SocketAddr::from(([127, 0, 0, 1], 9));
        chain(address, &format!("  - {steps}"), ONE).run(&["validate", "spec.yml"]).code(2).stderr
    };
    insta::assert_snapshot!(
        [
            "lm: {prompt: x}",
            "{llm: {}, tool: {sleep: 1}}",
            "llm: {prompt: x, prompt_tokens: 3}",
            "llm: {prompt: '{{ item.'}",
            "llm: {upstream: other}",
            "llm: {extra_body: {model: x}}",
            "llm: {max_tokens: {median: 5, to: 7}}",
            "llm: {max_tokens: soon}",
            "tool: {}",
            "tool: {sleep: {values: []}}",
            "tool: {sleep: {from: 3, to: 2}}",
            "tool: {http: {url: 'http://{{ item.id }}/'}}",
            "tool: {http: {url: 'http://h/', headers: {authorization: abc}}}",
            "repeat: {times: 1000000, steps: []}",
            "parallel: []",
            "choose: [{weight: 0, steps: []}]",
            "when: {if: '1 +', steps: []}",
        ]
        .map(of)
        .join("\n")
    );
}

/// Asks twice, with a pause of 40 ms; the second answer differs from item to item. `curl` is the client.
const AGENT: &str = "ask() {
  curl -sf -H 'content-type: application/json' -d \"$1\" \"$OPENAI_BASE_URL/chat/completions\" > /dev/null || exit 1
}
ask '{\"model\": \"m\", \"max_tokens\": 5, \"messages\": [{\"role\": \"user\", \"content\": \"12345678901234567890\"}]}'
sleep 0.04
ask '{\"model\": \"m\", \"max_tokens\": '$1', \"messages\": [{\"role\": \"user\", \"content\": \"1234\"}]}'
";

#[test]
fn a_trace_is_a_chain_of_the_same_shape() {
    if std::process::Command::new("curl").arg("--version").output().is_err() {
        println!("not run: there is no curl");
        return;
    }
    let simulator = SimulatorProcess::start(&["engine.base=2ms", "output_tokens=100"]);
    let project = Sizer::new()
        .file("agent.sh", AGENT)
        .file("questions.jsonl", "{\"id\": 1, \"question\": \"a\", \"tokens\": 3}\n{\"id\": 2, \"question\": \"b\", \"tokens\": 9}\n")
        .workflow(
            &format!(
                "{{type: command, run: [sh, agent.sh, '{{{{ item.tokens }}}}'], llm: {{upstream: 'http://{}/v1', api_key: '${{env:TRACE_KEY}}'}}}}",
                simulator.address
            ),
            "test: {gpu_count: 2}\nconcurrency: {levels: [1, 2], passes: 2}\ntargets: {users: 9, workflow_runtime: 5s}",
        )
        .env("TRACE_KEY", "canary-4711-trace");
    project
        .run(&["trace", "spec.yml", "--runs", "4", "-o", "chain.yml"])
        .success()
        .stdout("wrote chain.yml");
    // Nothing was put into the store, and nothing secret into the spec.
    assert!(!project.path(".sizer").exists() && !project.path("out").exists());
    let text = project.read("chain.yml");
    assert!(text.contains("${env:TRACE_KEY}") && !text.contains("canary"), "{text}");
    let spec = sizer::Spec::from_path(project.path("chain.yml")).unwrap().canonical();
    let steps = spec["workflow"]["steps"].as_array().unwrap().clone();
    let calls: Vec<&Value> = steps.iter().filter_map(|step| step.get("llm")).collect();
    assert_eq!(calls.len(), 2, "{text}");
    assert_eq!((&calls[0]["prompt_tokens"], &calls[0]["max_tokens"]), (&5.into(), &5.into()));
    assert_eq!(calls[1]["max_tokens"], json!({ "values": [3, 9, 3, 9] }));
    assert_eq!(spec["test"]["gpu_count"], 2);
    assert_eq!(spec["targets"]["users"], 9);
    let ended = project.run(&["run", "chain.yml"]).success();
    assert!(!format!("{ended:?}").contains("canary"));
    // Its reports take the place of none of the traced spec's.
    assert!(!project.path("out").exists());
    let result: Value = serde_json::from_str(&project.read("out-traced/result.json")).unwrap();
    for level in result["levels"].as_array().unwrap() {
        assert_eq!((&level["failed"], &level["llm_calls"]["mean"]), (&0.into(), &2.0.into()));
        // What the pause took is in there, and the model's own time.
        assert!(level["workflow_runtime"]["mean"].as_f64().unwrap() > 0.04);
    }
    // Never over a file that is there.
    project.run(&["trace", "spec.yml", "-o", "chain.yml"]).code(2).stderr("already exists");
}

#[test]
fn a_trace_without_calls_says_what_is_missing() {
    let simulator = SimulatorProcess::fast();
    let address = simulator.address;
    let of = |workflow: &str| {
        Sizer::new().workflow(workflow, ONE).run(&["trace", "spec.yml", "--runs", "2"])
    };
    of("{type: command, run: ['true']}").code(2).stderr("the LLM servers behind it are not named");
    let llm = format!("llm: {{upstream: 'http://{address}/v1'}}");
    of(&format!("{{type: command, run: ['true'], {llm}}}"))
        .code(2)
        .stderr("no LLM call was seen in any run");
    of(&format!("{{type: command, run: ['false'], {llm}}}"))
        .code(2)
        .stderr("all runs failed: program failed");
    // A run of a chat endpoint is a call already.
    let openai =
        of(&format!("{{type: openai, base_url: 'http://{address}/v1', model: m}}")).success();
    openai.stdout("type: chain").stdout("max_tokens: 4");
}
