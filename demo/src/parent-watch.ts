const POLL_MS = 500;

/**
 * Calls `onEnd` once when the process that started this one has ended, however: the system then hands us to another
 * parent. Returns how to stop watching.
 */
export function watchParent(onEnd: () => void, pollMs = POLL_MS): () => void {
  const parent = process.ppid;
  const timer = setInterval(() => {
    if (process.ppid === parent) return;
    clearInterval(timer);
    onEnd();
  }, pollMs);
  timer.unref();
  return () => clearInterval(timer);
}
