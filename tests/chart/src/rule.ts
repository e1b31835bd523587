import type { Release } from './release.ts';

/** What speaks against a release, one line for each; none when all is well. */
export type Rule = (release: Release) => string[];
