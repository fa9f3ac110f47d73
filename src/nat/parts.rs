//! Everything that a configuration is made of: its files, and the environment variables that it reads.

use super::load::{Sources, load};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Parts of a configuration: together they say what it means.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ConfigParts {
    /// Text of each file that was read, by its path: the configuration, those that it is based on, and prompts.
    pub files: BTreeMap<PathBuf, String>,
    /// Value of each environment variable that was read, by its name; `None` if it is not set.
    pub variables: BTreeMap<String, Option<String>>,
}

impl ConfigParts {
    /// Collects the parts of a configuration. A configuration that cannot be read to its end is made of the parts up
    /// to there: what it means is for the reference to say.
    pub fn of(path: &Path, sources: &Sources<'_>) -> Self {
        let (files, variables) = (RefCell::default(), RefCell::default());
        let env = |name: &str| {
            let value = (sources.env)(name);
            let mut variables: std::cell::RefMut<'_, BTreeMap<_, _>> = variables.borrow_mut();
            variables.insert(name.to_owned(), value.clone());
            value
        };
        let read = |path: &Path| {
            let text = (sources.read)(path)?;
            let mut files: std::cell::RefMut<'_, BTreeMap<_, _>> = files.borrow_mut();
            files.insert(path.to_owned(), text.clone());
            Ok(text)
        };
        let exists = sources.exists;
        // Its values are of no interest here, nor is an error in them.
        let _ = load(path, &Sources { env: &env, read: &read, exists });
        Self { files: files.into_inner(), variables: variables.into_inner() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bases_prompts_and_variables_are_parts() {
        let texts: BTreeMap<&str, &str> = [
            ("d/c.yml", "base: b.yml\nworkflow: {system_prompt: 'file://p.txt', model: $MODEL}"),
            ("d/b.yml", "llms: {one: {url: '${URL:-http://x}'}}"),
            ("d/p.txt", "Be brief."),
            ("broken.yml", "a: ${MODEL}\n  b: ["),
        ]
        .into();
        let read = |path: &Path| {
            let text = path.to_str().and_then(|path| texts.get(path));
            text.map(|text| (*text).to_owned()).ok_or(std::io::ErrorKind::NotFound.into())
        };
        let env = |name: &str| (name == "MODEL").then(|| "m".to_owned());
        let of = |path| {
            ConfigParts::of(Path::new(path), &Sources { env: &env, read: &read, exists: &|_| true })
        };
        let parts = of("d/c.yml");
        let files: Vec<_> = parts.files.keys().filter_map(|path| path.to_str()).collect();
        assert_eq!(files, ["d/b.yml", "d/c.yml", "d/p.txt"]);
        let model = ("MODEL".to_owned(), Some("m".to_owned()));
        assert_eq!(parts.variables, [model.clone(), ("URL".to_owned(), None)].into());
        assert_eq!(of("broken.yml").variables, [model].into());
        assert_eq!(of("nowhere.yml"), ConfigParts::default());
    }
}
