import type { Scenario } from './scenario.ts';

/** What there is, for `--list`. */
export function scenarioList(scenarios: readonly Scenario[]): string {
  return scenarios.map(({ name, title, ci }) => `${name.padEnd(22)} ${title}${ci ? ' [ci]' : ''}`).join('\n');
}

/** The same for docs/deploy.md, which a test compares. */
export function scenarioTable(scenarios: readonly Scenario[]): string {
  const rows = scenarios.map(({ name, title, ci }) => `| \`${name}\`${ci ? ' ⏱' : ''} | ${title} |`);
  return ['| scenario | what happens |', '|---|---|', ...rows].join('\n');
}
