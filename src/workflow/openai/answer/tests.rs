use super::*;
use crate::workflow::transport::Progress;

fn read(body: &str, piece: usize) -> Result<ParsedAnswer, Failure> {
    let mut stream = Stream::default();
    for (index, chunk) in body.as_bytes().chunks(piece).enumerate() {
        stream.feed(chunk, index as f64)?;
    }
    stream.finish(f64::INFINITY)
}

/// Feeds events that arrive one second apart.
fn stream(events: &[&str]) -> Result<ParsedAnswer, Failure> {
    let mut stream = Stream::default();
    for (index, event) in events.iter().enumerate() {
        stream.feed(format!("{event}\n\n").as_bytes(), index as f64)?;
    }
    stream.finish(events.len() as f64)
}

fn delta(delta: &str) -> String {
    format!(r#"data: {{"choices":[{{"index":0,"delta":{delta},"finish_reason":null}}]}}"#)
}

fn token(words: &str) -> String {
    delta(&format!(r#"{{"content":"{words}"}}"#))
}

fn ended(reason: &str) -> String {
    format!(r#"data: {{"choices":[{{"index":0,"delta":{{}},"finish_reason":"{reason}"}}]}}"#)
}

const DONE: &str = "data: [DONE]";

fn kind(events: &[&str]) -> FailureKind {
    stream(events).unwrap_err().kind
}

#[test]
fn the_first_token_is_the_first_that_says_something() {
    let said = stream(&[
        r#"data: {"choices":[{"delta":{"role":"assistant","content":null},"finish_reason":null}]}"#,
        r#"data: {"choices":[{"delta":{"content":"","tool_calls":[]}}]}"#,
        r#"data: {"choices":[{"delta":{"content":"h\u00e9"}}]}"#,
        ": keep-alive",
        r#"data:{"choices":[{"delta":{"content":"","tool_calls":[]},"finish_reason":"stop"}]}"#,
        r#"data: {"choices":[],"usage":{"prompt_tokens":3,"completion_tokens":2,"total_tokens":5}}"#,
        DONE,
    ])
    .unwrap();
    assert_eq!(said.arrivals, [2.0]);
    assert_eq!(said.finish_reason.as_deref(), Some("stop"));
    assert_eq!(said.ended, Some(6.0));
    assert_eq!((said.usage.prompt_tokens, said.usage.completion_tokens), (Some(3), Some(2)));
}

#[test]
fn the_line_of_the_end_ends_an_answer_wherever_chunks_are_cut() {
    let body = format!("{}\n\n{}\n\n{DONE}\ndata: {{#\n\n", token("w"), ended("stop"));
    for piece in [1, 7, body.len()] {
        let mut stream = Stream::default();
        for chunk in body.as_bytes().chunks(piece) {
            stream.feed(chunk, 0.0).unwrap();
        }
        assert_eq!(stream.finish(0.0).unwrap().arrivals.len(), 1, "{piece}");
    }
}

#[test]
fn what_is_no_stream_is_quoted_alike_wherever_chunks_are_cut() {
    for body in [" [data: {", " {\"data: cut off", "\n{\"id\": 1,"] {
        let body = body.as_bytes();
        let said = [1, body.len()].map(|piece| {
            let mut stream = Stream::default();
            let fed = body.chunks(piece).try_for_each(|chunk| stream.feed(chunk, 0.0).map(drop));
            fed.and_then(|()| stream.finish(0.0).map(drop)).unwrap_err()
        });
        assert_eq!(said[0], said[1]);
    }
}

#[test]
fn tokens_of_every_kind() {
    for said in [
        r#"{"reasoning":"r"}"#,
        r#"{"reasoning_content":"r"}"#,
        r#"{"thinking":"r"}"#,
        r#"{"content":[{"type":"thinking","thinking":[{"type":"text","text":"r"}]}]}"#,
    ] {
        let said =
            stream(&[&delta(said), &delta(said), &token("w"), &ended("stop"), DONE]).unwrap();
        assert_eq!((said.arrivals, said.answer_at), (vec![0.0, 1.0, 2.0], Some(2.0)));
    }
    for said in [
        r#"{"content":"w"}"#,
        r#"{"refusal":"no"}"#,
        r#"{"content":null,"function_call":{"arguments":"{"}}"#,
        r#"{"tool_calls":[{"index":0,"function":{"arguments":"{"}}]}"#,
        r#"{"content":[{"type":"text","text":"w"}]}"#,
    ] {
        let said = stream(&[&delta(said), &delta(said), &ended("stop"), DONE]).unwrap();
        assert_eq!((said.arrivals, said.answer_at), (vec![0.0, 1.0], Some(0.0)));
    }
}

#[test]
fn chunks_that_look_like_the_last_are_told_from_it() {
    let (plain, quoted) = (token("a"), token(r#"","finish":""#));
    let (escaped, empty) = (token(r"\n"), token(""));
    let twice = token(r#"x"}},{"delta":{"content":"y"#);
    let usage = r#"data: {"choices":[{"delta":{"content":"u"}}],"usage":{"completion_tokens":9}}"#;
    let last = r#"data: {"choices":[{"delta":{"content":"z"},"finish_reason":"stop"}]}"#;
    let said = stream(&[&plain, &plain, &empty, &escaped, &quoted, &twice, usage, usage, last]);
    let said = said.unwrap();
    assert_eq!(said.arrivals, [0.0, 1.0, 3.0, 5.0, 5.0, 6.0, 7.0, 8.0]);
    assert_eq!(said.usage.completion_tokens, Some(9));
    for broken in [r"\", "\u{1}", r#"" "#] {
        assert_eq!(kind(&[&plain, &token(broken)]), FailureKind::Malformed, "{broken}");
    }
    let mut cut = Stream::default();
    cut.feed(format!("{plain}\n\n").as_bytes(), 0.0).unwrap();
    let plain = format!("{plain}\n\n");
    let not_utf8 = [&plain.as_bytes()[..50], b"\xff", &plain.as_bytes()[50..]].concat();
    // Text cut within a character.
    cut.feed(&not_utf8, 1.0).unwrap();
    assert_eq!(cut.so_far().arrivals, [0.0, 1.0]);
}

#[test]
fn a_failure_is_never_a_success() {
    use FailureKind::{Malformed, Truncated, WorkflowError};
    let word = token("w");
    let (stop, nothing) = (ended("stop"), ended(""));
    let two = |index: u8, reason: &str| {
        format!(
            r#"data: {{"choices":[{{"index":{index},"delta":{{"content":"w"}},"finish_reason":{reason}}}]}}"#
        )
    };
    let (first, second) = (two(0, r#""stop""#), two(1, "null"));
    let cases: [(&[&str], FailureKind); 21] = [
        (&[], Truncated),
        (&[DONE], Truncated),
        (&[&word], Truncated),
        (&[&word, &nothing], Truncated),
        (&[&stop, DONE], Truncated),
        (&[&first, &second], Truncated),
        (&[&first, &second, DONE], Truncated),
        (&[r#"data: {"choices":[]}"#, DONE], Truncated),
        (&[r#"data: {"choices":["#], Malformed),
        (&["<html>"], Malformed),
        (&["Internal Server Error"], Malformed),
        (&[r#"data: {"what":"else"}"#, DONE], Malformed),
        (&[r#"data: {"error":{"message":"boom"}}"#], WorkflowError),
        (&[&word, r#"data: {"object":"error","message":"died"}"#, DONE], WorkflowError),
        (&[&word, r#"data: {"text":"oom","error_code":50002}"#, DONE], WorkflowError),
        (&[&word, "event: error\ndata: {\"status\":503}", DONE], WorkflowError),
        (&[&word, "data: x\nevent: error", DONE], WorkflowError),
        (&[&word, &ended("abort"), DONE], WorkflowError),
        (&[&word, &ended("error"), DONE], WorkflowError),
        (&[&word, &ended("insufficient_system_resource"), DONE], WorkflowError),
        (&[r#"data: {"choices":[{"error":{"code":502},"finish_reason":"stop"}]}"#], WorkflowError),
    ];
    for (events, expected) in cases {
        assert_eq!(kind(events), expected, "{events:?}");
    }
    for good in [
        &[&word, &stop, DONE][..],
        &[&word, &stop],
        &[&word, DONE],
        &[&word, &first, &two(1, r#""length""#)],
        // A model that ends at once: one token is counted, and nothing is said.
        &[&stop, r#"data: {"choices":[],"usage":{"completion_tokens":1}}"#, DONE],
        &[": ping", "data:", "event: ping\ndata: alive", &word, &stop, DONE, "data: what follows"],
    ] {
        assert!(stream(good).is_ok(), "{good:?}");
    }
}

#[test]
fn whole_answers_are_judged_alike() {
    use FailureKind::{Malformed, Truncated, WorkflowError};
    let kind = |body: &str| WholeAnswer::parse(body.as_bytes()).map(|_| ()).unwrap_err().kind;
    for (body, expected) in [
        (r#"{"choices":[{"mess"#, Truncated),
        (r#"{"choices":[]}"#, Malformed),
        ("data: {}", Malformed),
        (r#"{"error":"busy"}"#, WorkflowError),
        (r#"{"object":"error","message":"died","code":500}"#, WorkflowError),
        (r#"{"choices":[{"message":{"content":"p"},"error":{"code":502}}]}"#, WorkflowError),
        (r#"{"choices":[{"message":{"content":"p"},"finish_reason":"error"}]}"#, WorkflowError),
        (r#"{"choices":[{"message":{"content":""},"finish_reason":"stop"}]}"#, Truncated),
        (r#"{"choices":[{"message":{"content":null,"tool_calls":[]}}]}"#, Truncated),
        (
            r#"{"choices":[{"message":{"content":"a"},"finish_reason":"stop"},{"message":{"content":"b"}}]}"#,
            Truncated,
        ),
    ] {
        assert_eq!(kind(body), expected, "{body}");
    }
    for message in [
        r#"{"content":"hi"}"#,
        r#"{"content":[{"type":"text","text":"hi"}]}"#,
        r#"{"content":null,"tool_calls":[{"id":"t","function":{"name":"f"}}]}"#,
        r#"{"content":null,"refusal":"no"}"#,
        r#"{"content":null,"reasoning":"hm"}"#,
    ] {
        let body = format!(r#"{{"choices":[{{"message":{message}}}],"error":null}}"#);
        assert!(WholeAnswer::parse(body.as_bytes()).is_ok(), "{body}");
    }
}

#[test]
fn a_whole_answer_to_a_request_for_a_stream_is_named() {
    let body = "{\n \"choices\": [{\"message\": {\"content\": \"hi\"}}]}";
    for piece in [1, 7, 100] {
        let failure = read(body, piece).unwrap_err();
        assert_eq!(failure.kind, FailureKind::Malformed);
        assert!(failure.message.contains("set `stream: false`"), "{failure}");
    }
    assert_eq!(read(r#"{"error":"busy"}"#, 3).unwrap_err().kind, FailureKind::WorkflowError);
}

#[test]
fn the_answer_is_over_at_its_last_word() {
    let mut stream = Stream::default();
    let mut feed = |text: &str, now| stream.feed(text.as_bytes(), now).unwrap();
    assert_eq!(feed(&format!("{}\n\n", token("w")), 1.0), Progress::Open);
    let complete = Progress::Complete { parts: 2 };
    assert_eq!(feed(&format!("{}\n\n", ended("stop")), 2.0), complete);
    assert_eq!(feed(": ping\n\ndata: {\"choices\":[]}\n\n", 2.5), complete);
    assert_eq!(feed("data: [DO", 3.0), complete);
    // A caller that waits for the blank line might wait for ever.
    assert_eq!(feed("NE]\n", 4.0), Progress::Over);
    assert_eq!(feed("\ndata: {oops\n\n", 5.0), Progress::Over);
    assert_eq!(stream.finish(9.0).unwrap().ended, Some(4.0));
}

#[test]
fn times_between_tokens_count_tokens() {
    let itl = |pieces: &[(&str, f64)], usage: &str, end: f64| {
        let mut stream = Stream::default();
        let mut feed =
            |text: &str, now: f64| _ = stream.feed(format!("{text}\n\n").as_bytes(), now).unwrap();
        for (words, at) in pieces {
            feed(&token(words), *at);
        }
        feed(&ended("stop"), end);
        feed(&format!(r#"data: {{"choices":[],"usage":{usage}}}"#), end);
        feed(DONE, end);
        stream.finish(end).unwrap().as_call(0.0, end)
    };
    let close = |value: f64, expected: f64| (value - expected).abs() < 1e-9;
    let every = |gap: f64, words: &'static str| (0..10).map(move |n| (words, f64::from(n) * gap));
    let fives: Vec<_> = every(0.05, "a b c d e ").collect();
    let call = itl(&fives, r#"{"completion_tokens":50}"#, 0.45);
    assert!(close(call.itl.unwrap().mean, 0.01), "{call:?}");
    assert!(close(call.chunk_gaps.unwrap().mean, 0.05), "{call:?}");
    assert_eq!(call.chunks, Some(10));
    // The first token arrives alone, as it does with speculative decoding.
    let mut alone = fives.clone();
    alone[0].0 = "a ";
    let call = itl(&alone, r#"{"completion_tokens":46}"#, 0.45);
    assert!(close(call.itl.unwrap().mean, 0.01), "{call:?}");
    // One token per chunk, and one that only ends the answer.
    let ones: Vec<_> = every(0.02, "w ").collect();
    let call = itl(&ones, r#"{"completion_tokens":11}"#, 0.20);
    assert!(close(call.itl.unwrap().mean, 0.02) && call.chunks.is_none(), "{call:?}");
    assert!(close(call.itl.unwrap().max.unwrap(), 0.02), "{call:?}");
    for odd in [
        "{}",
        r#"{"completion_tokens":0}"#,
        r#"{"completion_tokens":-35}"#,
        r#"{"completion_tokens":1}"#,
        r#"{"completion_tokens":110,"completion_tokens_details":{"reasoning_tokens":100}}"#,
    ] {
        let call = itl(&ones, odd, 0.18);
        assert!(close(call.itl.unwrap().mean, 0.02) && call.chunks.is_none(), "{odd}: {call:?}");
    }
    let call = itl(&[("all of it", 0.3)], r#"{"completion_tokens":10}"#, 0.3);
    assert_eq!((call.itl, call.chunks), (None, Some(1)), "{call:?}");
}

#[test]
fn each_of_several_choices_has_its_own_pace() {
    let mut stream = Stream::default();
    for step in 0..5_u32 {
        for index in 0..2 {
            let reason = if step == 4 { r#""stop""# } else { "null" };
            let chunk = format!(
                "data: {{\"choices\":[{{\"index\":{index},\"delta\":{{\"content\":\"w\"}},\"finish_reason\":{reason}}}]}}\n\n"
            );
            stream.feed(chunk.as_bytes(), f64::from(step)).unwrap();
        }
    }
    let call = stream.finish(4.0).unwrap().as_call(0.0, 4.0);
    assert!((call.itl.unwrap().mean - 1.0).abs() < 1e-9, "{call:?}");
}

#[test]
fn a_choice_that_comes_late_is_no_pause_of_another() {
    let choice = |index: u8, words: &str, reason: &str| {
        format!(
            "data: {{\"choices\":[{{\"index\":{index},\"delta\":{{\"content\":\"{words}\"}},\"finish_reason\":{reason}}}]}}\n\n"
        )
    };
    let itl = |pieces: &[(u8, &str, f64)], usage: &str| {
        let mut stream = Stream::default();
        let mut feed = |text: &str, now| _ = stream.feed(text.as_bytes(), now).unwrap();
        for (index, words, at) in pieces {
            feed(&choice(*index, words, "null"), *at);
        }
        feed(&choice(0, "", "\"stop\""), 9.0);
        feed(&choice(1, "", "\"stop\""), 9.0);
        feed(&format!("data: {{\"choices\":[],\"usage\":{usage}}}\n\ndata: [DONE]\n\n"), 9.0);
        stream.finish(9.0).unwrap().as_call(0.0, 9.0).itl.map(|gaps| gaps.mean)
    };
    assert_eq!(itl(&[(0, "a", 1.0), (1, "a", 1.0), (1, "z", 2.5)], "{}"), Some(1.5));
    assert_eq!(itl(&[(0, "a", 1.0), (1, "a", 2.5)], "{}"), None);
    let slow = [(0, "a", 0.0), (0, "b", 1.0), (0, "c", 2.0), (1, "a", 5.0), (1, "b", 8.0)];
    assert_eq!(itl(&slow, "{}"), Some(5.0 / 3.0));
    assert_eq!(itl(&slow, r#"{"completion_tokens":5}"#), Some(5.0 / 3.0));
    // Five tokens in each piece.
    let fives = [(0, "abcde", 0.0), (0, "abcde", 1.0), (1, "abcde", 0.5), (1, "abcde", 1.5)];
    assert_eq!(itl(&fives, r#"{"completion_tokens":20}"#).map(|gap| gap < 2.0), Some(true));
}

#[test]
fn choices_without_an_end_are_no_answer() {
    let many = |count: usize| format!(r#"data: {{"choices":[{}{{}}]}}"#, "{},".repeat(count - 1));
    assert_eq!(kind(&[&many(4_097), DONE]), FailureKind::Malformed);
    let whole = format!(r#"{{"choices":[{}{{}}]}}"#, "{},".repeat(5_000));
    assert_eq!(WholeAnswer::parse(whole.as_bytes()).unwrap_err().kind, FailureKind::Malformed);
    let said = stream(&[&token("a"), r#"data: {"choices":null,"usage":{}}"#, &ended("stop"), DONE]);
    assert!(said.is_ok());
}
