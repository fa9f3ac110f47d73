#![allow(clippy::format_collect, reason = "short texts of a test")]

use super::*;
use base64::Engine;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE};

fn of(secret: &str) -> Redactor {
    let redactor = Redactor::default();
    redactor.add(secret);
    redactor
}

#[test]
fn a_secret_is_found_however_it_is_written() {
    const SECRETS: [&str; 6] = [
        "sk-CANARY7f3a9b2c4d5e6f70",
        "p@ss/w\"or\\d %41&<x>",
        "pässwörd-schlüssel",
        "密码密码密码",
        "s3cr3",
        "a%2Fb%2Fc-\\n-%zz",
    ];
    for secret in SECRETS {
        let redactor = of(secret);
        let json = serde_json::json!(secret).to_string();
        let inner = json.trim_matches('"').to_owned();
        let escaped: String = secret.encode_utf16().map(|unit| format!("\\u{unit:04x}")).collect();
        let percent: String = secret.bytes().map(|byte| format!("%{byte:02X}")).collect();
        let lower = percent.to_ascii_lowercase();
        let usual =
            percent_encoding::utf8_percent_encode(secret, percent_encoding::NON_ALPHANUMERIC);
        let html = secret.replace('&', "&amp;").replace('<', "&lt;").replace('"', "&#34;");
        let forms = [
            secret.to_owned(),
            json.clone(),
            serde_json::json!(json).to_string(),
            escaped,
            percent,
            lower,
            usual.to_string(),
            html,
            BASE64_STANDARD.encode(secret),
            BASE64_STANDARD.encode(format!("me:{secret}")),
            BASE64_URL_SAFE.encode(format!("m:{secret}")),
            BASE64_URL_SAFE.encode(format!("someone:{secret}!")),
            secret.bytes().map(char::from).collect(),
        ];
        for form in forms {
            let masked = redactor.text(format!("key {form} is wrong"));
            assert_eq!(masked.replace(['"', '\\'], ""), "key *** is wrong", "{secret}: {form}");
            let within = redactor.text(format!("1_warmup0-{form}."));
            assert!(!within.contains(&form), "{secret}: {form}: {within}");
        }
        assert!(!redactor.text(format!("{{\"a\":\"{inner}\"}}")).contains(&inner));
    }
}

#[test]
fn bytes_of_another_encoding_are_masked_before_they_are_read_as_text() {
    let redactor = of("pässwörd");
    let latin1: Vec<u8> =
        "key pässwörd!".chars().map(|c| u8::try_from(u32::from(c)).unwrap()).collect();
    assert_eq!(redactor.bytes(&latin1), "key ***!");
    assert_eq!(
        redactor.text("p??ssw??rd, p?ssw?rd, p\u{fffd}ssw\u{fffd}rd".into()),
        "***, ***, ***"
    );
}

#[test]
fn a_cut_leaves_no_part() {
    let redactor = of("sk-CANARY7f3a9b2c4d5e6f70");
    for cut in 4..25 {
        let text = format!("your key {}", &"sk-CANARY7f3a9b2c4d5e6f70"[..cut]);
        assert_eq!(redactor.text(text), "your key ***");
        let text = format!("{} was no key", &"sk-CANARY7f3a9b2c4d5e6f70"[25 - cut..]);
        assert_eq!(redactor.text(text), "*** was no key");
    }
}

