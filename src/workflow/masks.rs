//! Clears secrets from what a system under test sends back.

use crate::measure::Failure;

/// Short words ("Bearer") are no secrets, and masking them would garble every message.
const SHORTEST: usize = 7;

/// Revealed secrets: whatever comes back is cleared of them before it is kept.
#[derive(Clone, Default)]
pub(super) struct Masks(Vec<String>);

impl Masks {
    /// Adds a secret.
    pub fn add(&mut self, secret: impl Into<String>) {
        let secret = secret.into();
        if secret.len() >= SHORTEST {
            self.0.push(secret);
        }
    }

    /// Adds all of another's.
    pub fn extend(&mut self, others: &Self) {
        self.0.extend_from_slice(&others.0);
    }

    /// A failure without them.
    pub fn failure(&self, mut failure: Failure) -> Failure {
        failure.message = self.text(failure.message);
        failure
    }

    /// A text without them.
    pub fn text(&self, mut text: String) -> String {
        for secret in &self.0 {
            if text.contains(secret) {
                text = text.replace(secret, "***");
            }
        }
        text
    }
}
