//! Datasets behind an HTTP(S) address: downloaded once, completely or not at all.

use super::DatasetError;
use futures_util::StreamExt;
use std::io::Write;
use std::path::Path;
use std::time::{Duration, Instant};

const MOST_BYTES: u64 = 16 << 30;
const CONNECT_TIMEOUT: Duration = Duration::from_secs(30);
/// Longest silence between two chunks of the file.
const READ_TIMEOUT: Duration = Duration::from_mins(1);

/// Returns an address without its query, in which a signature or a token can stand.
pub fn shown_url(url: &str) -> &str {
    url.split_once('?').map_or(url, |(shown, _)| shown)
}

/// Downloads a dataset to a path. The path does not exist before the download is complete.
pub async fn download(url: &str, to: &Path) -> Result<(), DatasetError> {
    let shown = || shown_url(url).to_owned();
    let failed = |message: String| DatasetError::Download { url: shown(), message, error: None };
    let broken = |error: reqwest::Error| {
        // Without the address, which can hold a signature.
        let error = error.without_url();
        DatasetError::Download { url: shown(), message: reason(&error), error: Some(error) }
    };
    let io = |error| DatasetError::Unkept { url: shown(), path: to.display().to_string(), error };
    // Fails only where a provider is installed already, which is then the one in use.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = reqwest::Client::builder()
        .user_agent(concat!("sizer/", env!("CARGO_PKG_VERSION")))
        .connect_timeout(CONNECT_TIMEOUT)
        .read_timeout(READ_TIMEOUT)
        // A signature in the address is not for whoever it is redirected to.
        .referer(false)
        .build()
        .map_err(broken)?;
    let began = Instant::now();
    tracing::debug!("downloading {}", shown_url(url));
    let response = client.get(url).send().await.map_err(broken)?;
    if !response.status().is_success() {
        return Err(failed(format!("the server answered {}", response.status())));
    }
    let dir = to.parent().unwrap_or(Path::new("."));
    std::fs::create_dir_all(dir).map_err(io)?;
    let mut file =
        tempfile::Builder::new().prefix(".").suffix(".tmp").tempfile_in(dir).map_err(io)?;
    let mut body = response.bytes_stream();
    let mut received = 0;
    while let Some(piece) = body.next().await {
        let piece = piece.map_err(broken)?;
        received += piece.len() as u64;
        if received > MOST_BYTES {
            return Err(failed(format!("it is larger than {} GiB", MOST_BYTES >> 30)));
        }
        file.write_all(&piece).map_err(io)?;
    }
    file.as_file().sync_all().map_err(io)?;
    file.persist(to).map_err(|error| io(error.error))?;
    tracing::debug!("downloaded {received} bytes in {:?}", began.elapsed());
    Ok(())
}

/// Returns the innermost cause: the outer ones repeat the address.
fn reason(error: &reqwest::Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    cause.to_string()
}
