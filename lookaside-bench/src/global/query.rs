//! jaq, the jq that is written in Rust, as a script runs it: filters are compiled, a document is read, each filter runs over
//! it, and what comes out is written.

use std::hint::black_box;

use anyhow::{anyhow, ensure};
use jaq_core::data::JustLut;
use jaq_core::load::{Arena, File, Loader};
use jaq_core::{Compiler, Ctx, Filter, Vars, unwrap_valr};
use jaq_json::write::{Pp, write};
use jaq_json::{Val, read};

use super::json;
use crate::ground::measure::{ROUND, clock, timed_from};
use crate::ground::text::checksum;

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

/// The checksum of what all filters write.
const RESULT: u32 = 0x18D1_9107;

/// Milliseconds for all filters and one document.
pub fn run() -> anyhow::Result<f64> {
    let text = json::text(POSTS);
    let result = checksum(&turn(&text)?);
    ensure!(result == RESULT, "the filters wrote something else: {result:#x}");
    let mut round = |turns| {
        clock(|| {
            for _ in 0..turns {
                let written = black_box(turn(black_box(&text)));
                assert!(written.is_ok_and(|written| checksum(&written) == RESULT), "a filter wrote something else");
            }
        })
    };
    Ok(timed_from(1, ROUND, &mut round) / 1e6)
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
    use std::collections::BTreeMap;

    use serde_json::{Value, json};

    use super::*;

    /// By serde_json the same comes out of the document as by jaq.
    #[test]
    fn filters_find_what_is_in_the_document() {
        let text = json::text(POSTS);
        let written = turn(&text).unwrap();
        assert_eq!(checksum(&written), RESULT, "{:#x}", checksum(&written));
        let lines: Vec<Value> = written
            .split(|&byte| byte == b'\n')
            .filter(|line| !line.is_empty())
            .map(|line| serde_json::from_slice(line).unwrap())
            .collect();
        assert_eq!(lines.len(), FILTERS.len());

        let document: Value = serde_json::from_str(&text).unwrap();
        let posts = document["statuses"].as_array().unwrap();
        let mut popular: Vec<&Value> =
            posts.iter().filter(|post| post["retweet_count"].as_u64() >= Some(250)).collect();
        popular.sort_by_key(|post| post["retweet_count"].as_u64());
        let of = |post: &&Value| json!({"id": post["id_str"], "by": post["user"]["screen_name"], "count": post["retweet_count"]});
        assert_eq!(lines[0], popular.iter().map(of).collect::<Value>());

        let mut places: BTreeMap<&str, (usize, usize)> = BTreeMap::new();
        for post in posts {
            let (count, words) = places.entry(post["user"]["location"].as_str().unwrap()).or_default();
            *count += 1;
            *words += post["text"].as_str().unwrap().split(' ').count();
        }
        let of =
            |(place, (posts, words)): (&&str, &(usize, usize))| json!({"place": place, "posts": posts, "words": words});
        assert_eq!(lines[1], places.iter().map(of).collect::<Value>());

        let tags = posts.iter().map(|post| post["entities"]["hashtags"].as_array().unwrap().len() as u64).sum::<u64>();
        let counts = lines[2].as_array().unwrap().iter().map(|tag| tag["value"].as_u64().unwrap());
        assert!(tags > 30 && counts.clone().sum::<u64>() == tags && counts.is_sorted_by(|a, b| a >= b), "{tags}");
        assert_eq!(lines[3].as_array().map(Vec::len), Some(posts.len().div_ceil(4)));
        assert!(lines[3][0]["screen_name"].is_string() && lines[3][0]["followers_count"].is_null());

        fn strings(value: &Value) -> Vec<usize> {
            match value {
                Value::String(text) => vec![text.chars().count()],
                Value::Array(values) => values.iter().flat_map(strings).collect(),
                Value::Object(values) => values.values().flat_map(strings).collect(),
                _ => Vec::new(),
            }
        }
        let all = strings(&document);
        let (count, sum) = (all.len(), all.iter().sum::<usize>());
        assert_eq!(lines[4], json!({"strings": count, "characters": sum, "longest": all.iter().max()}));

        let mut changed = document;
        for post in changed["statuses"].as_array_mut().unwrap() {
            post["text"] = post["text"].as_str().unwrap().to_ascii_lowercase().into();
            post.as_object_mut().unwrap().remove("metadata");
            post["user"].as_object_mut().unwrap().remove("description");
        }
        assert_eq!(lines[5], changed);
    }
}
