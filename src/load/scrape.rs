//! Asks a server for its own metrics (Prometheus text format) while a level runs.

use crate::measure::ServerMetrics;
use crate::redact::Redactor;
use crate::spec::{ReferenceError, ScrapeSpec, Seconds, Vault, glob_matches};
use crate::workflow::Clock;
use percent_encoding::percent_decode_str;
use reqwest::{Client, Url};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::task::AbortHandle;

/// Metrics of the usual servers and of the GPUs, where the spec names none.
const USUAL: [&str; 10] = [
    "vllm:num_requests_running",
    "vllm:num_requests_waiting",
    "vllm:*cache_usage_perc",
    "sglang:num_running_reqs",
    "sglang:num_queue_reqs",
    "sglang:token_usage",
    "llamacpp:requests_processing",
    "llamacpp:requests_deferred",
    "DCGM_FI_DEV_GPU_UTIL",
    "sizer_simulator_requests_in_flight",
];
const TIMEOUT: Duration = Duration::from_secs(5);
/// No server says more of itself.
const LARGEST_ANSWER: usize = 8 << 20;
const MOST_SERIES: usize = 200;
const MOST_SAMPLES: usize = 1_000_000;

/// Scraper of a server's metrics: its address, and the names that are wanted.
pub struct Scraper {
    client: Client,
    url: Url,
    redactor: Redactor,
    every: Duration,
    wanted: Vec<String>,
}

/// Samples so far, and the first error.
#[derive(Default)]
struct ScrapeState {
    scraped: ServerMetrics,
    samples: usize,
    error: Option<String>,
}

/// Scraping under way; it ends when dropped.
pub(super) struct ScrapeTask {
    heard: Arc<Mutex<ScrapeState>>,
    task: AbortHandle,
}

impl Scraper {
    /// Makes a scraper ready; its password is looked up here.
    pub fn new(spec: &ScrapeSpec, vault: &Vault<'_>) -> Result<Self, ScrapeError> {
        // Fails only where a provider is installed already, which is then the one in use.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = Client::builder().timeout(TIMEOUT).referer(false).build();
        let url = spec.url.reveal(vault)?;
        if let Some(password) = url.password() {
            let decoded = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
            vault.redactor().add_pair(&decoded(url.username()), &decoded(password));
        }
        let wanted = if spec.metrics.is_empty() {
            USUAL.map(str::to_owned).to_vec()
        } else {
            spec.metrics.clone()
        };
        Ok(Self {
            client: client.map_err(ScrapeError::Client)?,
            url,
            redactor: vault.redactor().clone(),
            every: spec.every.map_or(Duration::from_secs(1), Seconds::to_std),
            wanted,
        })
    }

    /// Begins to ask; times are those of `clock`.
    pub(super) fn start(&self, clock: Clock) -> ScrapeTask {
        let heard = Arc::<Mutex<ScrapeState>>::default();
        let (client, url) = (self.client.clone(), self.url.clone());
        let (every, wanted) = (self.every, self.wanted.clone());
        let redactor = self.redactor.clone();
        let into = Arc::clone(&heard);
        let host = url.host_str().unwrap_or("?");
        tracing::debug!("scraping metrics of {host} ({}) every {every:?}", url.path());
        let task = tokio::spawn(async move {
            let mut turns = tokio::time::interval(every);
            turns.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Skip);
            loop {
                turns.tick().await;
                let answer = ask(&client, url.clone()).await;
                let at = clock.now();
                match &answer {
                    Ok(text) => tracing::debug!("scraped {} bytes of metrics", text.len()),
                    Err(error) => tracing::debug!("metrics cannot be scraped: {error}"),
                }
                let mut heard = into.lock().unwrap_or_else(PoisonError::into_inner);
                match answer {
                    Ok(text) => heard.note(&text, at, &wanted, &redactor),
                    Err(error) => drop(heard.error.get_or_insert(redactor.text(error))),
                }
            }
        });
        ScrapeTask { heard, task: task.abort_handle() }
    }
}

