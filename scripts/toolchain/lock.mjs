import { randomUUID } from 'node:crypto';
import { mkdirSync, readFileSync, rmdirSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

/**
 * @typedef {object} LockOptions
 * @property {(owner: string) => void} [onWait] called once when another process holds the lock
 * @property {() => void} [onPoll] called before every look; may throw to give up
 * @property {number} [pollMs] default 200
 * @property {number} [staleMs] default 30 000: how long a holder's heartbeat may be missing
 * @property {number} [heartbeatMs] default 2 000
 */

/**
 * Runs `body` while holding the lock directory `path`; other processes of this machine, and of containers that share
 * the folder, wait. mkdir is the one atomic "create or fail" of every file system, network ones included.
 *
 * A holder refreshes the directory's time. It is taken to be dead when its process is gone (same host), or when a
 * waiter has looked for `staleMs` and seen no refresh: process ids are reused and mean nothing across containers. Looks
 * are counted, not time, which also passes while the machine sleeps.
 *
 * @template T
 * @param {string} path
 * @param {LockOptions} options
 * @param {() => Promise<T>} body
 * @returns {Promise<T>}
 */
export async function withLock(path, options, body) {
  const { pollMs = 200, staleMs = 30_000, heartbeatMs = 2_000 } = options;
  const token = randomUUID();
  mkdirSync(dirname(path), { recursive: true });
  let waited = false;
  let key = '';
  let looks = 0;
  while (!tryAcquire(path, token)) {
    options.onPoll?.();
    const holder = readHolder(path);
    if (holder === undefined) continue;
    looks = holder.key === key ? looks + 1 : 0;
    key = holder.key;
    if ((isGone(holder) || looks * pollMs > staleMs) && breakLock(path, holder)) continue;
    if (!waited) options.onWait?.(holder.pid === undefined ? 'another process' : `process ${holder.pid}`);
    waited = true;
    await delay(pollMs);
  }

  const release = () => {
    if (readHolder(path)?.token === token) rmSync(path, { recursive: true, force: true });
  };
  const heartbeat = setInterval(() => touch(path), heartbeatMs);
  heartbeat.unref();
  // process.exit() in the middle of `body` must not leave the lock to the next command's patience.
  process.once('exit', release);
  try {
    return await body();
  } finally {
    clearInterval(heartbeat);
    process.removeListener('exit', release);
    release();
  }
}

/**
 * @typedef {object} Holder
 * @property {string} key changes with every heartbeat and with every new holder
 * @property {string} [token]
 * @property {number} [pid]
 * @property {string} [host]
 */

/**
 * @param {string} path
 * @param {string} token
 */
function tryAcquire(path, token) {
  try {
    mkdirSync(path);
  } catch (error) {
    if (hasCode(error, 'EEXIST')) return false;
    throw error;
  }
  writeFileSync(join(path, 'holder.json'), JSON.stringify({ token, pid: process.pid, host: hostname() }));
  return true;
}

/**
 * @param {string} path
 * @returns {Holder | undefined} undefined: nobody holds it
 */
function readHolder(path) {
  try {
    const { mtimeMs } = statSync(path);
    /** @type {{ token?: string, pid?: number, host?: string }} */
    let holder = {};
    try {
      holder = JSON.parse(readFileSync(join(path, 'holder.json'), 'utf8'));
    } catch (error) {
      // Between its mkdir and its write, or on its way out: known by the directory's time alone.
      if (!hasCode(error, 'ENOENT') && !(error instanceof SyntaxError)) throw error;
    }
    return { ...holder, key: `${holder.token} ${mtimeMs}` };
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return undefined;
    throw error;
  }
}

/** @param {Holder} holder */
function isGone({ pid, host }) {
  if (pid === undefined || host !== hostname()) return false;
  try {
    process.kill(pid, 0);
    return false;
  } catch (error) {
    return hasCode(error, 'ESRCH');
  }
}

/**
 * Removes the lock of a dead holder. Two waiters may come to that conclusion at once, and the slower one must not
 * remove the lock that the faster one has just taken: a second directory lets them in one by one, and each looks again.
 *
 * @param {string} path
 * @param {Holder} holder
 * @returns {boolean} whether it was this caller's turn
 */
function breakLock(path, holder) {
  const guard = `${path}.break`;
  try {
    mkdirSync(guard);
  } catch (error) {
    if (!hasCode(error, 'EEXIST')) throw error;
    // What is guarded takes a millisecond and cannot throw half-way: an old guard is one whose process was killed in it.
    if (ageMs(guard) > 10_000) removeEmpty(guard);
    return false;
  }
  try {
    if (readHolder(path)?.key === holder.key) rmSync(path, { recursive: true, force: true });
    return true;
  } finally {
    removeEmpty(guard);
  }
}

/** @param {string} path */
function ageMs(path) {
  const stat = statSync(path, { throwIfNoEntry: false });
  return stat === undefined ? 0 : Date.now() - stat.mtimeMs;
}

/** @param {string} path */
function removeEmpty(path) {
  try {
    rmdirSync(path);
  } catch (error) {
    if (!hasCode(error, 'ENOENT')) throw error;
  }
}

/** @param {string} path */
function touch(path) {
  try {
    const now = new Date();
    utimesSync(path, now, now);
  } catch (error) {
    // Gone with .tools/ (someone deleted the cache): there is nothing left to keep alive.
    if (!hasCode(error, 'ENOENT')) throw error;
  }
}

/**
 * @param {unknown} error
 * @param {string} code
 */
export function hasCode(error, code) {
  return error instanceof Error && /** @type {NodeJS.ErrnoException} */ (error).code === code;
}
