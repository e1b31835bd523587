import type { SectionReport } from '../section.ts';
import { judge, TARGETS, type Target, type TargetId } from '../targets.ts';
import { number } from './format.ts';
import { markdownTable, table } from './table.ts';

/** A section as it ended. */
export interface RenderedSection {
  title: string;
  seconds: number;
  /** Or why there is none. */
  report: SectionReport | { failed: string };
}

/** Where it was measured: figures are worth something only beside each other, on one machine. */
export interface Environment {
  node: string;
  cpus: string;
  /** Load average of the last minute, before the first section: above some tenths, others were at work. */
  loadBefore: number;
  quick: boolean;
  syncAlways: boolean;
  commit: string;
}

const SIGNS = { most: '≤', least: '≥', below: '<' } as const;

export function renderText(sections: readonly RenderedSection[], environment: Environment): string {
  return render(sections, environment, {
    heading: (title) => `\n${title}\n${'='.repeat(title.length)}`,
    table,
  });
}

export function renderMarkdown(sections: readonly RenderedSection[], environment: Environment): string {
  return render(sections, environment, { heading: (title) => `\n## ${title}\n`, table: markdownTable });
}

interface Layout {
  heading(title: string): string;
  table(rows: readonly (readonly string[])[]): string;
}

function render(sections: readonly RenderedSection[], environment: Environment, layout: Layout): string {
  const parts = [layout.heading('Targets'), machine(environment), layout.table(targetRows(sections))];
  for (const { title, seconds, report } of sections) {
    parts.push(layout.heading(title));
    if ('failed' in report) {
      parts.push(`Not measured, given up after ${number(seconds)} s: ${report.failed}`);
      continue;
    }
    parts.push(report.method, ...report.tables.map(({ rows }) => layout.table(rows)), ...report.notes);
    parts.push(`It took ${number(seconds)} s.`);
  }
  return `${parts.join('\n\n').trim()}\n`;
}

function machine({ node, cpus, loadBefore, quick, syncAlways, commit }: Environment): string {
  const caveat = quick ? ' A quick run: figures to see that it works, not to be quoted.' : '';
  const sync = syncAlways ? ' NATS writes to the disk before it answers.' : '';
  return `Node ${node}, ${cpus}, commit ${commit}; load average before ${number(loadBefore, 1)}. Everything shares this machine: our services, NATS, the brokers and the load.${sync}${caveat}`;
}

/** One row for each target; the worst figure counts where several sections have one. */
export function targetRows(sections: readonly Pick<RenderedSection, 'report'>[]): string[][] {
  const measured = new Map<TargetId, number>();
  for (const { report } of sections) {
    if ('failed' in report) continue;
    for (const { target, measured: value } of report.figures) measured.set(target, worse(target, value, measured));
  }
  const header = ['figure', 'measured', 'target', 'ratio', ''];
  const rows = (Object.keys(TARGETS) as TargetId[]).map((id) => targetRow(id, measured.get(id)));
  return [header, ...rows];
}

function targetRow(id: TargetId, value: number | undefined): string[] {
  const { what, bound, limit, unit, digits }: Target = TARGETS[id];
  const withUnit = (text: string) => (unit === '' || unit.startsWith('/') ? `${text}${unit}` : `${text} ${unit}`);
  const limitText = withUnit(`${SIGNS[bound]} ${number(limit, Number.isInteger(limit) ? 0 : 1)}`);
  if (value === undefined) return [what, '–', limitText, '', 'not measured'];
  const { met, ratio } = judge(id, value);
  const ratioText = ratio === undefined || Number.isNaN(ratio) ? '' : ratio.toFixed(2);
  return [what, withUnit(number(value, digits)), limitText, ratioText, met ? 'met' : 'MISSED'];
}

function worse(id: TargetId, value: number, measured: ReadonlyMap<TargetId, number>): number {
  const before = measured.get(id);
  if (before === undefined) return value;
  return TARGETS[id].bound === 'least' ? Math.min(before, value) : Math.max(before, value);
}
