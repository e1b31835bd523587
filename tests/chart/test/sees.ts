import { expect, it } from 'vitest';
import { Release } from '../src/release.ts';
import type { Rule } from '../src/rule.ts';
import { changed, containerOf, type Draft, goodRelease, type PodDraft } from './good-release.ts';

/** A rule has nothing against the good release, and sees each of these changes to it, by this line. */
export function itSees(rule: Rule, rows: readonly (readonly [what: string, release: Release, line: string])[]): void {
  it('has nothing against the good release', () => {
    expect(rule(new Release(goodRelease()))).toEqual([]);
  });
  it.each(rows)('sees %s', (_what, release, line) => {
    expect(rule(release)).toContain(line);
  });
}

/** The good release after a change to the pods of a workload. */
export function inPod(id: string, change: (spec: PodDraft) => void): Release {
  return changed(id, ({ spec }) => change(spec.template.spec));
}

/** The good release after a change to the first container of a workload. */
export function inContainer(id: string, change: (container: PodDraft['containers'][number]) => void): Release {
  return changed(id, (draft) => change(containerOf(draft)));
}

/** The good release after a change to the spec of an object. */
export function inSpec(id: string, change: (spec: Draft['spec']) => void): Release {
  return changed(id, ({ spec }) => change(spec));
}

/** The good release in which a container has one more variable. */
export function withVariable(id: string, name: string, value: string): Release {
  return inContainer(id, (container) => {
    container.env = [...(container.env ?? []).filter((variable) => variable.name !== name), { name, value }];
  });
}
