//! Repairs of large stores, each beside the same rows done by plain rusqlite and serde_json in the same run.
//!
//! `cargo bench --bench repair`. The data are made once, in `target/bench-data`, and copied for every run. After divan's
//! table, of 100,000 sessions, come the ratios of a million: above 1, the plain way is faster. Then what a repair does to
//! others: how long it holds the write lock, how long a program that writes the database waits, and what memory it takes.

// A benchmark that cannot go on should say so and stop.
#![allow(clippy::expect_used, clippy::print_stdout)]

mod data;
mod live;
mod ours;
mod plain;

use std::hint::black_box;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use divan::Bencher;

use data::Run;
use ours::{Applied, Ours};

/// So many sessions are in divan's table, and in what follows it.
const FEW: u64 = 100_000;
const MANY: u64 = 1_000_000;
/// So often is everything of a million done; the medians are told.
const TIMES: usize = 5;

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    if let Some(at) = arguments.iter().position(|a| a == "--child") {
        return child(&arguments[at + 1], Path::new(&arguments[at + 2]));
    }
    divan::main();
    if arguments.iter().any(|a| a == "--test" || a == "--list") {
        return;
    }
    let wanted = |part: &str| {
        let parts = std::env::var("BENCH_PARTS").unwrap_or_default();
        parts.is_empty() || parts.split(',').any(|p| p == part)
    };
    println!("\n{:<44}{:>14}{:>14}{:>8}", "work on 1,000,000 sessions", "sessionscope", "plain", "ratio");
    if wanted("issue") {
        issue();
    }
    if wanted("import") {
        import("import, existing database", true);
        import("import, new database", false);
    }
    if wanted("prune") {
        prune();
    }
    if wanted("live") {
        live();
    }
    if wanted("memory") {
        memory();
    }
}

/// Plans the deletion of one issue's sessions; plain SQLite reads the keys.
mod plan_issue {
    use super::*;

    #[divan::bench]
    fn sessionscope(bencher: Bencher) {
        let ours = Ours::open(&data::database(FEW));
        bencher.bench_local(|| ours.plan(&ours::delete_issue()));
    }

    #[divan::bench]
    fn plain_sqlite(bencher: Bencher) {
        let connection = plain::reader(&data::database(FEW));
        bencher.bench_local(|| plain::keys(&connection));
    }
}

/// Imports a session file into an empty database, from the plan to the renamed file.
mod import_file {
    use super::*;

    #[divan::bench(sample_count = 5)]
    fn sessionscope(bencher: Bencher) {
        bencher.with_inputs(|| inputs(true, FEW)).bench_local_values(|(run, file, into)| {
            import_ours(&file, &into);
            run
        });
    }

    #[divan::bench(sample_count = 5)]
    fn plain_sqlite(bencher: Bencher) {
        bencher.with_inputs(|| inputs(true, FEW)).bench_local_values(|(run, file, into)| {
            plain::import(&file, &into);
            run
        });
    }
}

/// Deletes half of the sessions.
mod prune_half {
    use super::*;

    #[divan::bench(sample_count = 5)]
    fn sessionscope(bencher: Bencher) {
        bencher.with_inputs(|| old(FEW)).bench_local_values(|(run, path)| {
            let mut ours = Ours::open(&path);
            let plan = ours.plan(&ours::prune());
            ours.apply(plan);
            run
        });
    }

    #[divan::bench(sample_count = 5)]
    fn plain_sqlite(bencher: Bencher) {
        bencher.with_inputs(|| old(FEW)).bench_local_values(|(run, path)| {
            plain::prune(&path);
            run
        });
    }
}

type Inputs = (Run, std::path::PathBuf, std::path::PathBuf);

/// A session file, and where it goes.
fn inputs(existing: bool, count: u64) -> Inputs {
    let run = Run::new();
    let file = run.copy(&data::session_file(count), "sessions.json");
    let into = if existing { run.empty_database() } else { run.path("new.sqlite") };
    (run, file, into)
}

/// A database to prune.
fn old(count: u64) -> (Run, std::path::PathBuf) {
    let run = Run::new();
    let path = run.copy(&data::database(count), "sessions.sqlite");
    (run, path)
}

fn import_ours(file: &Path, into: &Path) -> (Duration, Applied) {
    let start = Instant::now();
    let mut ours = Ours::open(into);
    let plan = ours.plan(&ours::import(file));
    let planned = start.elapsed();
    let applied = ours.apply(plan);
    assert!(!file.exists(), "the file is renamed");
    (planned, applied)
}

fn issue() {
    let path = data::database(MANY);
    let (ours, connection) = (Ours::open(&path), plain::reader(&path));
    let mut times: [Vec<Duration>; 2] = Default::default();
    for _ in 0..TIMES + 2 {
        times[0].push(timed(|| drop(black_box(ours.plan(&ours::delete_issue())))));
        times[1].push(timed(|| plain::keys(&connection)));
    }
    let [ours, plain] = times.map(median);
    line("delete by issue, plan", ours, plain);
}

fn import(work: &str, existing: bool) {
    let mut times: [Vec<Duration>; 6] = Default::default();
    for _ in 0..TIMES {
        let (run, file, into) = inputs(existing, MANY);
        times[0].push(timed(|| plain::import(&file, &into)));
        drop(run);
        let (run, file, into) = inputs(existing, MANY);
        let (planned, applied) = import_ours(&file, &into);
        let parts = [planned, applied.logging, applied.changing, applied.reading_back];
        times[1..5].iter_mut().zip(parts).for_each(|(to, part)| to.push(part));
        times[5].push(planned + applied.took);
        drop(run);
    }
    let [plain, planned, logging, changing, reading_back, whole] = times.map(median);
    line(work, whole, plain);
    for (part, time) in
        [("plan", planned), ("log", logging), ("change", changing), ("read back", reading_back)]
    {
        line(&format!("  {part}"), time, plain);
    }
}

