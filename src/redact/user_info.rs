//! Passwords before the `@` of an address.

/// Returns the password of an address, as written, or of the first one in a text.
pub fn url_password(text: &str) -> Option<&str> {
    let rest = text.split_once("://")?.1.trim_start_matches('/');
    let authority = rest.split(['/', '?', '#', '\n']).next()?;
    password_in(authority.rsplit_once('@')?.0)
}

/// Returns the password of a user and a password, as written; `None` without any.
pub(super) fn password_in(user_info: &str) -> Option<&str> {
    // The colon of a reference separates nothing.
    let colon = user_info.match_indices(':').find(|(at, _)| {
        let (before, _) = user_info.split_at(*at);
        before.rfind("${").is_none_or(|open| before.get(open..).is_some_and(|it| it.contains('}')))
    });
    user_info.get(colon?.0 + 1..).filter(|password| !password.is_empty())
}
