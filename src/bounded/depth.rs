//! Limit on the length of template expressions. The template engine recurses into each operator of
//! `1+1+…`, and a stack overflow ends the process; so the length is checked before anything is
//! parsed.

use super::LimitExceeded;

/// Most operators in one expression or statement: a hundred times what people write.
const MOST_OPERATORS: usize = 2_000;
/// Most `elif` branches in one template.
const MOST_BRANCHES: usize = 1_000;

/// Fails if an expression has too many operators, or the template too many branches.
pub(super) fn check(text: &str) -> Result<(), LimitExceeded> {
    let (mut rest, mut line, mut branches) = (text, 1, 0);
    while let Some(at) = memchr::memchr(b'{', rest.as_bytes()) {
        let (before, block) = rest.split_at(at);
        line += lines(before);
        if block.starts_with("{{") || block.starts_with("{%") {
            let block = block.get(2..).unwrap_or_default();
            let length = expression(block, line)?;
            let inside = block.get(..length).unwrap_or_default();
            if inside.trim_start_matches(['-', '+', ' ', '\t', '\r', '\n']).starts_with("elif") {
                branches += 1;
            }
            if branches > MOST_BRANCHES {
                return Err(LimitExceeded::Depth { line, most: MOST_BRANCHES });
            }
            line += lines(inside);
            rest = block.get(length..).unwrap_or_default();
        } else {
            rest = block.get(1..).unwrap_or_default();
        }
    }
    Ok(())
}

fn lines(text: &str) -> usize {
    memchr::memchr_iter(b'\n', text.as_bytes()).count()
}

/// Returns the length of an expression up to its closing brackets, skipping strings.
fn expression(block: &str, line: usize) -> Result<usize, LimitExceeded> {
    let bytes = block.as_bytes();
    let (mut at, mut operators, mut quote) = (0, 0, None);
    while let Some(byte) = bytes.get(at).copied() {
        at += 1;
        match quote {
            Some(_) if byte == b'\\' => at += 1,
            Some(mark) if byte == mark => quote = None,
            Some(_) => {}
            None => match byte {
                b'"' | b'\'' => quote = Some(byte),
                b'}' | b'%' if bytes.get(at) == Some(&b'}') => return Ok(at - 1),
                b'+' | b'-' | b'*' | b'/' | b'%' | b'~' | b'.' | b'|' | b'<' | b'>' | b'='
                | b'!' | b'[' | b'(' | b'{' => operators += 1,
                // A word that is an operator stands between spaces or brackets.
                b' ' | b'\t' | b'\n' | b')' | b']' if is_word(bytes.get(at..)) => operators += 1,
                _ => {}
            },
        }
        if operators > MOST_OPERATORS {
            return Err(LimitExceeded::Depth { line, most: MOST_OPERATORS });
        }
    }
    Ok(bytes.len())
}

fn is_word(rest: Option<&[u8]>) -> bool {
    const WORDS: [&[u8]; 7] = [b"not", b"and", b"or", b"in", b"is", b"if", b"else"];
    let Some(rest) = rest else { return false };
    WORDS.iter().any(|word| {
        rest.strip_prefix(*word).is_some_and(|rest| {
            !rest.first().is_some_and(|next| next.is_ascii_alphanumeric() || *next == b'_')
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chains_are_told_by_their_length() {
        for link in
            ["1+", "1 + ", "not ", "-", "a.", "a|", "a~", "1 and ", "[", "1 if 1 else ", "a == "]
        {
            let long = format!("x\n{{{{ {}1 }}}}", link.repeat(50_000));
            assert_eq!(
                check(&long),
                Err(LimitExceeded::Depth { line: 2, most: MOST_OPERATORS }),
                "{link}"
            );
            let short = format!("{{{{ {}1 }}}}", link.repeat(100));
            assert_eq!(check(&short), Ok(()), "{link}");
        }
        let branches = "{% elif x %}".repeat(1_001);
        assert!(check(&format!("{{% if x %}}{branches}{{% endif %}}")).is_err());
    }

    #[test]
    fn text_strings_and_many_expressions_are_no_chain() {
        let text = format!("{}{{{{ '{}' }}}}", "1+".repeat(50_000), "}} + ".repeat(50_000));
        assert_eq!(check(&text), Ok(()));
        assert_eq!(check(&"{{ a.b + 1 }} {% if x %}{% endif %}".repeat(50_000)), Ok(()));
        assert_eq!(check(&format!("{{{{ [{}] }}}}", "1, ".repeat(50_000))), Ok(()));
    }
}
