//! Which file uses what another one defines.

use std::collections::BTreeSet;

use proc_macro2::{Delimiter, Span, TokenStream, TokenTree};
use syn::visit::{self, Visit};
use syn::{Attribute, ImplItem, Item, ItemUse, Macro, Pat, Path};

use super::methods::{Methods, type_of};
use super::modules::{self, Modules, Sources};

/// A place in one file that uses what another one defines.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Arrow {
    pub from: String,
    pub to: String,
    pub line: usize,
    pub text: String,
}

/// All arrows between the files of a crate.
pub fn arrows(sources: &Sources) -> BTreeSet<Arrow> {
    let mut modules = Modules::of(sources);
    let methods = Methods::of(&modules);
    let files = std::mem::take(&mut modules.files);
    for (path, _, syntax) in &files {
        InnerUses { modules: &mut modules, path }.visit_file(syntax);
    }
    let mut found = BTreeSet::new();
    for (path, file, syntax) in &files {
        let mut variables = Variables::default();
        variables.visit_file(syntax);
        let path = path.clone();
        let variables = variables.0;
        let (modules, methods, found) = (&modules, &methods, &mut found);
        Uses { modules, methods, of: None, file, path, variables, found }.visit_file(syntax);
    }
    found
}

/// Finds each `use` inside a function.
struct InnerUses<'a> {
    modules: &'a mut Modules,
    path: &'a [String],
}

impl Visit<'_> for InnerUses<'_> {
    fn visit_item_mod(&mut self, _: &syn::ItemMod) {}

    fn visit_item_use(&mut self, item: &ItemUse) {
        self.modules.bind(self.path, &item.tree);
    }
}

/// The names of variables: such a name by itself is not that of a function elsewhere.
#[derive(Default)]
struct Variables(BTreeSet<String>);

impl Visit<'_> for Variables {
    fn visit_pat(&mut self, pattern: &Pat) {
        if let Pat::Ident(ident) = pattern {
            self.0.insert(ident.ident.to_string());
        }
        visit::visit_pat(self, pattern);
    }
}

/// Walks a file and notes what it uses.
struct Uses<'a> {
    modules: &'a Modules,
    methods: &'a Methods,
    /// The type whose methods these are.
    of: Option<String>,
    file: &'a str,
    path: Vec<String>,
    variables: BTreeSet<String>,
    found: &'a mut BTreeSet<Arrow>,
}

impl Uses<'_> {
    fn note(&mut self, path: &[String], at: Span) {
        if let Some(to) = self.modules.defining_file(&self.path, path) {
            self.add(to, at, path.join("::"));
        }
        if let [.., of, method] = path {
            let of = if of == "Self" { self.of.clone() } else { Some(of.clone()) };
            self.note_method(of.as_deref(), method, at);
        }
    }

    /// Notes a call of a method of a type; of one that is not known, where the method is of the same module, since
    /// libraries have methods of the same names.
    fn note_method(&mut self, of: Option<&str>, name: &str, at: Span) {
        let module = |file: &str| file.split('/').next().map(str::to_owned);
        let near = |file: &&str| module(file) == module(self.file);
        let file = match of {
            Some(of) => self.methods.of_type(of, name),
            None => self.methods.named(name).filter(near),
        };
        if let Some(file) = file {
            self.add(file.to_owned(), at, format!("{}.{name}()", of.unwrap_or_default()));
        }
    }

    fn add(&mut self, to: String, at: Span, text: String) {
        if to != self.file {
            self.found.insert(Arrow {
                from: self.file.to_owned(),
                to,
                line: at.start().line,
                text,
            });
        }
    }

    /// Macros take tokens: each path among them counts as one in code does.
    fn note_tokens(&mut self, tokens: TokenStream) {
        let trees: Vec<TokenTree> = tokens.into_iter().collect();
        let is = |at: usize, mark: char| matches!(trees.get(at), Some(TokenTree::Punct(it)) if it.as_char() == mark);
        let is_path_mark = |at: usize| is(at, ':') && is(at + 1, ':');
        let mut at = 0;
        while let Some(tree) = trees.get(at) {
            let begun = at;
            at += 1;
            let first = match tree {
                TokenTree::Ident(first) => first,
                TokenTree::Group(group) => {
                    self.note_tokens(group.stream());
                    continue;
                }
                TokenTree::Literal(literal) => {
                    self.note_text(&literal.to_string(), literal.span());
                    continue;
                }
                TokenTree::Punct(_) => continue,
            };
            let mut path = vec![first.to_string()];
            while let (true, Some(TokenTree::Ident(next))) = (is_path_mark(at), trees.get(at + 2)) {
                path.push(next.to_string());
                at += 3;
            }
            let is_call = matches!(trees.get(at), Some(TokenTree::Group(it)) if it.delimiter() == Delimiter::Parenthesis);
            let is_type = path[0].starts_with(char::is_uppercase);
            let after_dot = begun > 0 && is(begun - 1, '.');
            let after_path = begun > 1 && is_path_mark(begun - 2);
            if after_dot && is_call {
                self.note_method(None, &path[0], first.span());
            } else if !after_dot && !after_path && (path.len() > 1 || is_call || is_type) {
                self.note(&path, first.span());
            }
        }
    }

    /// Attributes name functions in text: `#[serde(with = "crate::spec::duration")]`.
    fn note_text(&mut self, literal: &str, at: Span) {
        let Ok(path) = syn::parse_str::<Path>(literal.trim_matches('"')) else { return };
        let names = modules::names(&path);
        if names.len() > 1 {
            self.note(&names, at);
            // Where the text is a module, what is used of it is inside.
            for inside in ["deserialize", "serialize"] {
                self.note(&[names.clone(), vec![inside.to_owned()]].concat(), at);
            }
        }
    }
}

