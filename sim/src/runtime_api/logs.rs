//! The last lines that a process wrote.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};
use tokio::task::JoinHandle;

/// The longest line that is kept whole: as long as one CloudWatch event.
const LONGEST_LINE: usize = 256 * 1024;

/// A bounded ring of lines, shared with the task that fills it.
#[derive(Debug, Clone)]
pub(super) struct Lines {
    most: usize,
    kept: Arc<Mutex<VecDeque<String>>>,
}

impl Lines {
    pub(super) fn keeping(most: usize) -> Lines {
        Lines { most, kept: Arc::default() }
    }

    /// Follows `stream` to its end.
    pub(super) fn follow(&self, stream: impl AsyncRead + Unpin + Send + 'static) -> JoinHandle<()> {
        let lines = self.clone();
        tokio::spawn(async move { lines.read(BufReader::new(stream)).await })
    }

    pub(super) fn all(&self) -> Vec<String> {
        self.kept().iter().cloned().collect()
    }

    pub(super) fn take(&self) -> Vec<String> {
        self.kept().drain(..).collect()
    }

    /// Bytes that are not UTF-8 are replaced: a reader that stopped at them would stall the process.
    async fn read(&self, mut stream: BufReader<impl AsyncRead + Unpin>) {
        let mut line = Vec::new();
        while stream.read_until(b'\n', &mut line).await.is_ok_and(|read| read > 0) {
            line.truncate(LONGEST_LINE);
            self.push(String::from_utf8_lossy(&line).trim_end().to_owned());
            line.clear();
        }
    }

    fn push(&self, line: String) {
        let mut kept = self.kept();
        if kept.len() >= self.most {
            kept.pop_front();
        }
        kept.push_back(line);
    }

    fn kept(&self) -> MutexGuard<'_, VecDeque<String>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn only_the_last_lines_are_kept_and_bad_bytes_do_not_stop_the_reader() {
        let lines = Lines::keeping(2);
        lines.follow(&b"one\ntwo\n\xff\xfe\nlast"[..]).await.unwrap();
        assert_eq!(lines.all(), ["\u{fffd}\u{fffd}", "last"]);
        assert_eq!(lines.take().len(), 2);
        assert!(lines.all().is_empty());
    }
}
