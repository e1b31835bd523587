import type { Namespace } from './namespace.ts';

/** Everything but a connection: refused, rejected or dropped. */
export const CLOSED = 'closed';

export interface Probe {
  /** A pod whose image has Node. */
  readonly from: { readonly name: string; readonly namespace: Namespace; readonly pod: string };
  readonly to: { readonly what: string; readonly host: string; readonly port: number };
  readonly expected: 'open' | typeof CLOSED;
}

const TIMEOUT_MS = 2_000;

/** Tries all targets at once; prints what became of each, by its place. */
const SCRIPT = `
const { connect } = require('node:net');
const targets = JSON.parse(process.argv[1]);
const results = targets.map(({ host, port }) => new Promise((resolve) => {
  const socket = connect({ host, port, autoSelectFamily: false });
  socket.on('connect', () => resolve('open'));
  socket.on('error', ({ code }) => resolve(code));
  setTimeout(() => resolve('timeout'), ${TIMEOUT_MS});
}));
Promise.all(results).then((all) => { console.log(JSON.stringify(all)); process.exit(0); });
`;

/** Tries to connect, from pods. Returns in words what was not as expected. */
export async function runProbes(probes: readonly Probe[], note: (text: string) => void): Promise<string[]> {
  const wrong: string[] = [];
  for (const [, group] of Map.groupBy(probes, ({ from }) => from.pod)) {
    const { namespace, pod } = group[0]!.from;
    const targets = JSON.stringify(group.map(({ to: { host, port } }) => ({ host, port })));
    const results = JSON.parse(await namespace.exec(pod, ['node', '-e', SCRIPT, targets])) as string[];
    for (const [index, { from, to, expected }] of group.entries()) {
      const result = results[index] ?? 'nothing';
      const text = `from ${from.name} to ${to.what} (${to.host}:${to.port}): ${result}, expected: ${expected}`;
      note(text);
      if ((result === 'open') !== (expected === 'open')) wrong.push(text);
    }
  }
  return wrong;
}