fn prune() {
    let mut times: [Vec<Duration>; 7] = Default::default();
    let mut locks = Vec::new();
    for _ in 0..TIMES {
        let (run, path) = old(MANY);
        times[0].push(timed(|| plain::prune(&path)));
        drop(run);
        let (run, path) = old(MANY);
        let start = Instant::now();
        let mut ours = Ours::open(&path);
        let plan = ours.plan(&ours::prune());
        let planned = start.elapsed();
        let applied = ours.apply(plan);
        let parts = [planned, applied.logging, applied.changing, applied.reading_back, applied.took];
        times[1..6].iter_mut().zip(parts).for_each(|(to, part)| to.push(part));
        times[6].push(planned + applied.took);
        locks.push(locks_of(&applied));
        drop(run);
    }
    let [plain, planned, logging, changing, reading_back, apply, both] = times.map(median);
    line("prune of 500,000, apply", apply, plain);
    for (part, time) in [("log", logging), ("change", changing), ("read back", reading_back)] {
        line(&format!("  {part}"), time, plain);
    }
    line("prune of 500,000, plan", planned, plain);
    line("prune of 500,000, plan and apply", both, plain);
    println!("\nHow long a prune of 500,000 holds the write lock, of {TIMES} times");
    locks.iter().for_each(|said| println!("  {said}"));
}

fn locks_of(applied: &Applied) -> String {
    let operation = &applied.operation;
    match (&operation.locks, operation.longest_lock_us) {
        (Some(locks), Some(longest_us)) => format!(
            "{} batches, p50 {}, p99 {}, p99.9 {}, longest {}",
            locks.batches,
            ms(locks.median_us),
            ms(locks.p99_us),
            ms(locks.p999_us),
            ms(longest_us)
        ),
        _ => "no batches".to_owned(),
    }
}

/// What a prune does to a program that writes the database meanwhile.
fn live() {
    println!("\nA program that writes one row every 2 ms");
    let (run, path) = old(MANY);
    let writer = live::Writer::start(&path);
    std::thread::sleep(Duration::from_secs(3));
    println!("  alone: {}", writer.end());
    drop(run);
    for _ in 0..TIMES {
        let (run, path) = old(MANY);
        let mut ours = Ours::open(&path);
        let plan = ours.plan(&ours::prune());
        let writer = live::Writer::start(&path);
        let applied = ours.apply(plan);
        println!("  beside a prune of {:.2?}: {}", applied.took, writer.end());
        println!("    its locks: {}", locks_of(&applied));
        drop(run);
    }
}

/// The most memory that the work takes, in a process of its own.
fn memory() {
    println!("\nMost memory (VmHWM) of a process that does nothing else");
    for work in ["plain-import", "import-existing", "import-new", "plain-prune", "prune-plan", "prune"] {
        let run = Run::new();
        let path = match work.contains("import") {
            true => run.copy(&data::session_file(MANY), "sessions.json"),
            false => run.copy(&data::database(MANY), "sessions.sqlite"),
        };
        if work != "import-new" && work.contains("import") {
            run.empty_database();
        }
        let child = Command::new(std::env::current_exe().expect("this program"))
            .args(["--child", work])
            .arg(&path)
            .output()
            .expect("a process");
        assert!(child.status.success(), "{}", String::from_utf8_lossy(&child.stderr));
        println!("  {work:<18}{}", String::from_utf8_lossy(&child.stdout).trim());
    }
    let bytes = data::session_file(MANY).metadata().expect("the file").len();
    println!("  (the session file has {} MB)", bytes >> 20);
}

/// What a process of its own does.
fn child(work: &str, path: &Path) {
    let into = path.with_file_name("sessions.sqlite");
    match work {
        "write" => return live::write(path),
        "plain-import" => plain::import(path, &into),
        "import-existing" | "import-new" => drop(import_ours(path, &into)),
        "plain-prune" => plain::prune(path),
        "prune-plan" => drop(Ours::open(path).plan(&ours::prune())),
        _ => {
            let mut ours = Ours::open(path);
            let plan = ours.plan(&ours::prune());
            ours.apply(plan);
        }
    }
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux");
    let most = status.lines().find_map(|l| l.strip_prefix("VmHWM:")).unwrap_or("unknown");
    println!("{}", most.trim());
}

fn line(work: &str, ours: Duration, plain: Duration) {
    let ratio = ours.as_secs_f64() / plain.as_secs_f64();
    println!("{work:<44}{ours:>14.2?}{plain:>14.2?}{ratio:>8.2}");
}

fn timed(work: impl FnOnce()) -> Duration {
    let start = Instant::now();
    work();
    start.elapsed()
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() / 2]
}

/// The usual percentiles of times in microseconds.
fn percentiles(mut times_us: Vec<u64>) -> String {
    times_us.sort_unstable();
    let at = |part: f64| {
        let last = times_us.len().saturating_sub(1);
        ms(times_us.get((last as f64 * part).round() as usize).copied().unwrap_or(0))
    };
    format!("p50 {}, p99 {}, p99.9 {}, max {}", at(0.5), at(0.99), at(0.999), at(1.0))
}

fn ms(us: u64) -> String {
    format!("{:.1} ms", us as f64 / 1000.0)
}
