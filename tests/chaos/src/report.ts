import type { Scenario } from './scenario.ts';

/** What there is, for `--list`. */
export function scenarioList(scenarios: readonly Scenario[]): string {
  return scenarios
    .map(
      ({ name, group, title, short }) => `${group.padEnd(10)} ${name.padEnd(24)} ${title}${short ? ' [npm test]' : ''}`,
    )
    .join('\n');
}

/** The same for docs/delivery.md, which a test compares. */
export function scenarioTable(scenarios: readonly Scenario[]): string {
  const rows = scenarios.map(
    ({ name, group, title, short }) => `| ${group} | \`${name}\`${short ? ' ⏱' : ''} | ${title} |`,
  );
  return ['| group | scenario | what happens |', '|---|---|---|', ...rows].join('\n');
}
