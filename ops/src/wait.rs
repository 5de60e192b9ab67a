//! Waits for a command on this thread.

/// What `work` comes to; none, and a line that says why, where there is nothing to wait with.
pub fn wait<T>(work: impl Future<Output = T>) -> Option<T> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.inspect_err(|error| eprintln!("tradai: no runtime: {error}")).ok()?;
    Some(runtime.block_on(work))
}
