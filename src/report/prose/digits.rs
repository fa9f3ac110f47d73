//! Figures with as many digits as count.

/// Formats a time in seconds with three significant digits.
pub(super) fn three(seconds: f64) -> String {
    let digits: usize = match seconds {
        time if time >= 100.0 => 0,
        time if time >= 10.0 => 1,
        time if time >= 1.0 => 2,
        time if time >= 0.1 => 3,
        _ => 4,
    };
    format!("{seconds:.digits$}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_digits_of_a_time_count() {
        assert_eq!(
            [123.4, 12.34, 1.234, 0.1234, 0.01234].map(three),
            ["123", "12.3", "1.23", "0.123", "0.0123"]
        );
    }
}
