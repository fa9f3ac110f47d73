//! Which file of the crate defines a name, however it got to where it is used.

use std::collections::{BTreeMap, BTreeSet};

use syn::{Attribute, Item, UseTree, Visibility};

/// The sources of a crate by their path below `src/`.
pub type Sources = BTreeMap<String, String>;

/// A module of the crate: where it is, and what its names stand for.
#[derive(Default)]
pub struct Module {
    pub file: String,
    defined: BTreeSet<String>,
    children: BTreeSet<String>,
    bound: BTreeMap<String, Vec<String>>,
    globs: Vec<Vec<String>>,
}

/// All modules of a crate, by their path, and the syntax of their files.
#[derive(Default)]
pub struct Modules {
    pub by_path: BTreeMap<Vec<String>, Module>,
    pub files: Vec<(Vec<String>, String, syn::File)>,
}

/// What a path leads to.
#[derive(Clone)]
enum Place {
    Module(Vec<String>),
    Item { file: String },
}

/// A chain of re-exports longer than this leads in a ring.
const LONGEST_CHAIN: usize = 16;

impl Modules {
    /// Reads what the module tree below `lib.rs` reaches. Modules of tests and fuzzers are left out.
    pub fn of(sources: &Sources) -> Self {
        let mut modules = Self::default();
        modules.add_file(sources, Vec::new(), "lib.rs");
        modules
    }

    fn add_file(&mut self, sources: &Sources, path: Vec<String>, file: &str) {
        let text = sources.get(file).unwrap_or_else(|| panic!("{file} is missing"));
        let syntax = syn::parse_file(text).unwrap_or_else(|error| panic!("{file}: {error}"));
        self.add_items(sources, &path, file, &syntax.items);
        self.files.push((path, file.to_owned(), syntax));
    }

    fn add_items(&mut self, sources: &Sources, path: &[String], file: &str, items: &[Item]) {
        let mut module = Module { file: file.to_owned(), ..Module::default() };
        for item in items.iter().filter(|item| !attributes(item).iter().any(is_for_tests)) {
            match item {
                Item::Mod(child) => {
                    let name = child.ident.to_string();
                    let below: Vec<String> = path.iter().cloned().chain([name.clone()]).collect();
                    match &child.content {
                        Some((_, items)) => self.add_items(sources, &below, file, items),
                        None => self.add_file(sources, below.clone(), &file_of(sources, &below)),
                    }
                    module.children.insert(name);
                }
                Item::Use(item) if item.leading_colon.is_none() => module.bind(&item.tree),
                other => module.defined.extend(name_of(other)),
            }
        }
        self.by_path.insert(path.to_vec(), module);
    }

    /// Makes the names of a `use` inside a function known to the module around it.
    pub fn bind(&mut self, module: &[String], tree: &UseTree) {
        if let Some(module) = self.by_path.get_mut(module) {
            module.bind(tree);
        }
    }

    /// The file that defines what `path` means in the module `from`; none for modules and for other crates.
    pub fn defining_file(&self, from: &[String], path: &[String]) -> Option<String> {
        match self.resolve(from, path, 0)? {
            Place::Item { file } => Some(file),
            Place::Module(_) => None,
        }
    }

    fn resolve(&self, from: &[String], path: &[String], depth: usize) -> Option<Place> {
        let mut place = None;
        for (at, name) in path.iter().enumerate() {
            let last = at + 1 == path.len();
            let here = match &place {
                None => from.to_vec(),
                Some(Place::Module(module)) => module.clone(),
                Some(Place::Item { .. }) => break,
            };
            place = Some(match name.as_str() {
                "crate" => Place::Module(Vec::new()),
                "self" => Place::Module(here),
                "super" => Place::Module(here.split_last()?.1.to_vec()),
                name => self.look_up(&here, name, last, depth)?,
            });
        }
        place
    }

