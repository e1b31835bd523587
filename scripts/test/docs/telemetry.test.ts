import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { codesOf, readPage, rowsOf } from './tables.ts';

const root = join(import.meta.dirname, '../../..');
const ofServices = globSync('services/*/src/**/*.ts', { cwd: root }).map((path) =>
  readFileSync(join(root, path), 'utf8'),
);
/** The same metrics under the names of two services. */
const ofOwnership = readFileSync(join(root, 'packages/shared/src/ownership/ownership-metrics.ts'), 'utf8');
const ofAll = readFileSync(join(root, 'packages/shared/src/service/connect-service.ts'), 'utf8');
const sources = [
  ...ofServices,
  ofAll,
  ...['encoder', 'publisher'].map((role) =>
    ofOwnership.replaceAll(/\$\{(?:this\.#)?role\}/g, role).replaceAll(/`(gatecast_\w+)`/g, "'$1'"),
  ),
];

interface Metric {
  readonly name: string;
  readonly type: string;
  readonly labels: readonly string[];
}

/** `new Counter({ name: '…', help: '…', labelNames: […]` */
const LITERAL = /new (Counter|Gauge|Histogram)(?:<[^>]*>)?\(\{\s*name: '(gatecast_\w+)',([^{]*?)(?:registers|collect)/g;
/** `const helper = … new Counter({ name: `prefix_${name}_suffix`, …` */
const HELPER =
  /const (\w+) =(?:(?!\bconst )[\s\S])*?new (Counter|Gauge|Histogram)(?:<[^>]*>)?\(\{\s*name: `(gatecast_\w+)\$\{name\}(\w*)`/g;

/** The metrics that a source file registers, by literal names and by helpers that put a prefix in front of them. */
function metricsOf(source: string): Metric[] {
  const literal = [...source.matchAll(LITERAL)].map(([, type = '', name = '', rest = '']) => ({
    name,
    type: type.toLowerCase(),
    labels: textsOf(/labelNames: \[([^\]]*)\]/.exec(rest)?.[1]),
  }));
  const byHelper = [...source.matchAll(HELPER)].flatMap(([, helper = '', type = '', prefix = '', suffix = '']) => {
    const call = new RegExp(String.raw`\b${helper}\(\s*(?:registry,\s*)?'(\w+)',\s*'[^']*',?\s*(?:\[([^\]]*)\])?`, 'g');
    return [...source.matchAll(call)].map(([, name = '', labels]) => ({
      name: prefix + name + suffix,
      type: type.toLowerCase(),
      labels: textsOf(labels),
    }));
  });
  return [...literal, ...byHelper];
}

function textsOf(list: string | undefined): string[] {
  return [...(list ?? '').matchAll(/'(\w+)'/g)].map(([, text = '']) => text);
}

function byName(metrics: readonly Metric[]): Metric[] {
  return metrics.toSorted((a, b) => (a.name < b.name ? -1 : 1));
}

describe('docs/telemetry.md', () => {
  const page = readPage('docs/telemetry.md');

  it('has every metric that the services register, with its type and labels, and no other', () => {
    const documented = rowsOf(page, 'metric').map(({ cells: [name = '', type = '', labels = ''] }) => ({
      name: codesOf(name)[0] ?? '',
      type,
      labels: codesOf(labels),
    }));
    expect(byName(documented)).toEqual(byName(sources.flatMap(metricsOf)));
  });

  it('is compared with all of them: every name in the sources is understood', () => {
    for (const source of sources) {
      const names = [...source.matchAll(/name: ['`](gatecast_[^'`]*)['`]/g)].length;
      expect([...source.matchAll(LITERAL)].length + [...source.matchAll(HELPER)].length).toBe(names);
    }
  });

  it('has every span', () => {
    const spans = sources.flatMap((source) =>
      [...source.matchAll(/start(?:Active)?Span\(\s*'([^']+)'/g)].map(([, name = '']) => name),
    );
    expect(spans).not.toEqual([]);
    const documented = rowsOf(page, 'span').flatMap(({ cells }) => codesOf(cells[0] ?? ''));
    expect(documented).toEqual(expect.arrayContaining(spans));
  });
});
