//! Methods that are not where their type is.

use std::collections::BTreeMap;

use syn::visit::{self, Visit};
use syn::{ImplItem, ItemImpl, ItemTrait, TraitItem, Type};

use super::modules::{self, Modules};

/// The methods of types that are defined in another file.
#[derive(Default)]
pub struct Methods {
    /// Their files, by the type's name and their own.
    apart: BTreeMap<(String, String), String>,
    /// How many methods of the crate have a name.
    named: BTreeMap<String, usize>,
}

impl Methods {
    pub fn of(modules: &Modules) -> Self {
        let mut methods = Self::default();
        for (path, file, syntax) in &modules.files {
            Finder { modules, path, file, methods: &mut methods }.visit_file(syntax);
        }
        methods
    }

    /// The file of a method of a type.
    pub fn of_type(&self, of: &str, name: &str) -> Option<&str> {
        self.apart.get(&(of.to_owned(), name.to_owned())).map(String::as_str)
    }

    /// The file of a method of whatever type, where no other method has its name.
    pub fn named(&self, name: &str) -> Option<&str> {
        let mut found = self.apart.iter().filter(|((_, method), _)| method == name);
        found.next().filter(|_| self.named.get(name) == Some(&1)).map(|(_, file)| file.as_str())
    }
}

/// The name of the type that an `impl` is of.
pub fn type_of(item: &ItemImpl) -> Option<&syn::Path> {
    if let Type::Path(of) = &*item.self_ty { Some(&of.path) } else { None }
}

struct Finder<'a> {
    modules: &'a Modules,
    path: &'a [String],
    file: &'a str,
    methods: &'a mut Methods,
}

impl Visit<'_> for Finder<'_> {
    fn visit_item_mod(&mut self, item: &syn::ItemMod) {
        if !item.attrs.iter().any(modules::is_for_tests) {
            visit::visit_item_mod(self, item);
        }
    }

    fn visit_item_impl(&mut self, item: &ItemImpl) {
        let names = type_of(item).map(modules::names).unwrap_or_default();
        let home = self.modules.defining_file(self.path, &names);
        let is_apart = item.trait_.is_none() && home.is_some_and(|home| home != self.file);
        for method in &item.items {
            let ImplItem::Fn(method) = method else { continue };
            let name = method.sig.ident.to_string();
            *self.methods.named.entry(name.clone()).or_default() += 1;
            if let (true, Some(of)) = (is_apart, names.last()) {
                self.methods.apart.insert((of.clone(), name), self.file.to_owned());
            }
        }
    }

    fn visit_item_trait(&mut self, item: &ItemTrait) {
        for method in &item.items {
            if let TraitItem::Fn(method) = method {
                *self.methods.named.entry(method.sig.ident.to_string()).or_default() += 1;
            }
        }
    }
}
