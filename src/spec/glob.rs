//! Shell-style patterns, wherever a person may name several things at once.

use glob::Pattern;

/// Whether a text is what a pattern says: `*` is any text, `?` one character, `[ab]` one of these,
/// `[!ab]` none of them. What is no pattern means itself.
pub fn glob_matches(pattern: &str, text: &str) -> bool {
    // The crate keeps `**` for folders; here it can only mean `*`.
    let mut single = pattern.to_owned();
    while single.contains("**") {
        single = single.replace("**", "*");
    }
    pattern == text || Pattern::new(&single).is_ok_and(|pattern| pattern.matches(text))
}

#[cfg(test)]
mod tests {
    use super::glob_matches;

    /// Figures of Python's `fnmatch.fnmatchcase`.
    #[test]
    fn agrees_with_fnmatch() {
        for (pattern, text, expected) in [
            ("sympy__*", "sympy__21614", true),
            ("sympy__*", "astropy__1", false),
            ("q?", "q1", true),
            ("q?", "q12", false),
            ("[ab]*", "beta", true),
            ("[!ab]*", "beta", false),
            ("a**b", "axyb", true),
            ("[", "[", true),
            ("*", "a/b", true),
            ("", "", true),
            ("Q1", "q1", false),
        ] {
            assert_eq!(glob_matches(pattern, text), expected, "{pattern} {text}");
        }
    }
}
