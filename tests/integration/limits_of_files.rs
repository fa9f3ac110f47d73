//! Datasets and recordings that say they are far more than they are: one error that names the limit, or the
//! rows that there are, within 512 MiB.

use crate::limits::{FAST, REST, within_limits};
use crate::support::Sizer;
use std::io::Write;

/// Bytes that are written at a time.
const BLOCK: usize = 1 << 16;

/// A dataset of that name, written piece by piece.
#[track_caller]
fn dataset(what: &str, name: &str, pieces: &[(&str, usize)], code: i32, part: &str) {
    let project = Sizer::new().spec(&format!(
        "version: 1\nname: t\ndataset: {{path: {name}}}\nworkflow: {FAST}\n{REST}\n"
    ));
    write(&project, name, pieces);
    within_limits(&project, what, &["validate", "spec.yml"], code, part);
}

#[track_caller]
fn recording(what: &str, name: &str, pieces: &[(&str, usize)], part: &str) {
    let project = Sizer::new().spec(&format!(
        "version: 1\nname: t\nworkflow: {{type: recorded, path: {name}}}\ntest: {{gpu_count: 1}}\n"
    ));
    write(&project, name, pieces);
    within_limits(&project, what, &["run", "spec.yml"], 2, part);
}

/// Texts, each so many times.
fn write(project: &Sizer, name: &str, pieces: &[(&str, usize)]) {
    let file = std::fs::File::create(project.path(name)).unwrap();
    let mut file = std::io::BufWriter::new(file);
    for (text, count) in pieces {
        // Short texts are written many at a time; a block of long ones would take gigabytes itself.
        let at_once = (BLOCK / text.len().max(1)).clamp(1, (*count).max(1));
        let block = text.repeat(at_once);
        for _ in 0..count / at_once {
            file.write_all(block.as_bytes()).unwrap();
        }
        file.write_all(text.repeat(count % at_once).as_bytes()).unwrap();
    }
    file.flush().unwrap();
}

#[test]
fn rows_of_a_million_values() {
    let open = ("{\"question\":\"a\",\"n\":[", 1);
    let row = [open, ("0,", 8_000_000), ("0]}", 1)];
    let part = "a row of more than 1000000 values";
    dataset("a row of 8,000,000 numbers", "d.jsonl", &row, 2, part);
    let objects = [open, ("{},", 5_000_000), ("0]}", 1)];
    dataset("a row of 5,000,000 objects", "d.jsonl", &objects, 2, part);
    let array = [("[", 1), open, ("NaN,", 3_000_000), ("0]}]", 1)];
    dataset("a row of 3,000,000 times NaN", "d.json", &array, 2, part);
    let long = [("[", 1), open, ("0,", 30_000_000), ("0]}]", 1)];
    dataset("a row of 57 MiB", "d.json", &long, 2, "a row of more than 16 MiB");
    let loose = [("// a\n[", 1), open, ("0,", 8_000_000 - 100), ("0]}]", 1)];
    dataset(
        "the same with a comment",
        "d.json",
        &loose,
        2,
        "more than 1000000 values in a form that is not",
    );
    let sound =
        [("[", 1), ("{\"question\":\"a\",\"n\":NaN},\n", 200_000), ("{\"question\":1}]", 1)];
    dataset("200,000 rows with NaN", "d.json", &sound, 0, "");
    let wrong = [("[", 1), ("{\"question\":1},\n", 2), ("{\"question\":NaN,\"a\":1e999}]", 1)];
    dataset("a number that is none in row 3", "d.json", &wrong, 2, "d.json:3:");
}

#[test]
fn columns_without_an_end() {
    let nameless = [("question", 1), (",", 8_000_000), ("\na\n", 1)];
    dataset("8,000,000 columns", "d.csv", &nameless, 2, "at most 20000 columns");
    let part = "at most 20000 columns";
    let head = [("concurrency,start,end", 1), (",", 2_000_000), ("\n", 1)];
    recording("2,000,000 columns", "r.csv", &head, part);
    let names: Vec<String> = (0..15_000).map(|number| format!(",{number}")).collect();
    let names = names.concat();
    let wide = [("question", 1), (&names, 1), ("\na", 1), (",1", 15_000), ("\n", 1)];
    dataset("15,000 columns", "d.csv", &wide, 0, "");
}