#[test]
fn a_secret_that_is_broken_up_or_in_other_letters_is_found() {
    const SECRETS: [&str; 3] =
        ["sk-CANARY7f3a9b2c4d5e6f70", "hunter2-Passw0rd", "pässwörd/schlüssel"];
    for secret in SECRETS {
        let redactor = of(secret);
        let turned: String =
            secret
                .chars()
                .map(|c| {
                    if c.is_lowercase() { c.to_uppercase().next() } else { c.to_lowercase().next() }
                })
                .map(Option::unwrap)
                .collect();
        let every = |separator: &str| {
            let letters: Vec<String> = secret.chars().map(String::from).collect();
            letters.join(separator)
        };
        let in_two = |between: &str| {
            let half = secret.char_indices().nth(secret.chars().count() / 2).unwrap().0;
            format!("{}{between}{}", &secret[..half], &secret[half..])
        };
        let wrapped = BASE64_STANDARD.encode(format!("someone-with-a-name:{secret}"));
        let wrapped = format!("{}\r\n {}", &wrapped[..40], &wrapped[40..]);
        let hex: String = secret.bytes().map(|byte| format!("{byte:02x}")).collect();
        let listed = |shown: &dyn Fn(u8) -> String, between: &str| {
            secret.bytes().map(shown).collect::<Vec<String>>().join(between)
        };
        let forms = [
            listed(&|byte| byte.to_string(), ", "),
            listed(&|byte| byte.to_string(), " "),
            listed(&|byte| format!("0x{byte:02x}"), " "),
            listed(&|byte| format!("0x{byte:02X}"), ", "),
            secret.to_uppercase(),
            secret.to_lowercase(),
            turned.clone(),
            in_two("\n"),
            in_two("\r\n    "),
            in_two("-\n"),
            in_two(" "),
            in_two("\\n"),
            in_two("\\r\\n\\t"),
            in_two("\\\\n"),
            in_two("%0A"),
            in_two("&#10;"),
            in_two("<br>"),
            in_two("\" + \""),
            in_two("\u{200b}"),
            in_two("\u{1b}[0m\n\u{1b}[31m"),
            in_two("\n> "),
            every(" "),
            every("-"),
            every(", "),
            every("\n"),
            in_two("\n").to_uppercase(),
            serde_json::json!(in_two("\n").to_uppercase()).to_string(),
            format!("{}\n{}", &hex[..12], &hex[12..]),
            hex.as_bytes()
                .chunks(2)
                .map(|it| String::from_utf8_lossy(it).into_owned() + ":")
                .collect(),
        ];
        for form in forms {
            let masked = redactor.text(format!("key {form} is wrong"));
            let bare = masked.replace(['"', '\\', ':'], "");
            assert_eq!(bare, "key *** is wrong", "{secret}: {form:?}");
        }
        let masked = redactor.text(format!("got {wrapped} here"));
        assert_eq!(masked, "got *** here", "{secret}: {wrapped}");
        // A cut through what is broken up.
        let masked = redactor.text(format!("key {}", &in_two("\n")[..secret.len() - 3]));
        assert_eq!(masked, "key ***", "{secret}");
    }
    let redactor = of("EMPTY");
    assert_eq!(redactor.text("the key EMPTY: it is empty".into()), "the key ***: it is empty");
    // Words of a text stay, however many secrets are like them.
    let redactor = of("s3cr3");
    redactor.add("open-sesame");
    let plain = "a s-3-c-r-3 is not open; sesame seeds 0123456789 S3C R3";
    assert_eq!(redactor.text(plain.into()), plain.replace("open; sesame", "***"));
}

#[test]
fn what_is_left_of_a_secret_beside_an_elision_is_masked() {
    let redactor = of("sk-CANARY7f3a9b2c4d5e6f70");
    for (said, expected) in [
        ("key sk-CANA...6f70 is wrong", "key ***...*** is wrong"),
        ("key sk-CANARY*************6f70.", "key *******************."),
        ("key sk-CANARY7f…, and …5e6f70", "key ***…, and …***"),
        ("wait... 6f7 of sk-C, e.g. CANARY", "wait... 6f7 of sk-C, e.g. CANARY"),
    ] {
        assert_eq!(redactor.text(said.into()), expected, "{said}");
    }
    let many = "a..".repeat(100_000);
    assert_eq!(redactor.text(many.clone()), many);
}

#[test]
fn short_secrets_are_masked_alone_and_words_stay() {
    let redactor = of("x7");
    assert_eq!(redactor.text("Bearer x7: 0x70, \"x7\"".into()), "Bearer ***: 0x70, \"***\"");
    let redactor = Redactor::default();
    redactor.add_guess("short");
    redactor.add_inherited("HF_AUTH", "true");
    redactor.add_inherited("HOME", "/home/somebody");
    assert_eq!(redactor.text("short true /home/somebody".into()), "short true /home/somebody");
    redactor.add_inherited("DB_PASS", "hunter");
    assert_eq!(redactor.text("pw=hunter2".into()), "pw=***2");
}

#[test]
fn schemes_pairs_and_lines_are_known() {
    let redactor = of("Bearer eyJhbGciOi.payload");
    assert_eq!(redactor.text("got eyJhbGciOi.payload".into()), "got ***");
    let redactor = of(&format!("Basic {}", BASE64_STANDARD.encode("me:opensesame")));
    assert_eq!(redactor.text("user me, password opensesame".into()), "user me, password ***");
    let redactor = Redactor::default();
    redactor.add_pair("me", "pw");
    assert_eq!(redactor.text(format!("Basic {}", BASE64_STANDARD.encode("me:pw"))), "Basic ***");
    let redactor = of("-----BEGIN KEY-----\nMIIEvgIBADANBg\nkqhkiG9w0BAQEF\n-----END KEY-----");
    assert_eq!(redactor.text("x MIIEvgIBADANBg | kqhkiG9w0BAQEF".into()), "x *** | ***");
}
