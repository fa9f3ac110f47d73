//! How long it takes, and how much memory, to turn millions of recorded runs into the metrics of
//! a level. `cargo bench --bench aggregate [-- RUNS]`; see README.md.

use sizer::internal::{RecordedRuns, to_parquet};
use sizer::runs::Gaps;
use sizer::{LevelMetrics, LlmCall, Recording, Run};
use std::error::Error;
use std::fs::File;
use std::path::Path;
use std::process::Command;
use std::time::Instant;

fn main() -> Result<(), Box<dyn Error>> {
    let args: Vec<String> = std::env::args().skip(1).filter(|arg| arg != "--bench").collect();
    // Each part is a process of its own, so that one's memory is not the other's.
    match args.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["generate", runs, path] => generate(runs.parse()?, Path::new(path)),
        ["aggregate", path] => aggregate(Path::new(path)),
        rest => {
            let runs = rest.first().copied().unwrap_or("10000000");
            let dir = tempfile::tempdir()?;
            let path = dir.path().join("runs.parquet");
            let own = std::env::current_exe()?;
            Command::new(&own).args(["generate", runs]).arg(&path).status()?;
            println!("{runs} runs in {} MiB", std::fs::metadata(&path)?.len() >> 20);
            Command::new(&own).arg("aggregate").arg(&path).status()?;
            Ok(())
        }
    }
}

/// Streamed chat completions, one call each, no two alike.
fn generate(count: u32, path: &Path) -> Result<(), Box<dyn Error>> {
    let mut state = 1_u64;
    let mut random = || {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 11) as f64 / (1_u64 << 53) as f64
    };
    let run = |index: u32| {
        let start = f64::from(index) * 1e-4;
        let end = start + 1.0 + random() * 4.0;
        let tokens = 50 + u64::from(index % 200);
        let mean = (end - start) / tokens as f64;
        let call = LlmCall {
            start,
            end,
            ttft: Some(0.05 + random() * 0.2),
            prompt_tokens: Some(100 + u64::from(index % 900)),
            completion_tokens: Some(tokens),
            itl: Some(Gaps {
                mean,
                p95: Some(mean * (1.5 + random())),
                max: Some(mean * (3.0 + random())),
            }),
            finish_reason: Some("stop".to_owned()),
            ..LlmCall::default()
        };
        Run {
            id: (index % 1000).to_string(),
            start,
            end,
            llm_calls: vec![call],
            http_status: Some(200),
            ..Run::default()
        }
    };
    let recording = Recording { runs: (0..count).map(run).collect(), ..Recording::default() };
    Ok(std::fs::write(path, to_parquet(&recording)?)?)
}

fn aggregate(path: &Path) -> Result<(), Box<dyn Error>> {
    let began = Instant::now();
    let runs = RecordedRuns::open(File::open(path)?)?;
    let level = LevelMetrics::of_columns(64, &runs, runs.around(), 0.0)?;
    let elapsed = began.elapsed();
    let status = std::fs::read_to_string("/proc/self/status")?;
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    println!(
        "p95 {:?} s of {} runs in {elapsed:.2?}, peak memory {}",
        level.workflow_runtime.map(|it| it.p95),
        level.measured,
        peak.unwrap_or_default().trim()
    );
    Ok(())
}
