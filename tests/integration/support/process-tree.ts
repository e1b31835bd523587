import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';

interface RunningProcess {
  readonly pid: number;
  readonly parent: number;
  /** With its arguments. */
  readonly command: string;
}

/** Everything that `pid` has started and that still runs, and what that has started in turn. */
export function descendantsOf(pid: number): RunningProcess[] {
  const running = runningProcesses();
  const found: RunningProcess[] = [];
  let parents = new Set([pid]);
  while (parents.size > 0) {
    const children = running.filter(({ parent }) => parents.has(parent));
    found.push(...children);
    parents = new Set(children.map((child) => child.pid));
  }
  return found;
}

/** Those of the processes that still run; one that has ended and is not collected yet does not. */
export function stillRunning(processes: readonly RunningProcess[]): RunningProcess[] {
  const running = new Set(runningProcesses().map(({ pid }) => pid));
  return processes.filter(({ pid }) => running.has(pid));
}

function runningProcesses(): RunningProcess[] {
  return process.platform === 'linux' ? fromProc() : fromPs();
}

/** Slim systems have no `ps`. */
function fromProc(): RunningProcess[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => {
      const [, state = 'Z', parent] = /\) (\S) (\d+)/.exec(readProc(name, 'stat')) ?? [];
      const command = readProc(name, 'cmdline').replaceAll('\0', ' ');
      return 'ZX'.includes(state) ? [] : [{ pid: Number(name), parent: Number(parent), command }];
    });
}

function readProc(pid: string, file: 'stat' | 'cmdline'): string {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'utf8');
  } catch {
    return ''; // it has ended since the list was read
  }
}

function fromPs(): RunningProcess[] {
  return execFileSync('ps', ['-Ao', 'pid=,ppid=,stat=,args='], { encoding: 'utf8' })
    .split('\n')
    .flatMap((line) => {
      const [, pid, parent, state = 'Z', command = ''] = /^\s*(\d+)\s+(\d+)\s+(\S+)\s+(.*)$/.exec(line) ?? [];
      return state.startsWith('Z') ? [] : [{ pid: Number(pid), parent: Number(parent), command }];
    });
}
