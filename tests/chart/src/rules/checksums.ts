import { referencesOf } from '../pod-references.ts';
import type { Rule } from '../rule.ts';

/** A service whose ConfigMap changes is started again: it carries a checksum of what it reads at its start. */
export const checksums: Rule = (release) =>
  release.pods
    .filter(({ isService }) => isService)
    .flatMap((pod) => {
      const isMarked = Object.keys(pod.annotations).some((key) => key.startsWith('checksum/'));
      const maps = new Set(
        referencesOf(pod).flatMap(({ kind, name }) =>
          kind === 'ConfigMap' && release.find(kind, name) !== undefined ? [name] : [],
        ),
      );
      return isMarked ? [] : [...maps].map((name) => `${pod.id}: reads ConfigMap/${name} and has no checksum of it`);
    });
