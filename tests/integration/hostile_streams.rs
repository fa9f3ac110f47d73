//! What servers send that go wrong in ways of their own, and servers that are odd and right.

use crate::streams::{DONE, delta, ended, token, usage};

/// What a server sends, and what that is.
pub(crate) struct Case {
    pub name: &'static str,
    pub bytes: Vec<u8>,
    /// The kind of the failure, or nothing.
    pub kind: &'static str,
}

pub(crate) fn case(name: &'static str, bytes: impl Into<Vec<u8>>, kind: &'static str) -> Case {
    Case { name, bytes: bytes.into(), kind }
}

pub(crate) const GOOD: &str = "";
/// Looks like what is packed, and like no text.
pub(crate) const PACKED: &[u8] = b"\x1f\x8b\x08\x00packed";

/// An answer in pieces, ended as HTTP wants it.
pub(crate) fn pieces(more: &str, pieces: &[&[u8]]) -> Vec<u8> {
    let mut bytes = format!(
        "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n{more}transfer-encoding: chunked\r\n\r\n"
    )
    .into_bytes();
    for piece in pieces.iter().filter(|piece| !piece.is_empty()) {
        bytes.extend(format!("{:x}\r\n", piece.len()).bytes());
        bytes.extend(*piece);
        bytes.extend(b"\r\n");
    }
    bytes.extend(b"0\r\n\r\n");
    bytes
}

pub(crate) fn stream(body: &str) -> Vec<u8> {
    pieces("", &[body.as_bytes()])
}

pub(crate) fn whole(status: &str, body: &str) -> Vec<u8> {
    format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\n\r\n{body}", body.len()).into_bytes()
}

fn choice(index: u32, words: &str, reason: &str) -> String {
    format!(
        "data: {{\"choices\":[{{\"index\":{index},\"delta\":{{\"content\":\"{words}\"}},\"finish_reason\":{reason}}}]}}\n\n"
    )
}

