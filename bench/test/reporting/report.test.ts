import { expect, it } from 'vitest';
import {
  type Environment,
  type RenderedSection,
  renderMarkdown,
  renderText,
  targetRows,
} from '../../src/reporting/report.ts';
import { TARGETS } from '../../src/targets.ts';

const environment: Environment = {
  node: '26.0.0',
  cpus: '2 × CPU',
  loadBefore: 0.25,
  quick: false,
  syncAlways: false,
  commit: 'abc1234',
};

function section(figures: { target: 'lost' | 'cpuOurs' | 'readingsPerSecond'; measured: number }[]): RenderedSection {
  return {
    title: 'Some section',
    seconds: 12.4,
    report: {
      method: 'How.',
      tables: [
        {
          rows: [
            ['a', 'b'],
            ['left', '1'],
          ],
        },
      ],
      notes: ['Noted.'],
      figures,
    },
  };
}

const failed: RenderedSection = { title: 'Another', seconds: 3, report: { failed: 'no broker' } };

it('says of every target whether it was met', () => {
  const rows = targetRows([
    section([
      { target: 'cpuOurs', measured: 5 },
      { target: 'readingsPerSecond', measured: 25_000 },
    ]),
  ]);
  expect(rows).toHaveLength(Object.keys(TARGETS).length + 1);
  expect(rows).toContainEqual([TARGETS.cpuOurs.what, '5.00 s', '≤ 4 s', '1.25', 'MISSED']);
  expect(rows).toContainEqual([TARGETS.readingsPerSecond.what, '25,000/s', '≥ 20,000/s', '1.25', 'met']);
  expect(rows).toContainEqual([TARGETS.latencyP99.what, '–', '< 50 ms', '', 'not measured']);
});

it('lets the worst figure count where several sections have one', () => {
  const lost = (measured: number) => section([{ target: 'lost', measured }]);
  expect(targetRows([lost(0), lost(2), lost(0)])).toContainEqual([TARGETS.lost.what, '2', '≤ 0', '', 'MISSED']);
});

it('renders text', () => {
  const text = renderText([section([]), failed], environment);
  expect(text).toContain('Some section\n============\n\nHow.\n\na     b\nleft  1\n\nNoted.\n\nIt took 12 s.');
  expect(text).toContain('Another\n=======\n\nNot measured, given up after 3 s: no broker');
  expect(text).toContain('commit abc1234; load average before 0.3');
});

it('renders Markdown', () => {
  const text = renderMarkdown([section([])], environment);
  expect(text).toContain('## Some section\n');
  expect(text).toContain('| a | b |\n|---|---:|\n| left | 1 |');
});

it('says that a quick run is no measurement to be quoted', () => {
  expect(renderText([], { ...environment, quick: true })).toContain('not to be quoted');
  expect(renderText([], { ...environment, syncAlways: true })).toContain('writes to the disk');
  expect(renderText([], environment)).not.toContain('not to be quoted');
});
