//! The command's manual pages and completions, in `packaging/`, are those that its arguments make.
//!
//! Not with features that add contenders, whose names they would have too.
//!
//! `LOOKASIDE_TEST_UPDATE_EXPECTED=1 cargo test -p lookaside-bench --test all pages::` writes them anew.
#![cfg(not(any(feature = "snmalloc", feature = "tcmalloc")))]

use std::collections::BTreeMap;
use std::path::Path;
use std::{env, fs};

use clap::builder::ValueRange;
use clap::{Arg, Command, CommandFactory};
use clap_complete::Shell;
use clap_mangen::Man;
use lookaside_bench::cli::Cli;

#[test]
fn manual_pages_are_current() {
    let mut command = visible().disable_help_subcommand(true);
    command.build();
    is_in("man", ".1", command.get_subcommands().chain([&command]).map(page).collect());
}

#[test]
fn completions_are_current() {
    let files = [Shell::Bash, Shell::Zsh, Shell::Fish].map(|shell| {
        let mut text = Vec::new();
        clap_complete::generate(shell, &mut visible(), "lookaside", &mut text);
        let name = match shell {
            Shell::Bash => "lookaside.bash",
            Shell::Zsh => "_lookaside",
            _ => "lookaside.fish",
        };
        (name.to_owned(), String::from_utf8(text).expect("completions are UTF-8"))
    });
    is_in("completions", "", files.into());
}

/// The command without the parts that are hidden, which completions would offer.
fn visible() -> Command {
    let command = Cli::command();
    let parts = command.get_subcommands().filter(|part| !part.is_hide_set());
    let visible = Command::new("lookaside").args(command.get_arguments()).subcommands(parts);
    visible
        .version(env!("CARGO_PKG_VERSION"))
        .about(command.get_about().cloned().expect("it says what it does"))
        .long_about(command.get_long_about().cloned().expect("it says so at length"))
}

/// The name of a command's page, and the page.
fn page(command: &Command) -> (String, String) {
    let usage = command.clone().render_usage().to_string();
    let command = command.clone().override_usage(usage.trim_start_matches("Usage: ").to_owned()).mut_args(in_one_line);
    let see_also = if command.has_subcommands() { "3" } else { "1" };
    let man = Man::new(command).source(concat!("lookaside ", env!("CARGO_PKG_VERSION")));
    let mut page = Vec::new();
    man.render(&mut page).expect("memory takes any page");
    // Names with a hyphen stay in one piece.
    let page = String::from_utf8(page).expect("pages are UTF-8");
    let mut page = page.replacen("\n.SH NAME\n", "\n.nh\n.ad l\n.SH NAME\n", 1);
    // A table keeps its lines.
    if let Some((before, table)) = page.split_once(".SH EXTRA\n") {
        page = format!("{before}.SH VALUES\n.nf\n{table}.fi\n");
    }
    (man.get_filename(), format!("{page}.SH SEE ALSO\n.BR lookaside ({see_also})\n"))
}

/// The argument with the values that it takes in its help, as `--help` has them, instead of a line for each.
fn in_one_line(argument: Arg) -> Arg {
    let values = argument.get_possible_values();
    let values: Vec<&str> = values.iter().map(|value| value.get_name()).collect();
    let help = argument.get_help().filter(|_| !values.is_empty() && argument.get_num_args() != Some(ValueRange::EMPTY));
    match help.map(|help| format!("{help} [possible values: {}]", values.join(", "))) {
        Some(help) => argument.help(help).hide_possible_values(true),
        None => argument,
    }
}

/// Compares the files of a folder in `packaging/` that end like this with those that are made, or writes these anew.
fn is_in(folder: &str, ending: &str, made: BTreeMap<String, String>) {
    let folder = &Path::new(env!("CARGO_MANIFEST_DIR")).join("../packaging").join(folder);
    if env::var_os("LOOKASIDE_TEST_UPDATE_EXPECTED").is_some() {
        for (name, text) in &made {
            fs::write(folder.join(name), text).expect("the folder can be written to");
        }
    }
    let entries = fs::read_dir(folder).expect("the folder is there");
    let names = entries.map(|entry| entry.expect("the folder can be read").file_name().into_string().expect("UTF-8"));
    let mut names: Vec<String> = names.filter(|name| name.ends_with(ending)).collect();
    names.sort();
    assert_eq!(names, made.keys().cloned().collect::<Vec<_>>(), "the files of {}", folder.display());
    for (name, text) in made {
        let committed = fs::read_to_string(folder.join(&name)).expect("it is there");
        assert!(committed == text, "{name} in {} is not current: see this test", folder.display());
    }
}