impl Visit<'_> for Uses<'_> {
    fn visit_item(&mut self, item: &Item) {
        if !modules::attributes(item).iter().any(modules::is_for_tests) {
            visit::visit_item(self, item);
        }
    }

    fn visit_impl_item(&mut self, item: &ImplItem) {
        let attributes = if let ImplItem::Fn(function) = item { &function.attrs[..] } else { &[] };
        if !attributes.iter().any(modules::is_for_tests) {
            visit::visit_impl_item(self, item);
        }
    }

    fn visit_item_impl(&mut self, item: &syn::ItemImpl) {
        self.of = type_of(item).and_then(|of| modules::names(of).pop());
        visit::visit_item_impl(self, item);
        self.of = None;
    }

    fn visit_item_mod(&mut self, item: &syn::ItemMod) {
        self.path.push(item.ident.to_string());
        visit::visit_item_mod(self, item);
        self.path.pop();
    }

    fn visit_item_use(&mut self, item: &ItemUse) {
        if item.leading_colon.is_some() {
            return;
        }
        let folder = self.file.strip_suffix("mod.rs").or(self.file.strip_suffix("lib.rs"));
        for (path, _) in modules::leaves(&item.tree) {
            // What a folder shows of its own files it does not use.
            let own = |folder| {
                self.modules
                    .defining_file(&self.path, &path)
                    .is_some_and(|to: String| to.starts_with(folder))
            };
            if !(modules::is_public(&item.vis) && folder.is_some_and(own)) {
                self.note(&path, item.use_token.span);
            }
        }
    }

    fn visit_path(&mut self, path: &Path) {
        let names: Vec<String> =
            path.segments.iter().map(|segment| segment.ident.to_string()).collect();
        let is_variable =
            names.len() == 1 && names.iter().all(|name| self.variables.contains(name));
        if let (None, false, Some(first)) = (path.leading_colon, is_variable, path.segments.first())
        {
            self.note(&names, first.ident.span());
        }
        visit::visit_path(self, path);
    }

    fn visit_expr_method_call(&mut self, call: &syn::ExprMethodCall) {
        let on_self = matches!(&*call.receiver, syn::Expr::Path(it) if it.path.is_ident("self"));
        let of = self.of.clone().filter(|_| on_self);
        self.note_method(of.as_deref(), &call.method.to_string(), call.method.span());
        visit::visit_expr_method_call(self, call);
    }

    fn visit_macro(&mut self, item: &Macro) {
        visit::visit_macro(self, item);
        self.note_tokens(item.tokens.clone());
    }

    fn visit_attribute(&mut self, attribute: &Attribute) {
        if let syn::Meta::List(list) = &attribute.meta {
            self.note_tokens(list.tokens.clone());
        }
    }
}