#[test]
fn an_id_that_comes_again_and_again() {
    let rows = [("{\"id\":1,\"question\":\"a\"}\n", 200_000)];
    dataset("the same id 200,000 times", "d.jsonl", &rows, 0, "");
}

#[test]
fn recordings_of_far_too_much() {
    let start = "{\"concurrency\":1,\"start\":0,\"end\":1,";
    let calls = format!("{start}\"llm_latencies\":[");
    let many = [(calls.as_str(), 1), ("0,", 900_000), ("0]}\n", 1)];
    recording("a run of 900,000 calls", "r.jsonl", &many, "a run has at most 10000");
    let more = [(calls.as_str(), 1), ("0,", 8_000_000), ("0]}\n", 1)];
    recording("a run of 8,000,000 calls", "r.jsonl", &more, "a line of more than 1000000 values");
    let run = format!("{calls}{}0]}}\n", "0,".repeat(9_999));
    recording("200 runs of 10,000 calls", "r.jsonl", &[(&run, 200)], "take 192 MiB");
    let id = format!("{start}\"id\":\"{}\"}}\n", "x".repeat(15 << 20));
    recording("15 MiB of id in each of 20 runs", "r.jsonl", &[(&id, 20)], "take 192 MiB");
    let cell = [("concurrency,start,end,itls\n1,2,1,", 1), ("0;", 8_000_000), ("0\n", 1)];
    recording("8,000,000 times in a cell", "r.csv", &cell, "before it starts");
}

/// A Parquet file that holds nothing but what it says of its columns: `fields` of a list of `count`.
fn footer(count: u32, fields: &[u8]) -> Vec<u8> {
    let mut tail = vec![0x29, 0xfc];
    let mut left = count;
    while left > 0x7f {
        tail.push(u8::try_from(left & 0x7f).unwrap() | 0x80);
        left >>= 7;
    }
    tail.push(u8::try_from(left).unwrap());
    tail.extend_from_slice(fields);
    tail.push(0);
    let length = u32::try_from(tail.len()).unwrap().to_le_bytes();
    [&b"PAR1"[..], &tail, &length, b"PAR1"].concat()
}

#[test]
fn columns_in_one_another() {
    let group = [0x35, 0, 0x18, 1, b'g', 0x15, 2, 0];
    let leaf = [0x15, 12, 0x25, 0, 0x18, 1, b'a', 0];
    let huge = [0x35, 0, 0x18, 1, b'g', 0x15, 0xfe, 0xff, 0xff, 0xff, 0x0f, 0];
    let deep = footer(500_001, &[group.repeat(500_000), leaf.to_vec()].concat());
    let wide = footer(1_000_001, &[huge.to_vec(), leaf.repeat(1_000_000)].concat());
    let room = footer(51, &[huge.repeat(50), leaf.to_vec()].concat());
    let mut long = b"PAR1".to_vec();
    long.resize(40 << 20, 0);
    long.extend(((40_u32 << 20) - 12).to_le_bytes());
    long.extend(b"PAR1");
    for (what, bytes, part) in [
        ("groups 500,000 deep", deep, "more than 10000 columns"),
        (
            "groups 5,000 deep",
            footer(5_001, &[group.repeat(5_000), leaf.to_vec()].concat()),
            "32 deep",
        ),
        ("1,000,000 columns", wide, "more than 10000 columns"),
        ("room for 2^31 columns", room, "a group of 2147483647 columns"),
        ("a footer of 40 MiB", long, "a footer of more than 16 MiB"),
    ] {
        let project = Sizer::new().spec(&format!(
            "version: 1\nname: t\ndataset: {{path: d.parquet}}\nworkflow: {FAST}\n{REST}\n"
        ));
        std::fs::write(project.path("d.parquet"), &bytes).unwrap();
        within_limits(&project, what, &["validate", "spec.yml"], 2, part);
        let spec = "version: 1\nname: t\nworkflow: {type: recorded, path: d.parquet}\n";
        let project = project.spec(spec);
        within_limits(&project, &format!("{what}, recorded"), &["run", "spec.yml"], 2, part);
    }
}
