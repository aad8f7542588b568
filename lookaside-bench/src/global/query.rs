//! jaq, the jq that is written in Rust, as a script runs it: filters are compiled, a document is read, each filter runs over
//! it, and what comes out is written.

use std::hint::black_box;

use anyhow::anyhow;
use jaq_core::data::JustLut;
use jaq_core::load::{Arena, File, Loader};
use jaq_core::{Compiler, Ctx, Filter, Vars, unwrap_valr};
use jaq_json::write::{Pp, write};
use jaq_json::{Val, read};

use super::json;
use super::turns::milliseconds;

/// Posts of the document, which is one of those that the program `json` has.
const POSTS: usize = 60;

/// What people ask of such a document: a selection, groups, counts, parts of objects, all strings, and a changed document.
const FILTERS: [&str; 6] = [
    "[.statuses[] | select(.retweet_count >= 250) | {id: .id_str, by: .user.screen_name, count: .retweet_count}]
        | sort_by(.count)",
    r#".statuses | group_by(.user.location)
        | map({place: .[0].user.location, posts: length, words: (map(.text / " " | length) | add)})"#,
    "reduce .statuses[].entities.hashtags[].text as $tag ({}; .[$tag] += 1) | to_entries | sort_by(-.value)",
    "[.statuses[] | .retweeted_status // empty | .user | with_entries(select(.value | isstring))]",
    "[.. | strings | length] | {strings: length, characters: add, longest: max}",
    ".statuses |= map(del(.user.description, .metadata) | .text |= ascii_downcase)",
];

/// What the filters need of jaq's standard library: the whole of it would bring crates for time, mathematics and patterns.
const DEFINITIONS: [&str; 6] = ["add", "isstring", "max", "max_by", "null", "strings"];

/// Milliseconds for all filters and one document.
pub fn run() -> anyhow::Result<f64> {
    let text = json::text(POSTS);
    let turn = || turn(black_box(&text));
    milliseconds(&turn()?, turn)
}

/// Compiles the filters, reads the text, and returns a line for each value that comes out.
fn turn(text: &str) -> anyhow::Result<Vec<u8>> {
    let filters = FILTERS.into_iter().map(compile).collect::<anyhow::Result<Vec<_>>>()?;
    let document = read::parse_single(text.as_bytes()).map_err(|error| anyhow!("{error}"))?;
    let mut written = Vec::new();
    for filter in &filters {
        let context = Ctx::<JustLut<Val>>::new(&filter.lut, Vars::new([]));
        for value in filter.id.run((context, document.clone())).map(unwrap_valr) {
            let value = value.map_err(|error| anyhow!("{error}"))?;
            write(&mut written, &Pp::default(), 0, &value)?;
            written.push(b'\n');
        }
    }
    Ok(written)
}

fn compile(code: &str) -> anyhow::Result<Filter<JustLut<Val>>> {
    let arena = Arena::default();
    let standard = jaq_std::defs().filter(|definition| DEFINITIONS.contains(&definition.name));
    let loader = Loader::new(jaq_core::defs().chain(standard));
    let modules = loader.load(&arena, File { code, path: () }).map_err(|errors| anyhow!("{errors:?}"))?;
    let functions = jaq_core::funs().chain(jaq_std::base_funs()).chain(jaq_json::funs());
    Compiler::default().with_funs(functions).compile(modules).map_err(|errors| anyhow!("{errors:?}"))
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    /// A filter that finds nothing would measure little.
    #[test]
    fn each_filter_finds_what_is_in_the_document() {
        let text = json::text(POSTS);
        let written = turn(&text).unwrap();
        let found: Vec<Value> =
            serde_json::Deserializer::from_slice(&written).into_iter().collect::<Result<_, _>>().unwrap();
        let document: Value = serde_json::from_str(&text).unwrap();
        let posts = document["statuses"].as_array().unwrap();
        let lengths = [0, 1, 2, 3].map(|filter: usize| found[filter].as_array().unwrap().len());
        let popular = posts.iter().filter(|post| post["retweet_count"].as_u64() >= Some(250)).count();
        assert_eq!((found.len(), lengths[0], lengths[3]), (FILTERS.len(), popular, posts.len().div_ceil(4)));
        assert!(lengths[1] == 4 && lengths[2] > 10 && found[4]["strings"].as_u64() > Some(1000), "{lengths:?}");
        assert_eq!(found[5]["statuses"].as_array().map(Vec::len), Some(posts.len()));
    }
}
