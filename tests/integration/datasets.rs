//! The formats of datasets, what is picked from them, and datasets behind an address.

use crate::support::{SimulatorProcess, Sizer, respond};
use serde_json::Value;
use std::io::Write;
use std::net::TcpListener;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// The same table in every format, written by pandas.
const FILES: [&str; 7] = [
    "questions.csv",
    "questions.jsonl",
    "questions.xlsx",
    "questions.snappy.parquet",
    "questions.zstd.parquet",
    "questions.gzip.parquet",
    "questions.lz4.parquet",
];

fn project(dataset: &str) -> Sizer {
    let project = Sizer::new();
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/datasets");
    for file in FILES {
        std::fs::copy(data.join(file), project.path(file)).unwrap();
    }
    project.spec(&format!(
        "version: 1\nname: test\ndataset: {{{dataset}}}\nworkflow: {{type: simulator, engine: {{base: 1ms}}, \
         output_tokens: 2}}\nconcurrency: {{mode: burst, levels: [1], passes: 1}}\n"
    ))
}

/// Ids and inputs of the expanded dataset.
fn expanded(project: &Sizer) -> Vec<(String, String)> {
    project.run(&["run", "spec.yml", "--until", "expand"]).success();
    let shown = project.run(&["show", "spec.yml", "expand"]).success().stdout;
    let rows = shown.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let items = rows.filter(|row| row.get("id").is_some());
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    items.map(|row| (text(&row["id"]), text(&row["input"]))).collect()
}

fn ids(project: &Sizer) -> Vec<String> {
    expanded(project).into_iter().map(|(id, _)| id).collect()
}

#[test]
fn every_format_gives_the_same_items() {
    for file in FILES {
        let project = project(&format!("path: {file}, id_key: nr, question_key: ask"));
        let items = expanded(&project);
        let expected =
            [("11", "What is 3 x 7?"), ("13", "A \"quoted\", comma\nand line"), ("13_2", "Größe?")];
        let expected = expected.map(|(id, input)| (id.to_owned(), input.to_owned()));
        assert_eq!(items, expected, "{file}");
        let valid = project.run(&["validate", "spec.yml"]).success();
        valid.stdout("3 items (1 row without a question)");
    }
}

#[test]
fn filters_take_values_and_globs() {
    for (filter, expected) in [
        ("allow: {topic: [math]}", &["11"][..]),
        ("allow: {ask: [\"What*\", \"Gr??e?\"]}", &["11", "13"]),
        ("deny: {nr: [11, 12]}", &["13", "13_2"]),
        ("allow: {topic: [text]}, deny: {ask: [\"[A-F]*\"]}", &["13"]),
    ] {
        let dataset = "path: questions.parquet, id_key: nr, question_key: ask";
        let project = project(&format!("{dataset}, filter: {{{filter}}}"));
        std::fs::copy(project.path("questions.zstd.parquet"), project.path("questions.parquet"))
            .unwrap();
        assert_eq!(ids(&project), expected, "{filter}");
    }
    let none = project("path: questions.csv, question_key: ask, filter: {allow: {nr: [99]}}");
    none.run(&["run", "spec.yml"]).code(2).stderr("leaves out all of its 4 rows");
}

#[test]
fn a_key_that_no_row_has_is_a_slip() {
    // The reference lets all rows through here, and nobody is told.
    for (keys, where_to) in [
        ("id_key: nr, filter: {allow: {topik: [math]}}", "dataset.filter.allow"),
        ("id_key: nr, filter: {deny: {topik: [math]}}", "dataset.filter.deny"),
        ("id_key: topik", "dataset.id_key"),
    ] {
        let project = project(&format!("path: questions.csv, question_key: ask, {keys}"));
        let ended = project.run(&["run", "spec.yml"]).code(2);
        ended
            .stderr(&format!("has `topik`, which {where_to} names; its rows have: nr, ask, topic"));
    }
    // The default need not be there.
    let project = project("path: questions.csv, question_key: ask");
    project.run(&["validate", "spec.yml"]).success();
}

