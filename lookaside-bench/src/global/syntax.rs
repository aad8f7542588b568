//! The front of a compiler, as a derive macro or a generator of bindings has it: syn parses Rust source into a tree, a visitor
//! counts the names in it, an implementation is derived for each structure, and all is printed as tokens.

use std::collections::BTreeMap;
use std::hint::black_box;

use quote::{ToTokens, quote};
use syn::visit::{self, Visit};
use syn::{Ident, Item, ItemStruct, parse_quote};

use super::turns::milliseconds;

/// Rust as programs have it: examples of this project.
const SOURCES: [&str; 4] = [
    include_str!("../../../lookaside-core/examples/object_cache.rs"),
    include_str!("../../../lookaside-core/examples/requests.rs"),
    include_str!("../../../lookaside-core/examples/server.rs"),
    include_str!("../../../lookaside-core/examples/tasks.rs"),
];
/// How often a turn compiles each.
const TIMES: usize = 7;

/// Milliseconds from the sources to what is printed.
pub fn run() -> anyhow::Result<f64> {
    let turn = || {
        let sources = SOURCES.iter().cycle().take(TIMES * SOURCES.len());
        Ok(sources.map(|source| compile(black_box(source))).collect::<syn::Result<String>>()?)
    };
    milliseconds(&turn()?, turn)
}

/// Parses a source, and prints it with what is derived and a table of the names in it.
fn compile(source: &str) -> syn::Result<String> {
    let mut file = syn::parse_file(source)?;
    let mut names = Names::default();
    names.visit_file(&file);
    let derived: Vec<Item> = file.items.iter().filter_map(structure).map(derive).collect();
    file.items.extend(derived);
    file.items.push(names.table());
    Ok(file.into_token_stream().to_string())
}

fn structure(item: &Item) -> Option<&ItemStruct> {
    match item {
        Item::Struct(structure) => Some(structure),
        _ => None,
    }
}

/// The implementation of a trait for a structure, as a derive macro makes it.
fn derive(structure: &ItemStruct) -> Item {
    let name = &structure.ident;
    let (generics, arguments, bounds) = structure.generics.split_for_impl();
    let fields = structure.fields.iter().map(|field| {
        let name = field.ident.as_ref().map_or_else(String::new, Ident::to_string);
        let of = field.ty.to_token_stream().to_string();
        quote! { (#name, #of) }
    });
    parse_quote! {
        impl #generics Fields for #name #arguments #bounds {
            const FIELDS: &'static [(&'static str, &'static str)] = &[#(#fields),*];
        }
    }
}

/// How often each name is in a tree.
#[derive(Default)]
struct Names(BTreeMap<String, usize>);

impl<'ast> Visit<'ast> for Names {
    fn visit_ident(&mut self, name: &'ast Ident) {
        *self.0.entry(name.to_string()).or_default() += 1;
        visit::visit_ident(self, name);
    }
}

impl Names {
    fn table(&self) -> Item {
        let rows = self.0.iter().map(|(name, count)| quote! { (#name, #count) });
        parse_quote! { const NAMES: &[(&str, usize)] = &[#(#rows),*]; }
    }
}

#[cfg(test)]
mod tests {
    use syn::File;

    use super::*;

    #[test]
    fn what_is_printed_has_every_item_and_one_for_each_structure() {
        let text = |item: &Item| item.to_token_stream().to_string();
        let mut derived = 0;
        for source in SOURCES {
            let before: File = syn::parse_file(source).unwrap();
            let after: File = syn::parse_file(&compile(source).unwrap()).unwrap();
            let structures = before.items.iter().filter(|item| structure(item).is_some()).count();
            assert_eq!(after.items.len(), before.items.len() + structures + 1);
            assert!(after.items.iter().zip(&before.items).all(|(after, before)| text(after) == text(before)));
            assert!(text(after.items.last().unwrap()).contains("(\"main\" , 1usize)"));
            derived += structures;
        }
        assert!(derived > 3, "{derived}");
    }
}
