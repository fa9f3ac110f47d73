//! Number formatting for people.

/// Formats a number with six significant digits and no trailing zeros, as `%g` does in C and Python; the
/// reference prints its table this way.
pub(super) fn significant(value: f64) -> String {
    const DIGITS: i32 = 6;
    if value == 0.0 || !value.is_finite() {
        return format!("{value}");
    }
    // The exponent after rounding: 9.999999 is 10.
    let scientific = format!("{value:.*e}", (DIGITS - 1).unsigned_abs() as usize);
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or_default();
    if (-4..DIGITS).contains(&exponent) {
        let decimals = usize::try_from(DIGITS - 1 - exponent).unwrap_or_default();
        trim(&format!("{value:.decimals$}")).to_owned()
    } else {
        format!("{}e{exponent:+03}", trim(mantissa))
    }
}

fn trim(number: &str) -> &str {
    if number.contains('.') { number.trim_end_matches('0').trim_end_matches('.') } else { number }
}

/// Formats a value, or returns an empty cell for `None`.
pub(super) fn cell(value: Option<impl ToString>) -> String {
    value.map_or_else(String::new, |value| value.to_string())
}

#[cfg(test)]
mod tests {
    use super::significant;

    /// Expected values are those of Python 3's `'%g' % value`.
    #[test]
    fn agrees_with_percent_g() {
        for (value, expected) in [
            (4.034_884_3, "4.03488"),
            (12.677, "12.677"),
            (322.790_4, "322.79"),
            (188.479_2, "188.479"),
            (9.999_999_9, "10"),
            (0.000_123_456_78, "0.000123457"),
            (0.000_012_345_678, "1.23457e-05"),
            (1_234_567.0, "1.23457e+06"),
            (100_000.0, "100000"),
            (0.0, "0"),
            (-2.5, "-2.5"),
        ] {
            assert_eq!(significant(value), expected);
        }
    }
}
