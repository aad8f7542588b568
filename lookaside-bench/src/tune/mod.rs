//! `lookaside tune`: how lists tune themselves under each schedule, as a table, a picture and JSON.
//!
//! Each schedule is measured under each load in a process of its own, on one thread that keeps to one processor. Unless the clock's
//! seconds are asked for, seconds are virtual: as soon as the operations of one are done the library's clock is set
//! ahead by a second, and the scan is called by hand. So the counts are those of real seconds, whatever the machine's
//! speed.

mod chart;
mod load;
mod measure;

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use clap::Args;
use clap::builder::PossibleValuesParser;
use serde_json::{Value, json};

use self::load::Load;
use self::measure::{BEGINNING, Conditions, Run, SCHEDULES};
use crate::ground::files::Output;
use crate::ground::machine;
use crate::ground::text::{grouped, table};
use crate::{rounds, trace};

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
    #[arg(long, value_name = "NAME", num_args = 1.., value_delimiter = ',', conflicts_with = "trace", value_parser = PossibleValuesParser::new(load::names()))]
    load: Vec<String>,
    /// Bytes in a block of artificial traffic
    #[arg(long, default_value_t = 256, conflicts_with = "trace", value_parser = clap::value_parser!(u32).range(8..=1024))]
    size: u32,
    /// Seconds that the operations of a trace are spread over
    #[arg(long, default_value_t = 30, value_parser = clap::value_parser!(u16).range(1..=3600))]
    seconds: u16,
    /// Idle seconds after a trace
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u16).range(0..=3600))]
    idle: u16,
    /// Seconds from one call of adjust_depth to the next with the manual schedule
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u16).range(1..))]
    adjust: u16,
    /// General lists (one for all processors, as a Windows driver has) instead of pairs (one for each processor, and a shared one)
    #[arg(long)]
    general: bool,
    /// Run in real time, which takes as long as the longest traffic lasts
    #[arg(long)]
    real: bool,
    /// The file for the picture
    #[arg(long, value_name = "FILE", default_value = "lookaside-tune.svg")]
    svg: PathBuf,
    /// Print everything as one JSON object, and nothing else
    #[arg(long)]
    json: bool,
    /// Which load, and under which schedule, this process measures; the command starts it
    #[arg(long, hide = true, num_args = 2)]
    measure: Vec<String>,
}

impl Tune {
    fn conditions(&self) -> Conditions {
        Conditions { real: self.real, general: self.general, adjust: self.adjust.into() }
    }

    fn loads(&self) -> Result<Vec<Load>> {
        let Some(path) = &self.trace else {
            let asked = |name: &&str| self.load.is_empty() || self.load.iter().any(|asked| asked == name);
            return Ok(load::names().filter(asked).filter_map(|name| Load::made_up(name, self.size)).collect());
        };
        let (name, trace) = trace::load(Some(path))?;
        let name = Path::new(&name).file_name().map_or(name.clone(), |name| name.to_string_lossy().into_owned());
        let load = Load::of_trace(name, &trace, self.seconds.into(), self.idle.into());
        if load.script.small() == 0 {
            bail!("{}: no event of this trace is for a list", load.name);
        }
        Ok(vec![load])
    }
}

/// Does what the arguments say.
///
/// # Errors
///
/// When a trace cannot be read, lists cannot be made, or something cannot be written.
pub fn run(arguments: &Tune) -> Result<()> {
    let conditions = arguments.conditions();
    let loads = arguments.loads()?;
    let mut out = io::stdout().lock();
    if let [name, schedule] = arguments.measure.as_slice() {
        let load = loads.iter().find(|load| load.name == *name).context("no such load")?;
        let run = measure::measure(load, schedule, conditions)?;
        return Ok(writeln!(out, "{}", serde_json::to_string(&run)?)?);
    }

    let picture = Output::open(&arguments.svg)?;
    let measured = measure_all(loads, conditions)?;
    picture.write(chart::draw(&measured, conditions))?;
    if arguments.json {
        writeln!(out, "{:#}", json(&measured, conditions))?;
    } else {
        write!(out, "{}", text(&measured, conditions))?;
        writeln!(out, "Picture: {}", arguments.svg.display())?;
    }
    Ok(())
}