    fn look_up(&self, here: &[String], name: &str, last: bool, depth: usize) -> Option<Place> {
        if depth > LONGEST_CHAIN {
            return None;
        }
        let module = self.by_path.get(here)?;
        let item =
            || module.defined.contains(name).then(|| Place::Item { file: module.file.clone() });
        let child = || {
            let below = || here.iter().cloned().chain([name.to_owned()]).collect();
            module.children.contains(name).then(|| Place::Module(below()))
        };
        let bound = || module.bound.get(name).and_then(|path| self.resolve(here, path, depth + 1));
        // A function may have the name of a module beside it: what a path goes through is the module.
        let found = if last {
            item().or_else(bound).or_else(child)
        } else {
            child().or_else(item).or_else(bound)
        };
        found.or_else(|| {
            module.globs.iter().find_map(|glob| match self.resolve(here, glob, depth + 1)? {
                Place::Module(other) if other != here => {
                    self.look_up(&other, name, last, depth + 1)
                }
                _ => None,
            })
        })
    }
}

impl Module {
    fn bind(&mut self, tree: &UseTree) {
        for (path, name) in leaves(tree) {
            match name {
                Some(name) => {
                    self.bound.entry(name).or_insert(path);
                }
                None => self.globs.push(path),
            }
        }
    }
}

/// The paths that a `use` names, each with the name that it gets; without one, all names below it.
pub fn leaves(tree: &UseTree) -> Vec<(Vec<String>, Option<String>)> {
    match tree {
        UseTree::Path(path) => leaves(&path.tree)
            .into_iter()
            .map(|(mut below, name)| {
                // `use a::b::{self}` names `a::b`.
                let name = match below.as_slice() {
                    [only] if only == "self" => Some(path.ident.to_string()),
                    _ => name,
                };
                if below == ["self"] {
                    below.clear();
                }
                below.insert(0, path.ident.to_string());
                (below, name)
            })
            .collect(),
        UseTree::Name(name) => vec![(vec![name.ident.to_string()], Some(name.ident.to_string()))],
        UseTree::Rename(rename) => {
            vec![(vec![rename.ident.to_string()], Some(rename.rename.to_string()))]
        }
        UseTree::Glob(_) => vec![(Vec::new(), None)],
        UseTree::Group(group) => group.items.iter().flat_map(leaves).collect(),
    }
}

/// The names that a path goes through.
pub fn names(path: &syn::Path) -> Vec<String> {
    path.segments.iter().map(|segment| segment.ident.to_string()).collect()
}

/// Whether an attribute keeps its item for tests and fuzzers.
pub fn is_for_tests(attribute: &Attribute) -> bool {
    let syn::Meta::List(list) = &attribute.meta else { return false };
    let words = list.tokens.to_string();
    let has = |word: &str| {
        words.split(|c: char| !c.is_alphanumeric() && c != '_').any(|part| part == word)
    };
    list.path.is_ident("cfg") && (has("test") || has("fuzzing")) && !has("not")
}

/// Whether an item is seen outside its module.
pub fn is_public(visibility: &Visibility) -> bool {
    !matches!(visibility, Visibility::Inherited)
}

fn file_of(sources: &Sources, module: &[String]) -> String {
    let stem = module.join("/");
    let file = format!("{stem}.rs");
    if sources.contains_key(&file) { file } else { format!("{stem}/mod.rs") }
}

/// The attributes of an item that may be left out of a build.
pub fn attributes(item: &Item) -> &[Attribute] {
    match item {
        Item::Const(item) => &item.attrs,
        Item::Enum(item) => &item.attrs,
        Item::Fn(item) => &item.attrs,
        Item::Impl(item) => &item.attrs,
        Item::Macro(item) => &item.attrs,
        Item::Mod(item) => &item.attrs,
        Item::Static(item) => &item.attrs,
        Item::Struct(item) => &item.attrs,
        Item::Trait(item) => &item.attrs,
        Item::Type(item) => &item.attrs,
        Item::Use(item) => &item.attrs,
        _ => &[],
    }
}

fn name_of(item: &Item) -> Option<String> {
    let ident = match item {
        Item::Const(item) => &item.ident,
        Item::Enum(item) => &item.ident,
        Item::Fn(item) => &item.sig.ident,
        Item::Macro(item) => item.ident.as_ref()?,
        Item::Static(item) => &item.ident,
        Item::Struct(item) => &item.ident,
        Item::Trait(item) => &item.ident,
        Item::Type(item) => &item.ident,
        Item::Union(item) => &item.ident,
        _ => return None,
    };
    Some(ident.to_string())
}
