//! Datasets as people have them: separators, encodings, quotes, sheets, shapes of JSON, and files
//! that are something else than their names say.

use crate::support::Sizer;
use serde_json::{Value, json};
use std::path::Path;

fn project(file: &str, content: impl AsRef<[u8]>, dataset: &str) -> Sizer {
    let project = Sizer::new();
    std::fs::write(project.path(file), content).unwrap();
    let keys = if dataset.is_empty() { String::new() } else { format!(", {dataset}") };
    project.spec(&format!(
        "version: 1\nname: test\ndataset: {{path: {file}{keys}}}\nworkflow: {{type: command, run: [cat]}}\n\
         concurrency: {{mode: burst, levels: [1], passes: 1}}\n"
    ))
}

/// A conversation for an endpoint.
fn chat(file: &str, content: &str, keys: &str, messages_key: &str) -> Sizer {
    let keys = if keys.is_empty() { String::new() } else { format!(", {keys}") };
    Sizer::new().file(file, content).spec(&format!(
        "version: 1\nname: test\ndataset: {{path: {file}{keys}}}\nworkflow: {{type: openai, model: m, \
         base_url: 'http://127.0.0.1:1/v1'{messages_key}}}\nconcurrency: {{levels: [1]}}\n"
    ))
}

fn expanded(project: &Sizer) -> Vec<Value> {
    project.run(&["run", "spec.yml", "--until", "expand"]).success();
    let shown = project.run(&["show", "spec.yml", "expand"]).success().stdout;
    shown.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Questions of the rows that have one.
fn inputs(project: &Sizer) -> Vec<String> {
    let rows = expanded(project);
    rows.iter().filter_map(|row| Some(row.get("input")?.as_str().unwrap().to_owned())).collect()
}

#[test]
fn tables_are_read_whatever_separates_their_cells() {
    for (file, text) in [
        ("d.csv", "id,question\n1,\"a; b\"\n2,c|d\n"),
        ("d.csv", "id;question\n1;a; b\n2;c|d\n"),
        ("d.csv", "id;question\n1;\"a; b\"\n2;c|d\n"),
        ("d.csv", "id\tquestion\n1\ta; b\n2\tc|d\n"),
        ("d.tsv", "id\tquestion\r\n1\ta; b\r\n2\tc|d\r\n"),
        ("d.csv", "id|question\n1|a; b\n2|\"c|d\"\n"),
        ("d.csv", "sep=;\r\nid;question\r\n1;\"a; b\"\r\n2;c|d\r\n"),
        ("d.csv", "\u{feff}sep=;\nid;question\n1;\"a; b\"\n2;c|d\n"),
        ("d.csv", "\"frage, mit Komma\";question;id\n;\"a; b\";1\n;c|d;2\n"),
        ("d.csv", "\u{feff} id , question \n1,\"a; b\"\n2,c|d\n"),
    ] {
        // A row of the second kind has a separator in a cell without quotes, which is an error.
        if text.contains("1;a; b") {
            let run = project(file, text, "").run(&["validate", "spec.yml"]).code(2);
            run.stderr("d.csv:2:1: 3 cells in a table of 2 columns (separated by `;`; quote a cell that contains");
            continue;
        }
        assert_eq!(inputs(&project(file, text, "")), ["a; b", "c|d"], "{text:?}");
    }
    for line in ["\n", "\r\n"] {
        let text = ["id,question", "1,a", "2,b,c"].join(line);
        project("d.csv", &text, "")
            .run(&["validate", "spec.yml"])
            .code(2)
            .stderr("d.csv:3:1: 3 cells");
    }
    let caret = "id^question\n1^a\n";
    assert_eq!(inputs(&project("d.csv", caret, "separator: '^'")), ["a"]);
    let run = project("d.csv", caret, "separator: '::'").run(&["validate", "spec.yml"]).code(2);
    run.stderr("dataset.separator: a separator is one ASCII character");
}

#[test]
fn a_quote_that_is_not_closed_is_an_error() {
    let mut rows = String::from("id,question\n1,\"What is two plus two?\n");
    rows.extend((2..200).map(|id| format!("{id},Question number {id}?\n")));
    for (text, message) in [
        (rows, "d.csv:2:1: the quote that opens a cell here is never closed"),
        (
            "id,question\n1,a\n2,\"b\n3,c\n4,\"d\"\n5,e\n".to_owned(),
            "d.csv:3:1: the quote that opens a cell here is not closed before line 5",
        ),
        (
            "id,question\n1,\"say \\\"hi\\\" now\"\n".to_owned(),
            "d.csv:2:1: a quote inside a cell is written \\\" here; write it twice",
        ),
        (
            "sep=;\r\nid;question\r\n1;a\r\n2;\"b\r\n".to_owned(),
            "d.csv:4:1: the quote that opens a cell here is never closed",
        ),
    ] {
        project("d.csv", &text, "").run(&["validate", "spec.yml"]).code(2).stderr(message);
    }
    let sound = "id,question\n1,\"a \"\"quoted\"\"\nline\"\n2,\"\"\"\" \n3,5'10\" tall\n4,\"ends in \\\"\n5,\"\"\n";
    let project = project("d.csv", sound, "");
    assert_eq!(
        expanded(&project).iter().map(|row| row["input"].clone()).collect::<Vec<_>>(),
        [
            json!("a \"quoted\"\nline"),
            json!("\" "),
            json!("5'10\" tall"),
            json!("ends in \\"),
            Value::Null
        ]
    );
}

#[test]
fn encodings_are_recognised_or_named() {
    let utf16 = |text: &str, mark: bool, big: bool| {
        let units = mark.then_some(0xfeff).into_iter().chain(text.encode_utf16());
        let bytes = |unit: u16| if big { unit.to_be_bytes() } else { unit.to_le_bytes() };
        units.flat_map(bytes).collect::<Vec<u8>>()
    };
    for (file, text) in [
        ("d.csv", "id,question\n1,Größe?\n"),
        ("d.jsonl", "{\"id\": 1, \"question\": \"Größe?\"}\n"),
        ("d.json", "[{\"id\": 1, \"question\": \"Größe?\"}]"),
    ] {
        for big in [false, true] {
            assert_eq!(inputs(&project(file, utf16(text, true, big), "")), ["Größe?"], "{file}");
            let name = if big { "utf-16be" } else { "utf-16le" };
            let unmarked = utf16(text, false, big);
            let run = project(file, &unmarked, "").run(&["validate", "spec.yml"]).code(2);
            run.stderr(&format!("UTF-16 without a byte order mark; set dataset.encoding: {name}"));
            let named = project(file, unmarked, &format!("encoding: {name}"));
            assert_eq!(inputs(&named), ["Größe?"], "{file}");
        }
        let marked = [b"\xef\xbb\xbf", text.as_bytes()].concat();
        assert_eq!(inputs(&project(file, marked, "")), ["Größe?"], "{file}");
        let latin: Vec<u8> = text.chars().map(|char| u8::try_from(char).unwrap()).collect();
        let run = project(file, &latin, "").run(&["validate", "spec.yml"]).code(2);
        run.stderr("(the byte 0xF6 is `ö` in Windows-1252 and Latin-1); name its encoding");
        assert_eq!(inputs(&project(file, latin, "encoding: latin1")), ["Größe?"], "{file}");
    }
    let run = project("d.csv", "id\n", "encoding: utf-17").run(&["validate", "spec.yml"]).code(2);
    run.stderr("dataset.encoding: this encoding is not known");
}

#[test]
fn columns_have_names_of_their_own() {
    for (file, text, line) in [
        ("d.csv", "id,question,question\n1,a,b\n", "d.csv:1:1"),
        ("d.csv", "id;question; id\n1;a;b\n", "d.csv:1:1"),
    ] {
        let run = project(file, text, "").run(&["validate", "spec.yml"]).code(2);
        run.stderr(line).stderr("two columns are called `");
    }
    // As spreadsheets leave them behind.
    let rows = expanded(&project("d.csv", "id,question,,\n1,a,,\n2,b,c,\n", "whole_row: true"));
    assert_eq!(rows[0]["input"], r#"{"id":"1","question":"a"}"#);
    assert_eq!(rows[1]["input"], r#"{"id":"2","question":"b","column 3":"c"}"#);
}

#[test]
fn a_sheet_can_be_named() {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/datasets/two_sheets.xlsx");
    let bytes = std::fs::read(data).unwrap();
    let first = project("d.xlsx", &bytes, "").run(&["validate", "spec.yml"]).code(2);
    first.stderr("only its first sheet, `Readme`, was read; to read another, set dataset.sheet to `Questions`");
    assert!(!expanded(&project("d.xlsx", &bytes, "sheet: Questions")).is_empty());
    let none = project("d.xlsx", &bytes, "sheet: Qestions").run(&["validate", "spec.yml"]).code(2);
    none.stderr("has no sheet `Qestions`; it has `Readme` or `Questions`");
}

#[test]
fn what_json_has_no_words_for_is_kept() {
    let line = r#"{"id": 12345678901234567890123, "question": "a", "score": NaN, "limit": -Infinity, "word": "NaN"}"#;
    for (file, text) in [("d.jsonl", line.to_owned()), ("d.json", format!("[{line},]"))] {
        let [row] = &expanded(&project(file, text, ""))[..] else { panic!("one row") };
        assert_eq!(row["id"], "12345678901234567890123");
        assert_eq!(row["fields"], json!({"score": null, "limit": null, "word": "NaN"}), "{file}");
    }
    let bad = "{\"id\": NaN, \"question\": }\n";
    project("d.jsonl", bad, "").run(&["validate", "spec.yml"]).code(2).stderr("d.jsonl:1:25");
}

#[test]
fn rows_keep_the_order_of_their_keys() {
    let row = r#"{"question":"q","tools":[{"type":"function","function":{"name":"f","a":1}}],"answer":{"z":1,"b":2},"id":"1"}"#;
    let project = project("d.jsonl", row, "whole_row: true");
    assert_eq!(inputs(&project), [row]);
    let shown = project.run(&["show", "spec.yml", "expand"]).success().stdout;
    let fields = r#""fields":{"tools":[{"type":"function","function":{"name":"f","a":1}}],"answer":{"z":1,"b":2}}"#;
    assert!(shown.contains(fields), "{shown}");
}

#[test]
fn tables_in_json_are_read_as_pandas_does() {
    for text in [
        r#"{"id":{"0":1,"1":2},"question":{"0":"a","1":"b"}}"#,
        r#"{"0":{"id":1,"question":"a"},"1":{"id":2,"question":"b"}}"#,
        r#"{"columns":["id","question"],"index":[0,1],"data":[[1,"a"],[2,"b"]]}"#,
        r#"{"id":[1,2],"question":["a","b"]}"#,
        r#"{"schema":{"fields":[]},"data":[{"index":0,"id":1,"question":"a"},{"index":1,"id":2,"question":"b"}]}"#,
        "[{\"id\": 1, \"question\": \"a\"}, /* one more */ {\"id\": 2, \"question\": \"b\"},]",
    ] {
        let rows = expanded(&project("d.json", text, ""));
        let found: Vec<_> =
            rows.iter().map(|row| (row["id"].clone(), row["input"].clone())).collect();
        assert_eq!(found, [(json!("1"), json!("a")), (json!("2"), json!("b"))], "{text}");
    }
    // Each `orient`, on a table with a nested column, by the keys that a spec can have.
    let [a, b] = [r#"{"ask":"a"}"#, r#"{"ask":"b"}"#];
    for text in [
        format!(r#"{{"columns":["id","q"],"index":[0,1],"data":[[1,{a}],[2,{b}]]}}"#),
        format!(r#"[{{"id":1,"q":{a}}},{{"id":2,"q":{b}}}]"#),
        format!(r#"{{"0":{{"id":1,"q":{a}}},"1":{{"id":2,"q":{b}}}}}"#),
        format!(r#"{{"id":{{"0":1,"1":2}},"q":{{"0":{a},"1":{b}}}}}"#),
        format!(r#"[["id","q"],[1,{a}],[2,{b}]]"#),
        format!(
            r#"{{"schema":{{"fields":[]}},"data":[{{"index":0,"id":1,"q":{a}}},{{"index":1,"id":2,"q":{b}}}]}}"#
        ),
        format!("{{\"id\":1,\"q\":{a}}}\n{{\"id\":2,\"q\":{b}}}\n"),
    ] {
        for keys in ["question_key: q.ask", "question_key: /q/ask"] {
            assert_eq!(inputs(&project("d.json", &text, keys)), ["a", "b"], "{keys}: {text}");
        }
        let rows = expanded(&project("d.json", &text, "whole_row: true"));
        let found: Vec<_> = rows.iter().map(|row| row["id"].clone()).collect();
        assert_eq!(found, [json!("1"), json!("2")], "{text}");
    }
    let values = project("d.json", "[[7,\"a\"],[8,\"b\"]]", "id_key: '0', question_key: '1'");
    let rows = expanded(&values);
    assert_eq!((&rows[1]["id"], &rows[1]["input"]), (&json!("8"), &json!("b")));
    let parts = r#"{"columns":[["q","ask"],["q","id"]],"index":[0],"data":[["a",1]]}"#;
    assert_eq!(inputs(&project("d.json", parts, "question_key: q.ask")), ["a"]);
    for (text, message) in [
        (
            r#"{"id": 1, "question": "a"}"#,
            "this is a single object; put it into [ ], or set dataset.format: jsonl",
        ),
        (
            "{\"question\": \"a\"}\n{\"question\": \"b\"}\n{\"question\": }\n",
            "d.json:3:14: expected value (as in JSON lines",
        ),
        (
            r#"{"id": [1], "question": ["a", "b"]}"#,
            "this is an object of columns, of which `question` has 2 cells and `id` 1",
        ),
        ("[[1, \"a\"], [2]]", "entry 2 here has 1 cells, and the first has 2"),
        ("[[1, \"a\"], {\"id\": 2}]", "entry 2 here is an object, and the first is a list"),
        (
            "[[1, \"a\"], [2, \"b\"]]",
            "named by their position, beginning with 0, as in question_key: \"1\"",
        ),
        (
            r#"{"version": 1, "rows": [{"question": "a"}]}"#,
            "make a file of that alone, with `jq '.[\"rows\"]' ",
        ),
        (r#"[{"question": "a"}, "b"]"#, "entry 2 here is a text"),
        ("7", "this is a number"),
        ("[{\"question\": \"a\"}", "d.json:1:"),
    ] {
        project("d.json", text, "").run(&["validate", "spec.yml"]).code(2).stderr(message);
    }
    let array = project("d.jsonl", "[{\"question\": \"a\"}]\n", "").run(&["validate", "spec.yml"]);
    array.code(2).stderr("this is a list; set dataset.format: json if the file is an array");
}

#[test]
fn tables_can_be_read_by_the_conventions_of_pandas() {
    let table = "id,question,note\n1,a,x\n2,NA,x\n3,b\n4,null,x\n5,nap,x\n";
    let plain = project("d.csv", table, "").run(&["validate", "spec.yml"]);
    plain.code(2).stderr("d.csv:4:1: 2 cells in a table of 3 columns (separated by `,`)");
    let whole = table.replace("3,b", "3,b,x");
    assert_eq!(inputs(&project("d.csv", &whole, "")), ["a", "NA", "b", "null", "nap"]);
    assert_eq!(inputs(&project("d.csv", table, "conventions: pandas")), ["a", "b", "nap"]);
    let whole_rows = expanded(&project("d.csv", table, "conventions: pandas, whole_row: true"));
    let asked = &whole_rows[2]["input"];
    assert_eq!(asked, r#"{"id":"3","question":"b","note":null}"#);
    let long = project("d.csv", "id,question\n1,a,b\n", "conventions: pandas");
    long.run(&["validate", "spec.yml"]).code(2).stderr("3 cells in a table of 2 columns");
}

#[test]
fn a_question_can_be_an_object() {
    let rows = r#"[{"id": 1, "question": {"b": "x", "a": [1]}}, {"id": 2, "question": {}}]"#;
    assert_eq!(inputs(&project("d.json", rows, "")), [r#"{"b":"x","a":[1]}"#]);
}

#[test]
fn a_filter_takes_truth_values_however_they_are_written() {
    let rows = r#"[{"question": "a", "ok": true}, {"question": "b", "ok": "False"}, {"question": "c", "ok": "TRUE"}]"#;
    for filter in ["{allow: {ok: [true]}}", "{allow: {ok: [\"True\"]}}", "{deny: {ok: [false]}}"] {
        assert_eq!(
            inputs(&project("d.json", rows, &format!("filter: {filter}"))),
            ["a", "c"],
            "{filter}"
        );
    }
}

#[test]
fn keys_can_be_paths() {
    let row =
        r#"{"meta": {"nr": 7, "lang": "de"}, "messages": [{"role": "user", "content": "hi"}]}"#;
    for (id, question) in [("/meta/nr", "/messages/0/content"), ("meta.nr", "messages.0.content")] {
        let keys = format!("id_key: {id}, question_key: {question}");
        let rows = expanded(&project("d.jsonl", row, &keys));
        assert_eq!((&rows[0]["id"], &rows[0]["input"]), (&json!("7"), &json!("hi")));
        let filtered = format!("{keys}, filter: {{deny: {{/meta/lang: [de]}}}}");
        let run = project("d.jsonl", row, &filtered).run(&["validate", "spec.yml"]).code(2);
        run.stderr("leaves out all of its 1 rows");
    }
}

#[test]
fn conversations_are_sent_in_the_words_of_the_endpoint() {
    let share = r#"[{"id":"a","conversations":[{"from":"human","value":"Hello"},{"from":"gpt","value":"Hi"}]}]"#;
    let batch = r#"{"custom_id":"r-1","method":"POST","url":"/v1/chat/completions","body":{"model":"x","messages":[{"role":"user","content":"Hello"}]}}"#;
    let sent = json!([{"role": "user", "content": "Hello"}]);
    for (file, text, keys, key, id) in [
        ("d.json", share, "", "conversations", "a"),
        ("d.jsonl", batch, "id_key: custom_id", "/body/messages", "r-1"),
        (
            "d.jsonl",
            batch,
            "id_key: custom_id, question_key: body.messages",
            "body.messages",
            "r-1",
        ),
    ] {
        let rows = expanded(&chat(file, text, keys, &format!(", messages_key: {key}")));
        assert_eq!((&rows[0]["id"], &rows[0]["fields"][key]), (&json!(id), &sent), "{key}");
    }
    for (file, text, key, message) in [
        (
            "d.json",
            share,
            "",
            "it is a ShareGPT file: with the workflow openai, set workflow.messages_key: conversations",
        ),
        (
            "d.jsonl",
            batch,
            "",
            "set workflow.messages_key: /body/messages and dataset.id_key: custom_id",
        ),
        (
            "d.jsonl",
            r#"{"messages": [{"role": "user", "content": "a"}]}"#,
            "",
            "set workflow.messages_key: messages; otherwise dataset.question_key: /messages/0/content",
        ),
        (
            "d.jsonl",
            r#"{"talk": [{"speaker": "A", "text": "hi"}]}"#,
            ", messages_key: talk",
            "row 1: `talk`[0] has no `role`, which chat endpoints require (it has: speaker, text)",
        ),
    ] {
        chat(file, text, "", key).run(&["validate", "spec.yml"]).code(2).stderr(message);
    }
}

#[test]
fn files_that_are_something_else_are_named() {
    let pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n";
    for file in ["d.json", "d.jsonl", "d.csv", "d.parquet", "d.xlsx"] {
        for keys in ["", "whole_row: true"] {
            let run = project(file, pointer, keys).run(&["validate", "spec.yml"]).code(2);
            run.stderr("is a Git LFS pointer, not the file itself; fetch it with `git lfs pull");
        }
    }
    for (file, content, message) in [
        ("d.jsonl", &b"\x1f\x8b\x08\0\0"[..], "is packed with gzip"),
        ("d.csv", b"PK\x03\x04\0\0", "set dataset.format: xlsx"),
        ("d.json", b"PAR1\0\0", "set dataset.format: parquet"),
        ("d.csv", b"<!DOCTYPE html>\n<html>", "is a web page"),
    ] {
        project(file, content, "").run(&["validate", "spec.yml"]).code(2).stderr(message);
    }
}

#[test]
fn parquet_is_read_however_it_is_packed() {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/datasets/brotli.parquet");
    let bytes = std::fs::read(data).unwrap();
    assert!(!expanded(&project("d.parquet", &bytes, "")).is_empty());
    let mut damaged = bytes.clone();
    for byte in damaged.iter_mut().skip(4).take(40) {
        *byte = 0xff;
    }
    for content in [&bytes[..bytes.len() - 9], &damaged[..]] {
        let run = project("d.parquet", content, "").run(&["validate", "spec.yml"]).code(2);
        let run = run.stderr("is not a valid Parquet file: ");
        assert!(
            !run.stderr.contains("panicked") && !run.stderr.contains("Parquet error"),
            "{run:?}"
        );
    }
}