/// Measures every schedule under every load: one process after the other, or all at once by the clock.
fn measure_all(loads: Vec<Load>, conditions: Conditions) -> Result<Vec<(Load, Vec<Run>)>> {
    let seconds = if conditions.real { loads.iter().map(Load::seconds).max().unwrap_or(0) } else { 0 };
    let progress = rounds::progress((seconds + loads.len() * SCHEDULES.len()) as u64);
    progress.set_message(if conditions.real { "by the clock" } else { "virtual seconds" });
    let finish = |child: Child| -> Result<Run> {
        let output = child.wait_with_output()?;
        if !output.status.success() {
            bail!("a process that measured failed: {}", output.status);
        }
        progress.inc(1);
        serde_json::from_slice(&output.stdout).context("a process that measured did not print JSON")
    };
    // By the clock the processes of all run at once; else each is started when the one before has ended.
    let mut running = Vec::new();
    for load in &loads {
        for (schedule, _) in SCHEDULES {
            running.push(if conditions.real { Some(start(load, schedule)?) } else { None });
        }
    }
    for _ in 0..seconds {
        thread::sleep(Duration::from_secs(1));
        progress.inc(1);
    }
    let mut running = running.into_iter();
    let mut measured = Vec::new();
    for load in loads {
        let run = |(schedule, _)| finish(running.next().flatten().map_or_else(|| start(&load, schedule), Ok)?);
        let runs = SCHEDULES.into_iter().map(run).collect::<Result<_>>()?;
        measured.push((load, runs));
    }
    progress.finish_and_clear();
    Ok(measured)
}

/// The same command line, with what shall be measured.
fn start(load: &Load, schedule: &str) -> Result<Child> {
    let program = std::env::current_exe().context("cannot find this program itself")?;
    let mut command = Command::new(program);
    command.args(std::env::args_os().skip(1)).args(["--measure", &load.name, schedule]);
    command.stdin(Stdio::null()).stdout(Stdio::piped());
    command.spawn().context("a process to measure in cannot be started")
}

fn text(measured: &[(Load, Vec<Run>)], conditions: Conditions) -> String {
    let mut text = String::new();
    for (load, runs) in measured {
        let beginning = format!("hits in the first {}", grouped(BEGINNING as u64));
        let header = ["schedule", &beginning, "hits later", "most kept", "kept at the end", "back after"];
        let row = |run: &Run| {
            let percent = |calls: measure::Calls| calls.hit_rate().map_or("-".into(), |rate| format!("{rate:.2} %"));
            let back = run.seconds_until_back.map_or("not yet".into(), |seconds| format!("{seconds:.1} s"));
            let kept = [run.most_kept, run.kept_at_end].map(|bytes| format!("{:.1} KiB", bytes as f64 / 1024.0));
            let [most, at_end] = kept;
            vec![run.about(conditions), percent(run.beginning), percent(run.later), most, at_end, back]
        };
        let table = table(header.map(String::from).to_vec(), runs.iter().map(row));
        text += &format!("{}: {}\n\n{table}\n\n", load.name, load.about);
    }
    text += "A hit is a call, allocate or free, that needs no trip to the pool. Back: no list keeps more than its minimum\n\
             depth, in idle seconds after the last operation.\n\n";
    let lists = if conditions.general { "general" } else { "pairs" };
    text += &format!("Lists: {lists}, of the usual depths (4 at first, at most 256), used on one processor\n");
    text += &format!("Seconds: {}\n", conditions.seconds().trim_start_matches("seconds are "));
    text + &format!("Machine: {}\nEngine: {}\n", machine::describe(), machine::engine())
}

fn json(measured: &[(Load, Vec<Run>)], conditions: Conditions) -> Value {
    let loads = measured.iter().map(|(load, runs)| json!({"load": load.name, "about": load.about, "runs": runs}));
    json!({
        "seconds": if conditions.real { "clock" } else { "virtual" },
        "topology": if conditions.general { "general" } else { "pair" },
        "seconds_between_manual_adjustments": conditions.adjust,
        "first_calls": BEGINNING,
        "engine": machine::engine(),
        "machine": machine::describe(),
        "loads": loads.collect::<Value>(),
    })
}
