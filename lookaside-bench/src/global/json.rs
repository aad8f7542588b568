//! serde_json on a document like the replies of a social network's interface: parsed into values, written again, dropped.

use std::hint::black_box;

use serde_json::{Value, json};

use super::turns::milliseconds;
use crate::ground::random::Random;

const POSTS: usize = 240;

/// What texts are made of, some of it beyond ASCII, some to be escaped.
const WORDS: &str = "pool;the;of;Lookaside;memory;and;caf\u{e9};a;\u{65e5}\u{672c}\u{8a9e};block;is;\"quoted\";list;in;\
                     processor;to;\u{1f600};kernel;for;on;https://example.org/x;per;line\nbreak;miss";

/// Milliseconds for one document there and back.
pub fn run() -> anyhow::Result<f64> {
    let text = text(POSTS);
    milliseconds(&text.len(), || Ok(turn(black_box(&text))?))
}

/// Parses a text, writes what it says, drops both, and returns the length of what was written.
fn turn(text: &str) -> serde_json::Result<usize> {
    let value: Value = serde_json::from_str(text)?;
    Ok(serde_json::to_string(&value)?.len())
}

/// The document of this number of posts, always the same.
pub fn text(posts: usize) -> String {
    let mut random = Random::new(1);
    let posts: Vec<Value> = (0..posts).map(|number| post(&mut random, number, true)).collect();
    let document = json!({
        "statuses": posts,
        "search_metadata": {
            "completed_in": 0.087, "max_id": 505_874_924_095_815_681_u64, "next_results": "?max_id=505874847260352512&q=pool",
            "query": "pool", "count": POSTS, "since_id": 0,
        },
    });
    document.to_string()
}

fn word(random: &mut Random) -> &'static str {
    let all: Vec<&str> = WORDS.split(';').collect();
    random.of(&all)
}

fn words(random: &mut Random, count: usize) -> String {
    (0..count).map(|_| word(random)).collect::<Vec<_>>().join(" ")
}

/// A post; some carry another one within.
fn post(random: &mut Random, number: usize, outer: bool) -> Value {
    let id = random.draw() >> 1;
    let count = 6 + random.below(18);
    let mut post = json!({
        "metadata": { "result_type": "recent", "iso_language_code": "en" },
        "created_at": format!("Sun Aug 31 00:{:02}:{:02} +0000 2014", number / 60 % 60, number % 60),
        "id": id,
        "id_str": id.to_string(),
        "text": words(random, count),
        "source": "<a href=\"https://example.org/app\" rel=\"nofollow\">an app</a>",
        "truncated": false,
        "in_reply_to_status_id": null,
        "in_reply_to_user_id": number.is_multiple_of(3).then_some(id / 7),
        "in_reply_to_screen_name": null,
        "user": user(random),
        "geo": null,
        "coordinates": number.is_multiple_of(9).then_some([random.below(90_000) as f64 / 1e3, -0.25]),
        "retweet_count": random.below(500),
        "favorite_count": random.below(500),
        "entities": entities(random),
        "favorited": false,
        "retweeted": number.is_multiple_of(2),
        "lang": "en",
    });
    if outer && number.is_multiple_of(4) {
        post["retweeted_status"] = self::post(random, number + 1, false);
    }
    post
}

fn user(random: &mut Random) -> Value {
    let id = random.draw() >> 40;
    json!({
        "id": id,
        "id_str": id.to_string(),
        "name": words(random, 2),
        "screen_name": format!("user_{id:x}"),
        "location": random.of(&["", "here", "Z\u{fc}rich", "\u{6771}\u{4eac}"]),
        "description": words(random, 12),
        "url": null,
        "entities": { "description": { "urls": [] } },
        "protected": false,
        "followers_count": random.below(100_000),
        "friends_count": random.below(1000),
        "listed_count": random.below(10),
        "created_at": "Fri Aug 12 00:00:00 +0000 2011",
        "favourites_count": random.below(1000),
        "utc_offset": 32_400,
        "time_zone": "Irkutsk",
        "geo_enabled": false,
        "verified": random.below(20) == 0,
        "statuses_count": random.below(100_000),
        "lang": "en",
        "profile_background_color": "C0DEED",
        "profile_background_image_url": "https://example.org/images/themes/theme1/bg.png",
        "profile_image_url": format!("https://example.org/profile_images/{}/{:x}_normal.jpeg", random.draw() >> 8, id),
        "profile_link_color": "0084B4",
        "profile_use_background_image": true,
        "default_profile": true,
        "following": false,
        "notifications": false,
    })
}

fn entities(random: &mut Random) -> Value {
    let mentions: Vec<Value> = (0..random.below(4))
        .map(|place| {
            let id = random.draw() >> 36;
            json!({ "screen_name": format!("user_{id:x}"), "name": words(random, 2), "id": id, "id_str": id.to_string(),
                    "indices": [place * 10, place * 10 + 9] })
        })
        .collect();
    let tags: Vec<Value> = (0..random.below(3))
        .map(|place| json!({ "text": word(random), "indices": [place * 7, place * 7 + 6] }))
        .collect();
    json!({ "hashtags": tags, "symbols": [], "urls": [], "user_mentions": mentions })
}
