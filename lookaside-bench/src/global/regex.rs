//! The crate regex on the kinds of patterns that benchmarks of regular expressions have: literals, alternations, classes of
//! Unicode, repetitions, captures. Compiling is where it allocates most; searching allocates caches, and what is captured.

use std::hint::black_box;

use regex::Regex;

use super::turns::milliseconds;
use crate::ground::random::Random;

/// Bytes of the text, about.
const TEXT: usize = 64 << 10;

const PATTERNS: [&str; 16] = [
    r"Sherlock Holmes",
    r"(?i)Sherlock Holmes",
    r"Sherlock Holmes|John Watson|Irene Adler|Inspector Lestrade|Professor Moriarty",
    r"(?i)Sherlock Holmes|John Watson|Irene Adler|Inspector Lestrade|Professor Moriarty",
    r"\b[0-9A-Za-z_]+ing\b",
    r"\p{Lu}\p{Ll}+\s\p{Lu}\p{Ll}+",
    r"[A-Za-z]{8,13}",
    r"(?m)^(?:\S+\s){3}(\S+)",
    r"(\d{4})-(\d{2})-(\d{2})T(\d{2}):(\d{2}):(\d{2})",
    r"(?:(?:25[0-5]|2[0-4]\d|1?\d?\d)\.){3}(?:25[0-5]|2[0-4]\d|1?\d?\d)",
    r"[\w.+-]+@[\w.-]+\.[\w.-]+",
    r"[\w]+://[^/\s?#]+[^\s?#]+(?:\?[^\s#]*)?(?:#[^\s]*)?",
    r#"["'][^"']{0,30}[?!.]["']"#,
    r"(?:ERROR|WARN|INFO)\s+\[(?<module>[a-z_]+)\]\s+(?<text>[^\n]*)",
    r"[^\p{ASCII}]+",
    r"(?s)BEGIN.{0,200}?END",
];

/// What the text is made of.
const WORDS: &str = "Sherlock Holmes;sherlock holmes;John Watson;Irene Adler;the;of;reading;walked;\u{dc}bung;\
                     \u{416}\u{435}\u{43b};detective;2014-08-31T00:29:15;192.168.0.17;10.300.1.2;watson@example.org;\
                     https://example.org/a/b?c=d#e;\"Who is it?\";ERROR [registry] no room;INFO [scan] done;BEGIN;END;\
                     street;Baker;Street;a;moor;considerable;\u{65e5}\u{672c}";

/// How often the patterns are in the text.
const FOUND: usize = 6830;

/// Milliseconds to compile all patterns and to search the text with each.
pub fn run() -> anyhow::Result<f64> {
    let text = text(TEXT);
    milliseconds(&FOUND, || Ok(search_all(black_box(&text))?))
}

/// Compiles every pattern, searches the text with it, and keeps the first group of each match until its search is done.
/// Returns how many there were.
fn search_all(text: &str) -> Result<usize, regex::Error> {
    PATTERNS.iter().map(|pattern| Ok(search(&Regex::new(pattern)?, text).len())).sum()
}

fn search(pattern: &Regex, text: &str) -> Vec<String> {
    if pattern.captures_len() == 1 {
        return pattern.find_iter(text).map(|found| found.as_str().to_owned()).collect();
    }
    let matches = pattern.captures_iter(text);
    matches.map(|groups| groups.get(1).map_or(String::new(), |group| group.as_str().to_owned())).collect()
}

/// Lines of words, always the same.
fn text(bytes: usize) -> String {
    let mut random = Random::new(2);
    let (words, mut text) = (WORDS.split(';').collect::<Vec<_>>(), String::new());
    while text.len() < bytes {
        text.push_str(random.of(&words));
        text.push(if random.below(9) == 0 { '\n' } else { ' ' });
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A pattern that finds nothing, or nearly everything, would measure little.
    #[test]
    fn every_pattern_finds_something() {
        let text = text(TEXT);
        for pattern in PATTERNS {
            let found = search(&Regex::new(pattern).unwrap(), &text).len();
            assert!((50..20_000).contains(&found), "{pattern}: {found}");
        }
        assert_eq!(search_all(&text), Ok(FOUND));
    }
}
