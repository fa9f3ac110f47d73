//! The names that the library shows: few at the root, each in the table of its page, and the rest in modules beside it.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use syn::{Attribute, Item, Meta, UseTree, Visibility};

/// Most names at the root.
const MOST_AT_ROOT: usize = 50;
/// Most names in the modules beside it.
const MOST_IN_MODULES: usize = 222;

fn source(path: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap()
}

fn is_hidden(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| match &attribute.meta {
        Meta::List(list) => list.path.is_ident("doc") && list.tokens.to_string() == "hidden",
        _ => false,
    })
}

/// Adds the names that a `use` shows.
fn add(tree: &UseTree, names: &mut BTreeSet<String>) {
    match tree {
        UseTree::Path(path) => add(&path.tree, names),
        UseTree::Group(group) => group.items.iter().for_each(|tree| add(tree, names)),
        UseTree::Name(name) => assert!(names.insert(name.ident.to_string()), "{}", name.ident),
        UseTree::Rename(name) => assert!(names.insert(name.rename.to_string()), "{}", name.rename),
        UseTree::Glob(_) => panic!("the library shows each name by itself"),
    }
}

/// The names that a list of items shows, and its public modules.
fn shown(items: &[Item]) -> (BTreeSet<String>, Vec<&syn::ItemMod>) {
    let (mut names, mut modules) = (BTreeSet::new(), Vec::new());
    for item in items {
        match item {
            Item::Use(item) if matches!(item.vis, Visibility::Public(_)) => {
                add(&item.tree, &mut names);
            }
            Item::Mod(item)
                if matches!(item.vis, Visibility::Public(_)) && !is_hidden(&item.attrs) =>
            {
                modules.push(item);
            }
            _ => {}
        }
    }
    (names, modules)
}

#[test]
fn the_root_has_few_names_and_its_page_has_them_all() {
    let text = source("src/lib.rs");
    let page: Vec<&str> = text.lines().filter_map(|line| line.strip_prefix("//! | ")).collect();
    let page = page.join("\n");
    let file = syn::parse_file(&text).unwrap();
    let (names, modules) = shown(&file.items);
    let mut in_modules = 0;
    for module in &modules {
        // The command line is a floor of its own, which shows functions.
        let Some((_, items)) = &module.content else { continue };
        let (names, deeper) = shown(items);
        assert!(deeper.is_empty(), "{} has modules", module.ident);
        in_modules += names.len();
    }
    println!("{} names at the root, {in_modules} in modules", names.len());
    assert!(names.len() <= MOST_AT_ROOT, "{} names at the root", names.len());
    assert!(in_modules <= MOST_IN_MODULES, "{in_modules} names in modules");
    for name in &names {
        assert!(page.contains(&format!("[`{name}`]")), "the page's table lacks {name}");
    }
    for module in modules.iter().filter(|module| module.content.is_some()) {
        let link = format!("[`{}`]", module.ident);
        assert!(text.contains(&link), "the page lacks {link}");
    }
}

#[test]
fn examples_use_what_is_public() {
    let mut sources = vec![source("examples/own_workflow.rs")];
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/extend/src");
    for entry in fs::read_dir(folder).unwrap() {
        sources.push(fs::read_to_string(entry.unwrap().path()).unwrap());
    }
    assert!(sources.len() > 5);
    for text in sources {
        assert!(!text.contains("sizer::internal"), "{text}");
    }
}
