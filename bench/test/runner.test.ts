import { expect, it } from 'vitest';
import { parseArguments } from '../src/arguments.ts';
import { type AnySection, runSections } from '../src/runner.ts';
import type { BenchContext } from '../src/section.ts';

const options = parseArguments([])!;

function section(run: (context: BenchContext) => Promise<unknown>, deadlineMs = 10_000): AnySection {
  const render = () => ({ method: 'How.', tables: [], notes: [], figures: [] });
  return { name: 'latency', title: 'Latency', deadlineMs, run, render };
}

it('stops what a section has started, and goes on after one that failed', async () => {
  const stopped: string[] = [];
  const starts = (name: string) => (context: BenchContext) => {
    context.resources.defer(async () => void stopped.push(name));
    return name === 'bad' ? Promise.reject(new Error('no broker')) : Promise.resolve(name);
  };
  const outcomes = await runSections([section(starts('bad')), section(starts('good'))], options, () => {});
  expect(stopped).toEqual(['bad', 'good']);
  expect(outcomes.map(({ result }) => result)).toEqual([undefined, 'good']);
  expect(outcomes[0]?.rendered.report).toEqual({ failed: 'no broker' });
});

it('gives up a section that takes too long, and stops what it has started', async () => {
  let isStopped = false;
  const hangs = section((context) => {
    context.resources.defer(() => {
      isStopped = true;
    });
    return new Promise(() => {});
  }, 10);
  const [outcome] = await runSections([hangs], options, () => {});
  expect(outcome?.rendered.report).toEqual({ failed: 'latency was not over after 0.01 s' });
  expect(isStopped).toBe(true);
});