#[test]
fn a_whole_row_can_be_the_question() {
    let project = project("path: questions.csv, id_key: nr, whole_row: true");
    let (_, input) = expanded(&project).swap_remove(0);
    assert_eq!(input, r#"{"nr":"11","ask":"What is 3 x 7?","topic":"math","weight":"1.5"}"#);
}

#[test]
fn a_wrong_key_names_the_right_ones() {
    let project = project("path: questions.csv");
    project.run(&["run", "spec.yml"]).code(2).stderr("the first row has: nr, ask, topic, weight");
}

#[test]
fn damaged_files_are_errors() {
    let project = project("path: bad.csv");
    let bytes = std::fs::read(project.path("questions.zstd.parquet")).unwrap();
    let xlsx = std::fs::read(project.path("questions.xlsx")).unwrap();
    for (name, content, message) in [
        ("bad.csv", &b"id,question\n1,a\n2\n"[..], "bad.csv:3:1: 1 cells in a table of 2 columns"),
        ("bad.csv", b"id,question\n1,\xff\n", "this is not UTF-8 text"),
        ("bad.jsonl", b"{\"question\": \"a\"}\n{\"question\": }\n", "bad.jsonl:2:14"),
        ("bad.parquet", b"PAR1 but not really PAR1", "is not a valid Parquet file"),
        ("bad.parquet", &bytes[..bytes.len() / 2], "is not a valid Parquet file"),
        ("bad.xlsx", b"PK", "is not a valid spreadsheet"),
        ("bad.xlsx", &xlsx[..xlsx.len() / 2], "is not a valid spreadsheet"),
    ] {
        std::fs::write(project.path(name), content).unwrap();
        let set = format!("dataset.path={name}");
        project.run(&["run", "spec.yml", "--set", &set]).code(2).stderr(message);
    }
    // A quote that is never closed must not take the rest of a large file for one row.
    let mut file = std::fs::File::create(project.path("open.csv")).unwrap();
    file.write_all(b"id,question\n1,\"").unwrap();
    for _ in 0..20 {
        file.write_all(&vec![b'x'; 1 << 20]).unwrap();
    }
    let run = project.run(&["run", "spec.yml", "--set", "dataset.path=open.csv"]).code(2);
    run.stderr("a row of more than 16 MiB");
}

/// An .ods sheet.
fn ods(content: &str) -> Vec<u8> {
    let mut archive = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    let manifest = r#"<manifest:manifest xmlns:manifest="urn:oasis:names:tc:opendocument:xmlns:manifest:1.0"/>"#;
    for (name, text) in [
        ("mimetype", "application/vnd.oasis.opendocument.spreadsheet"),
        ("META-INF/manifest.xml", manifest),
        ("content.xml", content),
    ] {
        let stored = zip::write::SimpleFileOptions::default();
        let stored = stored.compression_method(zip::CompressionMethod::Stored);
        archive.start_file(name, stored).unwrap();
        archive.write_all(text.as_bytes()).unwrap();
    }
    archive.finish().unwrap().into_inner()
}

/// Its reader waits without end for the end of a table, a row, a cell or a comment that has none.
#[test]
fn a_sheet_that_is_cut_off_is_damaged_wherever_that_is() {
    let project = project("path: cut.ods, question_key: ask");
    let row = |text: &str| {
        format!(
            "<table:table-row><table:table-cell office:value-type=\"string\"><office:annotation><text:p>n</text:p>\
             </office:annotation><text:p>{text}</text:p></table:table-cell></table:table-row>"
        )
    };
    let content = [
        "<office:document-content><office:body><office:spreadsheet><table:table table:name=\"a\">",
        &row("ask"),
        &row("why?"),
        "</table:table></office:spreadsheet></office:body></office:document-content>",
    ]
    .concat();
    let validate = ["validate", "spec.yml"];
    std::fs::write(project.path("cut.ods"), ods(&content)).unwrap();
    project.run(&validate).success();
    for end in ["<office:annotation>", "<text:p>", "<table:table-cell", "</table:table-row>"] {
        let cut = content.rfind(end).unwrap();
        std::fs::write(project.path("cut.ods"), ods(&content[..cut])).unwrap();
        project
            .run(&validate)
            .code(2)
            .stderr("is not a valid spreadsheet: it cannot be read: it is damaged");
    }
}

/// Every byte of a Parquet file and a spreadsheet turned over once: an error or a result, never
/// the end of the process.
#[test]
fn flipped_bytes_never_end_the_process() {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/datasets");
    let dir = tempfile::tempdir().unwrap();
    let spec = "version: 1\nname: t\ndataset: {path: x, question_key: ask}\nworkflow: {type: simulator}\n\
                concurrency: {mode: burst, levels: [1]}\n";
    let (env, read) = (|_: &str| None, |_: &Path| Err(std::io::ErrorKind::NotFound.into()));
    let parts = sizer::sections::Parts {
        project: None,
        profile: None,
        overrides: &[],
        env: &env,
        read: &read,
    };
    let needs = sizer::internal::RequiredFields {
        fields: sizer::runs::Fields::All,
        instead_of_question: None,
    };
    for name in ["questions.snappy.parquet", "questions.xlsx"] {
        let sound = std::fs::read(data.join(name)).unwrap();
        let path = dir.path().join(name);
        let text = spec.replace("path: x", &format!("path: {name}"));
        let spec = sizer::Spec::parse(&text, Path::new("spec.yml"), &parts).unwrap();
        for at in (0..sound.len()).step_by(7) {
            let mut damaged = sound.clone();
            damaged[at] ^= 0xff;
            std::fs::write(&path, &damaged).unwrap();
            let _ = sizer::internal::for_each_row(&spec.dataset, &needs, &path, &mut |_| Ok(()));
        }
    }
}

#[test]
fn a_remote_dataset_is_downloaded_once() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut buffer = [0; 4096];
            let length = std::io::Read::read(&mut stream, &mut buffer).unwrap();
            let head = String::from_utf8_lossy(&buffer[..length]).into_owned();
            if head.starts_with("GET /missing") {
                respond(&mut stream, "404 Not Found", "");
                continue;
            }
            let number = count.fetch_add(1, Ordering::SeqCst);
            respond(&mut stream, "200 OK", &format!("id,question\n{number},why?\n"));
        }
    });
    let project = project(&format!("path: \"http://{address}/d/questions.csv?sig=canary-1f\""));
    let plan = project.run(&["plan", "spec.yml"]).success();
    plan.stdout("9 of 9 stages would run");
    assert_eq!(asked.load(Ordering::SeqCst), 0, "a plan asks no server");
    let offline = project.run(&["run", "spec.yml", "--offline"]).code(1);
    offline.stderr("no dataset is downloaded here");
    let run = project.run(&["run", "spec.yml", "--until", "expand"]).success();
    assert!(
        run.stderr.contains("downloading http://") && !run.stderr.contains("canary"),
        "{run:?}"
    );
    assert_eq!(expanded(&project)[0].0, "0");
    assert_eq!(asked.load(Ordering::SeqCst), 1);
    project.run(&["run", "spec.yml", "--until", "expand", "--force", "expand"]).success();
    assert_eq!((expanded(&project)[0].0.as_str(), asked.load(Ordering::SeqCst)), ("1", 2));
    let missing = format!("dataset.path=http://{address}/missing.csv?token=canary-2f");
    let missing = project.run(&["run", "spec.yml", "--set", &missing]).code(2);
    assert!(missing.stderr.contains("the server answered 404"), "{missing:?}");
    let password = format!("dataset.path=http://me:canary-3f@{address}/x.csv");
    let refused = project.run(&["run", "spec.yml", "--set", &password]).code(2);
    assert!(refused.stderr.contains("contains a password"), "{refused:?}");
    assert!(!refused.stderr.contains("canary"), "{refused:?}");
}

#[test]
fn only_as_many_items_are_asked_as_a_level_needs() {
    let simulator = SimulatorProcess::fast();
    let rows: Vec<String> = (1..=1000).map(|id| format!("{id},q{id}")).collect();
    let address = simulator.address;
    let workflow = format!("{{type: openai, base_url: \"http://{address}/v1\", model: m}}");
    let project = Sizer::new()
        .workflow(&workflow, "concurrency: {mode: burst, levels: [2], passes: 3}")
        .file("many.csv", &format!("id,question\n{}\n", rows.join("\n")));
    project.run(&["run", "spec.yml", "--set", "dataset.path=many.csv"]).success();
    assert_eq!(simulator.metric("requests_total"), 6);
}
