//! `lookaside tune`: how lists tune themselves under each schedule, as a table, a picture and JSON.
//!
//! Each schedule runs under each load on one thread that keeps to one processor. Seconds are virtual: as soon as the
//! operations of one are done the library's clock is set ahead by a second, and the scan is called by hand. So the counts are
//! those of real seconds, whatever the machine's speed.

mod chart;
mod load;
mod measure;

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use anyhow::{Result, ensure};
use clap::Args;
use clap::builder::PossibleValuesParser;
use lookaside_core::hooks;
use serde_json::{Value, json};

use self::load::{Load, MADE, Made};
use self::measure::{ADJUST, BEGINNING, Calls, Run, SCHEDULES};
use crate::ground::files::Output;
use crate::ground::machine;
use crate::ground::text::{grouped, table};
use crate::trace;

/// Show how lists tune themselves: depth, hits and kept memory over time
///
/// Runs a trace, or artificial traffic, over lists with each schedule of tuning: default, Windows' and manual. Prints a table of
/// hits in the first 10,000 calls, hits later, memory kept at the end and the idle seconds until it was given back; and draws
/// everything over time.
///
/// Seconds are virtual: as soon as the operations of one second are done, the lists' clock is set ahead and they are scanned.
/// All operations are on one thread and one processor.
#[derive(Args, Clone, Debug)]
pub struct Tune {
    #[arg(help = trace::about_argument("artificial traffic"))]
    trace: Option<PathBuf>,
    /// Only these kinds of artificial traffic
    #[arg(long, value_name = "NAME", num_args = 1.., value_delimiter = ',', conflicts_with = "trace", value_parser = PossibleValuesParser::new(MADE.map(|made| made.name)))]
    load: Vec<String>,
    /// Seconds that the operations of a trace are spread over
    #[arg(long, default_value_t = 30, value_parser = clap::value_parser!(u16).range(1..=3600))]
    seconds: u16,
    /// Idle seconds after a trace
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u16).range(0..=3600))]
    idle: u16,
    /// General lists (one for all processors, as a Windows driver has) instead of pairs (one for each processor, and a shared one)
    #[arg(long)]
    general: bool,
    /// The file for the picture
    #[arg(long, value_name = "FILE", default_value = "lookaside-tune.svg")]
    svg: PathBuf,
    /// Print everything as one JSON object, and nothing else
    #[arg(long)]
    json: bool,
}

impl Tune {
    fn loads(&self) -> Result<Vec<Load>> {
        let Some(path) = &self.trace else {
            let asked = |made: &&Made| self.load.is_empty() || self.load.iter().any(|asked| asked == made.name);
            return Ok(MADE.iter().filter(asked).map(Load::made_up).collect());
        };
        let (name, trace) = trace::load(Some(path))?;
        let name = Path::new(&name).file_name().map_or(name.clone(), |name| name.to_string_lossy().into_owned());
        let load = Load::of_trace(name, &trace, self.seconds.into(), self.idle.into());
        ensure!(load.script.small() != 0, "{}: no event of this trace is for a list", load.name);
        Ok(vec![load])
    }
}

/// Does what the arguments say.
///
/// # Errors
///
/// When a trace cannot be read, lists cannot be made, or something cannot be written.
pub fn run(arguments: &Tune) -> Result<()> {
    let general = arguments.general;
    let picture = Output::open(&arguments.svg)?;
    // On one processor there is one processor list to look at, and nothing depends on where the thread happens to be.
    machine::pin(0);
    hooks::hold_scans();
    let measure = |load: Load| {
        let runs = SCHEDULES.into_iter().map(|schedule| measure::measure(&load, schedule, general));
        Ok((runs.collect::<Result<_>>()?, load))
    };
    let measured: Vec<(Vec<Run>, Load)> = arguments.loads()?.into_iter().map(measure).collect::<Result<_>>()?;
    picture.write(chart::draw(&measured, general))?;
    let mut out = io::stdout().lock();
    if arguments.json {
        writeln!(out, "{:#}", json(&measured, general))?;
    } else {
        write!(out, "{}", text(&measured, general))?;
        writeln!(out, "Picture: {}", arguments.svg.display())?;
    }
    Ok(())
}

fn text(measured: &[(Vec<Run>, Load)], general: bool) -> String {
    let mut text = String::new();
    for (runs, load) in measured {
        let beginning = format!("hits in the first {}", grouped(BEGINNING as u64));
        let header = ["schedule", &beginning, "hits later", "most kept", "kept at the end", "back after"];
        let row = |run: &Run| {
            let percent = |calls: Calls| calls.hit_rate().map_or("-".into(), |rate| format!("{rate:.2} %"));
            let back = run.seconds_until_back.map_or("not yet".into(), |seconds| format!("{seconds:.1} s"));
            let [most, at_end] =
                [run.most_kept, run.kept_at_end].map(|bytes| format!("{:.1} KiB", bytes as f64 / 1024.0));
            vec![run.about(), percent(run.beginning), percent(run.later), most, at_end, back]
        };
        let table = table(header.map(String::from).to_vec(), runs.iter().map(row));
        text += &format!("{}: {}\n\n{table}\n\n", load.name, load.about);
    }
    text += "A hit is a call, allocate or free, that needs no trip to the pool. Back: no list keeps more than its minimum\n\
             depth, in idle seconds after the last operation. Seconds are virtual.\n\n";
    text += &format!(
        "Lists: {}, of the usual depths (4 at first, at most 256), used on one processor\n",
        if general { "general" } else { "pairs" }
    );
    text + &format!("Machine: {}\nEngine: {}\n", machine::describe(), machine::engine())
}

fn json(measured: &[(Vec<Run>, Load)], general: bool) -> Value {
    let loads = measured.iter().map(|(runs, load)| json!({"load": load.name, "about": load.about, "runs": runs}));
    json!({
        "topology": if general { "general" } else { "pair" },
        "seconds_between_manual_adjustments": ADJUST,
        "first_calls": BEGINNING,
        "engine": machine::engine(),
        "machine": machine::describe(),
        "loads": loads.collect::<Value>(),
    })
}
