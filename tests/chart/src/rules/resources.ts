import type { Container } from '../kubernetes.ts';
import { quantityOf } from '../quantities.ts';
import { containersOf } from '../release.ts';
import type { Rule } from '../rule.ts';

/** What V8 may take as its heap, of the container's memory: the rest is buffers, code and the threads' stacks. */
const HEAP_SHARE = 0.9;

/** Every container says what it needs and where its memory ends; V8 hears of that end before the kernel does. */
export const resources: Rule = ({ pods }) =>
  pods.flatMap((pod) =>
    containersOf(pod).flatMap((container) =>
      problemsOf(container).map((problem) => `${pod.id}: container ${container.name}: ${problem}`),
    ),
  );

function problemsOf(container: Container): string[] {
  const { requests = {}, limits = {} } = container.resources ?? {};
  const problems: string[] = [];
  for (const name of ['cpu', 'memory']) if (requests[name] === undefined) problems.push(`requests no ${name}`);
  if (limits.memory === undefined) problems.push('has no limit of memory');
  for (const [name, quantity] of Object.entries({ ...requests, ...limits })) {
    if (Number.isNaN(quantityOf(quantity))) problems.push(`${quantity} is no quantity of ${name}`);
  }
  for (const [name, limit] of Object.entries(limits)) {
    const request = requests[name];
    if (request !== undefined && quantityOf(request) > quantityOf(limit)) {
      problems.push(`requests more ${name} (${request}) than its limit (${limit})`);
    }
  }
  const heap = heapBytesOf(container);
  if (heap !== undefined && limits.memory !== undefined && heap > HEAP_SHARE * quantityOf(limits.memory)) {
    problems.push(`a heap of ${heap / 2 ** 20} MiB leaves too little of ${limits.memory}`);
  }
  return problems;
}

/** By `--max-old-space-size` (MiB), as an argument or in NODE_OPTIONS. */
function heapBytesOf({ command = [], args = [], env = [] }: Container): number | undefined {
  const options = env.find(({ name }) => name === 'NODE_OPTIONS')?.value ?? '';
  const match = /--max[-_]old[-_]space[-_]size=(\d+)/.exec([...command, ...args, options].join(' '));
  return match === null ? undefined : Number(match[1]) * 2 ** 20;
}
