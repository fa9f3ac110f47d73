//! Recordings of other load generators: the first byte picks the form, the unit and whether the
//! concurrency is measured; the rest is the file.
#![no_main]

mod common;

const FORMS: [&str; 3] = ["jsonl", "csv", "parquet"];
const MORE: [&str; 4] =
    ["", ", concurrency: measured", ", unit: ms", ", unit: us, concurrency: measured"];

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let Some((first, content)) = data.split_first() else { return };
    let first = usize::from(*first);
    let form = FORMS[first % FORMS.len()];
    let more = MORE[first / FORMS.len() % MORE.len()];
    let path = common::file(&format!("recording.{form}"), content);
    let spec = common::spec(&format!(
        "version: 1\nname: n\nworkflow: {{type: recorded, path: x.{form}{more}}}\n"
    ));
    let recorded = spec.workflow.recorded().unwrap();
    match sizer::internal::read_foreign(recorded, &|_| path.clone()) {
        // What is read is what is kept, and has to be read again.
        Ok(recording) => {
            for run in &recording.runs {
                let text = serde_json::to_string(run).unwrap();
                if run.run.start.is_finite() && run.run.end.is_finite() {
                    let again: sizer::internal::ForeignRun = serde_json::from_str(&text).unwrap();
                    assert_eq!(again.run.start, run.run.start);
                }
            }
        }
        Err(error) => drop(error.to_string()),
    }
});
