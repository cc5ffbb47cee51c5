fn main() {
    let paths = std::env::args_os().skip(1).map(Into::into).collect();
    #[cfg(feature = "gui")]
    let _ = sessionscope::app::run(paths).map_err(|e| eprintln!("{e}"));
}
