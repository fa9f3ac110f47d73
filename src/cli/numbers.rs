//! Parsers of numbers on the command line, whose errors say what is wrong with them.

use std::str::FromStr;

/// Parses a whole number that is not negative.
pub(super) fn whole<T: FromStr>(text: &str) -> Result<T, String> {
    let digits = text.trim();
    digits.parse().map_err(|_| match digits.strip_prefix('-').unwrap_or(digits) {
        digits if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) => {
            "this is not a whole number".to_owned()
        }
        _ if text.contains('-') => "this is less than 0".to_owned(),
        _ => "this is too large a number".to_owned(),
    })
}

/// Parses a number.
pub(super) fn number(text: &str) -> Result<f64, String> {
    text.trim().parse().map_err(|_| "this is not a number".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_say_what_is_wrong_with_a_number() {
        assert_eq!(whole::<u16>(" 80 "), Ok(80));
        let wrong = |text: &str| whole::<u16>(text).unwrap_err();
        for text in ["", "x", "1.5", "1e3", "-", "0x10"] {
            assert_eq!(wrong(text), "this is not a whole number", "{text}");
        }
        assert_eq!(wrong("-80"), "this is less than 0");
        assert_eq!(wrong("65536"), "this is too large a number");
        assert_eq!((number("-1.5"), number("1e3")), (Ok(-1.5), Ok(1000.0)));
        assert_eq!(number("5s"), Err("this is not a number".to_owned()));
    }
}