/// Reason why nothing can be scraped.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ScrapeError {
    /// A reference leads nowhere.
    #[error("{0}")]
    Reference(#[from] ReferenceError),
    /// The client cannot be made from these settings.
    #[error("test.scrape cannot be used: {0}")]
    Client(#[source] reqwest::Error),
}

impl ScrapeTask {
    /// Everything that was heard, and what went wrong first.
    pub fn stop(self) -> (ServerMetrics, Option<String>) {
        let heard = std::mem::take(&mut *self.heard.lock().unwrap_or_else(PoisonError::into_inner));
        (heard.scraped, heard.error)
    }
}

impl Drop for ScrapeTask {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// The answer; errors are told without the address, which can hold a password.
async fn ask(client: &Client, url: Url) -> Result<String, String> {
    let told = |error: reqwest::Error| {
        let error = error.without_url();
        let mut cause: &dyn std::error::Error = &error;
        while let Some(source) = cause.source() {
            cause = source;
        }
        cause.to_string()
    };
    let mut response = client.get(url).send().await.map_err(told)?;
    if !response.status().is_success() {
        return Err(format!("the server answered {}", response.status()));
    }
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(told)? {
        body.extend_from_slice(&chunk);
        if body.len() > LARGEST_ANSWER {
            return Err(format!("the answer is larger than {} MiB", LARGEST_ANSWER >> 20));
        }
    }
    Ok(String::from_utf8_lossy(&body).into_owned())
}

impl ScrapeState {
    fn note(&mut self, text: &str, at: f64, wanted: &[String], redactor: &Redactor) {
        for (series, value) in text.lines().filter_map(sample) {
            let name = series.split_once('{').map_or(series, |(name, _)| name);
            if !wanted.iter().any(|glob| glob_matches(glob, name)) {
                continue;
            }
            // Labels are the server's words too.
            let series = redactor.text(series.to_owned());
            let full = self.samples >= MOST_SAMPLES
                || (self.scraped.len() >= MOST_SERIES && !self.scraped.contains_key(&series));
            if full {
                continue;
            }
            self.samples += 1;
            self.scraped.entry(series).or_default().push((at, value));
        }
        if self.scraped.is_empty() {
            let message = format!("none of these is among its metrics: {}", wanted.join(", "));
            self.error.get_or_insert(message);
        }
    }
}

/// Name with labels, and value, of a line; `None` of comments and of what is no sample.
fn sample(line: &str) -> Option<(&str, f64)> {
    let line = line.trim();
    if line.is_empty() || line.starts_with('#') {
        return None;
    }
    // Labels can hold anything, spaces and closing braces included, but only between quotes.
    let mut quoted = false;
    let mut escaped = false;
    let mut depth = 0_u32;
    let end = line.char_indices().find(|(_, c)| {
        match c {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            '{' if !quoted => depth += 1,
            '}' if !quoted => depth = depth.saturating_sub(1),
            c if c.is_whitespace() && !quoted && depth == 0 => return true,
            _ => {}
        }
        false
    });
    let (series, rest) = line.split_at(end?.0);
    let value: f64 = rest.split_whitespace().next()?.parse().ok()?;
    value.is_finite().then_some((series, value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_of_the_text_format() {
        for (line, expected) in [
            ("vllm:num_requests_running 3", Some(("vllm:num_requests_running", 3.0))),
            ("up{job=\"a b\"} 1.5 1700000000", Some(("up{job=\"a b\"}", 1.5))),
            ("x{l=\"}\\\" {\"}\t2e3", Some(("x{l=\"}\\\" {\"}", 2000.0))),
            ("# TYPE up gauge", None),
            ("nan_value NaN", None),
            ("no_value", None),
            ("", None),
        ] {
            assert_eq!(sample(line), expected, "{line}");
        }
    }

    #[test]
    fn only_what_is_wanted_is_kept() {
        let mut heard = ScrapeState::default();
        let text = "running{gpu=\"0\"} 2\nrunning{gpu=\"1\"} 4\nother 9\n";
        heard.note(text, 0.5, &["run*".to_owned()], &Redactor::default());
        heard.note("running{gpu=\"0\"} 6\n", 1.5, &["run*".to_owned()], &Redactor::default());
        assert_eq!(heard.scraped.len(), 2);
        assert_eq!(heard.scraped["running{gpu=\"0\"}"], [(0.5, 2.0), (1.5, 6.0)]);
        let mut nothing = ScrapeState::default();
        nothing.note(text, 0.5, &["absent".to_owned()], &Redactor::default());
        assert!(nothing.error.unwrap().contains("absent"));
    }
}
