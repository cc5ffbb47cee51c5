//! Killed at moments that nobody named, a few hundred times.

use std::io::Read as _;
use std::process::Stdio;
use std::thread;
use std::time::{Duration, Instant};

use super::kill::{Scenario, scenario};
use super::stores::{State, progress, state};
use super::writers::Writer;

/// The moments of a test: spread over the time that applying takes, the same in every run but for the machine's own mood.
struct Moments(u64);

impl Moments {
    fn next(&mut self, within: Duration) -> Duration {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        within.mul_f64((self.0 % 10_000) as f64 / 10_000.0)
    }
}

/// Runs a repair, and kills it so long after its plan was printed; gives how long it ran, and whether it ended by itself.
fn killed_after(scenario: &Scenario, delay: Option<Duration>) -> (Duration, bool) {
    let mut command = scenario.home.command(&[&scenario.arguments()[..], &["--json"]].concat());
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("the program starts");
    let mut out = child.stdout.take().expect("its output");
    let planned = out.read(&mut [0; 1]).expect("a plan");
    assert_eq!(planned, 1, "it prints its plan before it begins");
    let start = Instant::now();
    let rest = thread::spawn(move || out.read_to_end(&mut Vec::new()));
    match delay {
        Some(delay) => thread::sleep(delay),
        None => assert!(child.wait().expect("it ends").success()),
    }
    let ended = child.try_wait().expect("its status").is_some();
    let _ = child.kill();
    child.wait().expect("it has ended");
    let took = start.elapsed();
    let _ = rest.join();
    (took, ended)
}

fn whole_run(scenario: &Scenario) -> Duration {
    scenario.reset();
    killed_after(scenario, None).0
}

fn is_killed_at_random(name: &str, times: u32) {
    let scenario = scenario(name);
    let whole = (0..3).map(|_| whole_run(&scenario)).min().expect("a time");
    let mut moments = Moments(0x9e37_79b9_7f4a_7c15);
    let mut killed = 0;
    for time in 0..times {
        scenario.reset();
        let delay = moments.next(whole);
        let (_, ended) = killed_after(&scenario, Some(delay));
        killed += u32::from(!ended);
        scenario.check(&format!("{name}, time {time}, after {delay:?}"));
    }
    assert!(killed > 0, "{name}: none of {times} was killed before its end");
}

#[test]
fn a_prune_may_be_killed_at_any_moment_beside_a_writer() {
    let scenario = scenario("prune of agents with a log");
    let whole = (0..3).map(|_| whole_run(&scenario)).min().expect("a time");
    scenario.reset();
    // Rows that the writer makes and changes are its own affair.
    let rest = |state: State| -> State {
        let own = |row: &str| row.starts_with("\"writer\"") || row.starts_with("\"lives\" | \"{}\"");
        state.into_iter().filter(|(_, row)| !own(row)).collect()
    };
    let (before, after) = (rest(scenario.before.clone()), rest(scenario.after.clone()));
    let home = &scenario.home;
    let writer = Writer::start(home);
    let mut moments = Moments(0x2545_f491_4f6c_dd1d);
    for time in 0..20 {
        let earlier = home.operations().len();
        killed_after(&scenario, Some(moments.next(whole * 2)));
        let operations = home.operations();
        let noted = match operations.len() - earlier {
            0 => 0,
            _ => operations[0]["done"].as_u64().expect("a number"),
        };
        assert_eq!(noted, progress(&before, &after, &rest(state(home))), "time {time}");
        scenario.finish();
        assert_eq!(rest(state(home)), after, "time {time}");
        scenario.undo_all();
        assert_eq!(rest(state(home)), before, "time {time}");
    }
    assert!(writer.stop() > 0);
    assert_eq!(home.leftovers(), [""; 0]);
}

#[test]
fn an_import_into_a_new_database_may_be_killed_at_any_moment() {
    is_killed_at_random("import into a new database", 30);
}

#[test]
fn an_import_into_a_database_may_be_killed_at_any_moment() {
    is_killed_at_random("import into a database", 25);
}

#[test]
fn a_prune_may_be_killed_at_any_moment() {
    is_killed_at_random("prune", 30);
}

#[test]
fn a_prune_with_a_write_ahead_log_may_be_killed_at_any_moment() {
    is_killed_at_random("prune with a log", 30);
}

#[test]
fn a_prune_of_a_session_file_may_be_killed_at_any_moment() {
    is_killed_at_random("prune of a session file", 30);
}

#[test]
fn a_prune_of_agents_may_be_killed_at_any_moment() {
    is_killed_at_random("prune of agents", 25);
}

#[test]
fn a_prune_of_transcripts_may_be_killed_at_any_moment() {
    is_killed_at_random("prune of transcripts", 30);
}

#[test]
fn a_deletion_by_issue_may_be_killed_at_any_moment() {
    is_killed_at_random("delete-issue", 15);
}

#[test]
fn a_deletion_of_sessions_may_be_killed_at_any_moment() {
    is_killed_at_random("delete-session", 15);
}

#[test]
fn a_migration_may_be_killed_at_any_moment() {
    is_killed_at_random("migrate", 25);
}

#[test]
fn a_migration_of_a_configuration_may_be_killed_at_any_moment() {
    is_killed_at_random("migrate a configuration", 20);
}

#[test]
fn an_undo_may_be_killed_at_any_moment() {
    is_killed_at_random("undo", 25);
}

#[test]
fn an_undo_of_an_import_may_be_killed_at_any_moment() {
    is_killed_at_random("undo of an import", 25);
}
