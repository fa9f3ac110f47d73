//! Shell-style globs, wherever several things can be named at once.

use glob::Pattern;

/// Returns true if a text matches a glob: `*` is any text, `?` one character, `[ab]` one of these,
/// `[!ab]` none of them. An invalid glob matches itself only.
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
