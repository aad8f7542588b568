//! `lookaside compare --report` as a user runs it: the files agree, and the page needs nothing but itself.

use std::collections::{HashMap, HashSet};
use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

fn compare(arguments: &[&str], folder: &Path) -> Output {
    Command::new(env!("CARGO_BIN_EXE_lookaside"))
        .args(["compare", "--report"])
        .arg(folder)
        .args(arguments)
        .env_remove("LOOKASIDE_ENGINE")
        .output()
        .expect("the command starts")
}

/// Every figure of the JSON is in the CSV, and in a chart and a table of its workload; none has figures that the others lack.
#[test]
fn the_files_have_the_same_figures_and_the_page_refers_to_nothing_else() {
    let folder = tempfile::tempdir().expect("there is room for files");
    let folder = folder.path().join("of/its own");
    let arguments = "--lists --global --pools --rounds 2 --workload pair pair-2t burst-idle json special \
                     --contender vec glibc lookaside lookaside-c system by-hand";
    let output = compare(&arguments.split_whitespace().collect::<Vec<_>>(), &folder);
    let (reported, printed) = (String::from_utf8_lossy(&output.stderr), String::from_utf8_lossy(&output.stdout));
    assert!(output.status.success(), "{reported}");
    assert!(reported.contains("index.html") && printed.contains("### pair-2t\n"), "{reported}{printed}");
    let read = |name: &str| fs::read_to_string(folder.join(name)).unwrap_or_else(|error| panic!("{name}: {error}"));
    let (page, csv, markdown) = (read("index.html"), read("figures.csv"), read("report.md"));
    let json: Value = serde_json::from_str(&read("figures.json")).expect("figures.json is JSON");

    let figures = json.as_array().expect("there are figures");
    let names = ["set", "workload", "contender", "measure", "unit"];
    let numbers = ["min", "median", "max", "rounds", "ratio"];
    let expected: HashMap<Vec<&str>, Vec<Option<f64>>> = figures
        .iter()
        .map(|figure| {
            let name = |key| figure[key].as_str().expect("a name");
            (names.map(name).to_vec(), numbers.map(|key| figure[key].as_f64()).to_vec())
        })
        .collect();
    assert_eq!(expected.len(), figures.len(), "no figure is there twice");
    for (workload, contender, measure) in [
        ("pair", "vec", "ns"),
        ("burst-idle", "lookaside", "kept"),
        ("json", "system", "ms"),
        ("special", "by-hand", "ns"),
    ] {
        let is_it = |key: &&Vec<&str>| key[1..4] == [workload, contender, measure];
        assert!(expected.keys().any(|key| is_it(&key)), "{workload}, {contender}, {measure}");
    }
    let parsed = |row: Vec<&str>| -> (Vec<String>, Vec<Option<f64>>) {
        let (names, numbers) = row.split_at(names.len());
        (names.iter().map(ToString::to_string).collect(), numbers.iter().map(|number| number.parse().ok()).collect())
    };
    let columns: Vec<&str> = names.into_iter().chain(numbers).collect();
    assert_eq!(csv.lines().next(), Some(columns.join(",").as_str()));
    let in_csv: Vec<_> = csv.lines().skip(1).map(|line| parsed(line.split(',').collect())).collect();
    assert_eq!(in_csv.len(), figures.len());
    for (names, numbers) in &in_csv {
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        assert_eq!(expected.get(&names), Some(numbers), "{names:?}");
    }
    for (set, head) in [("lists", "pair pair-2t burst-idle"), ("global", "json json peak")] {
        let section = markdown.split_once(&format!("\n## The set {set}\n\n")).expect("each set has a section").1;
        let lines: Vec<&str> = section.lines().take_while(|line| line.starts_with('|')).collect();
        let words: Vec<&str> = lines[0].split(['|', ' ']).filter(|word| !word.is_empty()).collect();
        assert_eq!(words.join(" "), head);
        assert!(lines.iter().any(|line| line.starts_with("| **lookaside** ")), "{lines:?}");
    }
    // The chart and the table of each workload, which people look at first, name each contender with its best round.
    for (names, numbers) in expected.iter().filter(|(names, _)| ["ns", "ms"].contains(&names[3])) {
        let section = page.split_once(&format!("<h3 id=\"{}\">", names[1])).expect("each workload has a section").1;
        let section = section.split("<h").next().expect("it ends");
        let best = in_csv.iter().find(|row| row.0 == *names).and_then(|row| row.1[0]).expect("a figure");
        assert_eq!(Some(best), numbers[0]);
        let (chart, table) = section.split_once("<table>").expect("it has a chart and a table");
        let is = |text: &str| text.trim().parse() == Ok(best);
        assert!(chart.contains(names[2]) && chart.split(['>', '<']).any(is), "{names:?} {best}: {chart}");
        assert!(table.contains(names[2]) && table.split(['>', '<']).any(is), "{names:?} {best}: {table}");
    }

    for outside in ["://", "src=", "url(", "@import", "<link", "<script", "<iframe", "<object", "<img", "data:"] {
        assert!(!page.contains(outside), "the page refers to something by {outside}");
    }
    let named: Vec<&str> = page.split(" id=\"").skip(1).filter_map(|rest| rest.split('"').next()).collect();
    let ids: HashSet<&str> = named.iter().copied().collect();
    assert_eq!(ids.len(), named.len(), "each place has a name of its own");
    for link in page.split("href=\"").skip(1).filter_map(|rest| rest.split('"').next()) {
        assert!(link.strip_prefix('#').is_some_and(|id| ids.contains(id)), "{link}");
    }

    // A peer that wins is in the list of those, and all say where the figures are from.
    let best = |contender, workload| expected.get(&vec!["lists", workload, contender, "ns", "ns"]).and_then(|it| it[0]);
    let loses = |workload| best("vec", workload).zip(best("lookaside", workload)).is_some_and(|(vec, ours)| vec < ours);
    let vec_wins = ["pair", "burst-idle"].into_iter().any(loses);
    let losses = page.split_once("<h2 id=\"where-a-peer-wins\">").expect("losses have their place").1;
    assert!(!vec_wins || losses.split_once("<h2").expect("it ends").0.contains("vec"));
    for fact in ["Date", "Command", "Machine", "Engine", "Versions", "Bytes in a block"] {
        assert!(page.contains(&format!("<li>{fact}: ")) && markdown.contains(&format!("\n- {fact}: ")), "{fact}");
    }
    assert!(page.contains("pair-2t") && page.contains("not for this: vec."), "what cannot share is named");
}

/// With four descriptors no round can be started.
#[test]
fn a_report_that_cannot_be_written_is_reported_before_anything_runs() {
    let folder = tempfile::tempdir().expect("there is room for files");
    let [blocked, free] = ["blocked", "free"].map(|name| folder.path().join(name));
    fs::create_dir_all(blocked.join("figures.csv")).expect("a folder where a file should be");
    let line = "exec 3>&-; ulimit -n 4 && exec \"$0\" compare --workload pair --report \"$1\"";
    for (report, reason) in [
        (Path::new("/proc/lookaside"), "no report can be written to /proc/lookaside"),
        (&blocked, "figures.csv"),
        (&free, "a round cannot be started"),
    ] {
        let mut command = Command::new("sh");
        let output =
            command.args(["-c", line, env!("CARGO_BIN_EXE_lookaside")]).arg(report).output().expect("it starts");
        assert_eq!(output.status.code(), Some(1));
        let printed = String::from_utf8_lossy(&output.stderr);
        assert!(printed.contains(reason), "{printed}");
        assert!(output.stdout.is_empty());
    }
    assert_eq!(fs::read_dir(&free).expect("the folder was made").count(), 0);
}