/// Streams that are failures by what they say.
fn failing() -> Vec<Case> {
    let end = ended("stop") + DONE;
    vec![
        case(
            "an error after tokens",
            stream(&format!("{}data: {{\"error\":{{\"message\":\"died\"}}}}\n\n{DONE}", token())),
            "workflow_error",
        ),
        case(
            "an error that is a text",
            stream(&format!("{}data: {{\"error\":\"rate limited\"}}\n\n{end}", token())),
            "workflow_error",
        ),
        case(
            "a detail",
            stream(&format!("{}data: {{\"detail\":\"Internal Server Error\"}}\n\n{end}", token())),
            "workflow_error",
        ),
        case(
            "an error after the reason",
            stream(&format!(
                "{}{}data: {{\"error\":{{\"code\":500}}}}\n\n",
                token(),
                ended("stop")
            )),
            "workflow_error",
        ),
        case(
            "an error outside of events",
            stream(&format!("{}{{\"error\":{{\"message\":\"died\"}}}}\n\n{DONE}", token())),
            "workflow_error",
        ),
        case(
            "a field of its own for errors",
            stream(&format!("{}error: {{\"code\":500,\"message\":\"died\"}}\n\n{DONE}", token())),
            "workflow_error",
        ),
        case(
            "an event that has failed",
            stream(&format!("{}event: response.failed\ndata: {{\"id\":1}}\n\n{DONE}", token())),
            "workflow_error",
        ),
        case(
            "an error event in capitals",
            stream(&format!("{}event: ERROR\ndata: busy\n\n{DONE}", token())),
            "workflow_error",
        ),
        case(
            "cut by length before the first token",
            stream(&(ended("length") + DONE)),
            "truncated",
        ),
        case(
            "filtered before the first token",
            stream(&(ended("content_filter") + DONE)),
            "truncated",
        ),
        case(
            "a tool call that is none",
            stream(
                &(delta(r#"{"tool_calls":[{"index":0,"function":{"name":"","arguments":""}}]}"#)
                    + &ended("tool_calls")
                    + DONE),
            ),
            "truncated",
        ),
        case(
            "reasons that are the word null, then cut",
            stream(&choice(0, "w", "\"null\"")),
            "truncated",
        ),
        case(
            "only counts of the prompt",
            stream(&format!(
                "data: {{\"choices\":[],\"usage\":{{\"prompt_tokens\":7,\"completion_tokens\":0}}}}\n\n{DONE}"
            )),
            "truncated",
        ),
        case(
            "one of three cut",
            stream(
                &(choice(0, "a", "null")
                    + &choice(1, "b", "null")
                    + &choice(2, "c", "null")
                    + &choice(1, "", "\"stop\"")
                    + &choice(0, "", "\"stop\"")
                    + DONE),
            ),
            "truncated",
        ),
    ]
}

/// Answers that are no such streams, or are not framed as such.
fn broken() -> Vec<Case> {
    vec![
        case(
            "a page",
            whole("200 OK", "<!DOCTYPE html><html><body>Sign in</body></html>"),
            "malformed",
        ),
        case(
            "lines of JSON",
            stream(
                "{\"model\":\"m\",\"message\":{\"content\":\"a\"},\"done\":false}\n{\"done\":true}\n",
            ),
            "malformed",
        ),
        case("a word", whole("200 OK", "OK"), "malformed"),
        case("no body", whole("200 OK", ""), "truncated"),
        case("no content", "HTTP/1.1 204 No Content\r\n\r\n", "truncated"),
        case("packed", pieces("content-encoding: br\r\n", &[PACKED]), "malformed"),
        case(
            "packed in transfer",
            String::from_utf8_lossy(&pieces("", &[&PACKED[2..]]))
                .replace("encoding: chunked", "encoding: gzip, chunked"),
            "malformed",
        ),
        case(
            "cut in the middle",
            format!("HTTP/1.1 200 OK\r\ncontent-length: 9999\r\n\r\n{}", token()),
            "closed",
        ),
        case(
            "cut in a piece",
            format!("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nffff\r\n{}", token()),
            "closed",
        ),
        case(
            "cut where it is not framed",
            format!("HTTP/1.0 200 OK\r\n\r\n{}", token()),
            "truncated",
        ),
        case(
            "another protocol",
            "HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n",
            "http_status",
        ),
        case("a length that is none", "HTTP/1.1 200 OK\r\ncontent-length: -5\r\n\r\n", "malformed"),
        case(
            "two lengths",
            format!("HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-length: 9\r\n\r\n{}", token()),
            "malformed",
        ),
        case(
            "a piece of no size",
            format!("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n{}\r\n", token()),
            "malformed",
        ),
        case(
            "packed, and refused",
            [
                &b"HTTP/1.1 500 No\r\ncontent-encoding: gzip\r\ncontent-length: 10\r\n\r\n"[..],
                PACKED,
            ]
            .concat(),
            "http_status",
        ),
        case(
            "headers without end",
            format!("HTTP/1.1 200 OK\r\n{}\r\n", "x-filler: 0123456789\r\n".repeat(200)),
            "too_large",
        ),
        case(
            "busy",
            whole("429 Too Many Requests\r\nretry-after: 1", "{\"error\":\"slow down\"}"),
            "rate_limited",
        ),
    ]
}

/// Good words in odd form.
fn odd_forms() -> Vec<Case> {
    let end = ended("stop") + &usage(2) + DONE;
    let good = token() + &token() + &end;
    let emoji = choice(0, "é漢😀", "null") + &end;
    let bytes: Vec<&[u8]> = emoji.as_bytes().chunks(1).collect();
    vec![
        case("filtered at the end", stream(&(token() + &ended("content_filter") + DONE)), GOOD),
        case("cut by length", stream(&(token() + &ended("length") + DONE)), GOOD),
        case(
            "three voices",
            stream(
                &(choice(2, "c", "null")
                    + &choice(0, "a", "null")
                    + &choice(1, "b", "null")
                    + &choice(1, "", "\"stop\"")
                    + &choice(0, "", "\"stop\"")
                    + &choice(2, "", "\"length\"")
                    + DONE),
            ),
            GOOD,
        ),
        case(
            "counts with each piece",
            stream(&format!(
                "data: {{\"choices\":[{{\"delta\":{{\"content\":\"w\"}}}}],\"usage\":{{\"completion_tokens\":1}}}}\n\n{end}"
            )),
            GOOD,
        ),
        case("other ends of lines", stream(&good.replace('\n', "\r\n")), GOOD),
        case("old ends of lines", stream(&good.replace('\n', "\r")), GOOD),
        case("a mark at the beginning", stream(&format!("\u{feff}{good}")), GOOD),
        case(
            "signs of life",
            stream(&format!(": wait\n\n: wait\n\ndata:\n\nevent: ping\ndata: {{}}\n\n{good}")),
            GOOD,
        ),
        case("no space", stream(&good.replace("data: ", "data:")), GOOD),
        case(
            "something after the end",
            stream(&format!("{good}\n\ngarbage {{{{\n\ndata: {{\"error\":\"late\"}}\n\n")),
            GOOD,
        ),
        case("byte by byte", pieces("", &bytes), GOOD),
        case(
            "hints before",
            [
                b"HTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n",
                &stream(&good)[..],
            ]
            .concat(),
            GOOD,
        ),
        case("an old server", format!("HTTP/1.0 200 OK\r\n\r\n{good}"), GOOD),
        case(
            "capitals",
            String::from_utf8(stream(&good))
                .unwrap()
                .replace(
                    "content-type: text/event-stream",
                    "CONTENT-TYPE: Text/Event-Stream; Charset=UTF-8",
                )
                .replace("transfer-encoding", "TRANSFER-ENCODING"),
            GOOD,
        ),
        case(
            "trailers",
            String::from_utf8(stream(&good))
                .unwrap()
                .replace("0\r\n\r\n", "0\r\nx-checksum: 1\r\nerror: none\r\n\r\n"),
            GOOD,
        ),
        case(
            "another type",
            String::from_utf8(stream(&good))
                .unwrap()
                .replace("text/event-stream", "application/json"),
            GOOD,
        ),
    ]
}

/// Streams with odd words in good form.
fn odd_words() -> Vec<Case> {
    let end = ended("stop") + &usage(2) + DONE;
    let odd = |chunk: &str| stream(&format!("{}{chunk}{end}", token()));
    vec![
        case(
            "tool calls alone",
            stream(
                &(delta(
                    r#"{"tool_calls":[{"index":0,"id":"t","function":{"name":"f","arguments":"{}"}}]}"#,
                ) + &ended("tool_calls")
                    + DONE),
            ),
            GOOD,
        ),
        case(
            "thoughts alone",
            stream(&(delta(r#"{"reasoning_content":"hm"}"#) + &ended("length") + DONE)),
            GOOD,
        ),
        case(
            "a refusal alone",
            stream(&(delta(r#"{"refusal":"no"}"#) + &ended("stop") + DONE)),
            GOOD,
        ),
        case(
            "half a character",
            odd(&(choice(0, "\\ud83d", "null") + &choice(0, "\\ude00", "null"))),
            GOOD,
        ),
        case(
            "a broken character",
            pieces(
                "",
                &[
                    token().as_bytes(),
                    b"data: {\"choices\":[{\"delta\":{\"content\":\"\xf0\x9f\"}}]}\n\n",
                    end.as_bytes(),
                ],
            ),
            GOOD,
        ),
        case(
            "no number",
            odd(
                "data: {\"choices\":[{\"delta\":{\"content\":\"w\"},\"logprobs\":{\"a\":[-Infinity,NaN]}}]}\n\n",
            ),
            GOOD,
        ),
        case(
            "an error that is none",
            odd(
                "data: {\"choices\":[{\"delta\":{\"content\":\"w\"}}],\"error\":{\"code\":0,\"message\":\"\"}}\n\n",
            ),
            GOOD,
        ),
        case(
            "reasons that are the word null",
            stream(&(choice(0, "w", "\"null\"") + &choice(0, "w", "\"null\"") + &end)),
            GOOD,
        ),
        case(
            "an empty list for nothing",
            odd("data: {\"choices\":[{\"delta\":[],\"error\":[]}],\"usage\":[]}\n\n"),
            GOOD,
        ),
    ]
}

/// All that are failures.
pub(crate) fn bad_streams() -> Vec<Case> {
    failing().into_iter().chain(broken()).collect()
}

/// All that are odd, and good.
pub(crate) fn good_streams() -> Vec<Case> {
    odd_forms().into_iter().chain(odd_words()).collect()
}
