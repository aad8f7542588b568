//! The front of a compiler, as a derive macro or a generator of bindings has it: syn parses Rust source into a tree, a visitor
//! counts the names in it, an implementation is derived for each structure, and all is printed as tokens.

use std::collections::BTreeMap;
use std::hint::black_box;

use anyhow::ensure;
use quote::{ToTokens, quote};
use syn::visit::{self, Visit};
use syn::{Ident, Item, ItemStruct, parse_quote};

use crate::ground::measure::{ROUND, clock, timed_from};
use crate::ground::random::Random;
use crate::ground::text::checksum;

/// Bytes of the source, about.
const SOURCE: usize = 96 << 10;

/// Items as programs have them; `@` is another number for each.
const ITEMS: [&str; 8] = [
    r#"
/// What table @ has for a key.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry@<'a, K: Ord, V = Vec<u8>>
where
    V: AsRef<[u8]> + 'a,
{
    pub key: K,
    value: Option<Box<V>>,
    pub(crate) names: &'a [&'a str],
    next: Option<Box<Entry@<'a, K, V>>>,
    bits: [u64; @],
}
"#,
    r#"
#[repr(u8)]
#[derive(Clone, Copy, Eq, PartialEq)]
pub enum State@ {
    /// Nothing was asked for yet.
    Idle = 0,
    Waiting { since: u64, tries: u8 },
    Done(Result<usize, Error>),
}
"#,
    r#"
impl<'a, K: Ord + Clone, V: AsRef<[u8]>> Entry@<'a, K, V> {
    /// Returns the entry of the key, if there is one.
    pub fn find(&self, key: &K) -> Option<&Self> {
        let mut entry = Some(self);
        while let Some(found) = entry {
            if found.key == *key && found.bits.iter().any(|&word| word & (1 << @) != 0) {
                return Some(found);
            }
            entry = found.next.as_deref();
        }
        None
    }
}
"#,
    r#"
pub fn read_@(input: &mut impl std::io::Read, limit: usize) -> Result<Vec<Record>, Error> {
    let mut records = Vec::with_capacity(limit.min(@));
    loop {
        let header = match Header::read(input)? {
            Some(header) if header.length <= limit => header,
            Some(header) => return Err(Error::TooLong { length: header.length, at: records.len() }),
            None => break,
        };
        let mut body = vec![0_u8; header.length];
        input.read_exact(&mut body).map_err(|error| Error::Io(format!("record {}: {error}", records.len())))?;
        records.push(Record { header, body, checksum: body.iter().fold(@, |sum, &byte| sum.rotate_left(5) ^ u32::from(byte)) });
    }
    records.sort_by_key(|record| (record.header.kind, std::cmp::Reverse(record.header.length)));
    Ok(records)
}
"#,
    r#"
const TABLE_@: [(&str, u32, f64); 4] =
    [("caf\u{e9}", 0x@, 1.5e3), ("block", @_000, -0.25), ("r\"aw\"", 0b1011, 3.), (r"\d+", 0o17, 6.25e-2)];
static COUNT_@: AtomicUsize = AtomicUsize::new(TABLE_@.len() << 2 | 1);
"#,
    r#"
#[cfg(test)]
mod tests_@ {
    use super::{read_@, Entry@, State@};

    #[test]
    fn records_come_in_order() {
        let records = read_@(&mut &INPUT[@..], 64).unwrap();
        assert!(records.windows(2).all(|pair| pair[0].header.kind <= pair[1].header.kind), "{records:?}");
        assert_eq!(records.len(), @, "all of them");
    }
}
"#,
    r#"
pub trait Source@: Send + Sync {
    type Item<'a>: Iterator<Item = &'a [u8]>
    where
        Self: 'a;
    const LIMIT: usize = @ * 1024;

    fn items(&self, from: usize) -> Self::Item<'_>;
    fn first(&self) -> Option<&[u8]> {
        self.items(0).next().filter(|item| !item.is_empty())
    }
}
"#,
    r#"
macro_rules! by_size_@ {
    ($size:expr, $($limit:literal => $list:ident),+ $(,)?) => {
        match $size {
            $(0..=$limit => $list.allocate(),)+
            size => unsafe { malloc(size as *const u8 as usize + @) },
        }
    };
}
"#,
];

/// The checksum of what is printed.
const RESULT: u32 = 0x19E7_05D0;

/// Milliseconds from the source to what is printed.
pub fn run() -> anyhow::Result<f64> {
    let source = source(SOURCE);
    let result = checksum(compile(&source)?.as_bytes());
    ensure!(result == RESULT, "another text was printed: {result:#x}");
    let mut round = |turns| {
        clock(|| {
            for _ in 0..turns {
                let printed = black_box(compile(black_box(&source)));
                assert!(printed.is_ok_and(|text| checksum(text.as_bytes()) == RESULT), "another text was printed");
            }
        })
    };
    Ok(timed_from(1, ROUND, &mut round) / 1e6)
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

/// A source a little longer than this, always the same.
fn source(bytes: usize) -> String {
    let mut random = Random::new(3);
    let mut source = String::from("//! Generated.\nuse std::{collections::BTreeMap, io::{self, Read as _}};\n");
    for number in 0.. {
        if source.len() >= bytes {
            break;
        }
        source.push_str(&random.of(&ITEMS).replace('@', &(number + 1).to_string()));
    }
    source
}

#[cfg(test)]
mod tests {
    use syn::File;

    use super::*;

    #[test]
    fn what_is_printed_has_every_item_and_one_for_each_structure() {
        let source = source(SOURCE);
        assert!((SOURCE..SOURCE + 2048).contains(&source.len()) && source == super::source(SOURCE));
        let printed = compile(&source).unwrap();
        let (before, after): (File, File) = (syn::parse_file(&source).unwrap(), syn::parse_file(&printed).unwrap());
        let structures = before.items.iter().filter(|item| structure(item).is_some()).count();
        assert!(before.items.len() > 100 && structures > 10, "{} {structures}", before.items.len());
        assert_eq!(after.items.len(), before.items.len() + structures + 1);
        let text = |items: &[Item]| items.iter().map(|item| item.to_token_stream().to_string()).collect::<Vec<_>>();
        assert_eq!(text(&before.items), text(&after.items[..before.items.len()]));

        let derived = text(&after.items[before.items.len()..]);
        assert!(derived[0].contains("(\"bits\" , \"[u64 ;") && derived[0].contains("(\"next\" , "), "{}", derived[0]);
        // A name is as often in the table as in the source, but for macros, whose tokens are no tree.
        let mut names = Names::default();
        names.visit_file(&before);
        assert_eq!(names.0["bits"], source.matches("bits").count());
        assert!(derived.last().unwrap().contains(&format!("(\"key\" , {}usize)", names.0["key"])));
        assert_eq!(checksum(printed.as_bytes()), RESULT, "{:#x}", checksum(printed.as_bytes()));
    }
}
