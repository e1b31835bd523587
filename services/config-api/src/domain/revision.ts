import { Refusal } from './refusal.ts';

/** What a writer says it has seen: these revisions, or (`*`) whatever there is. */
export type Precondition = '*' | readonly number[];

/** The entity tag of a revision. */
export function etagOf(revision: number): string {
  return `"${revision}"`;
}

/**
 * The value of `If-Match`; undefined without one. Weak tags and tags that are not ours never match (RFC 9110, 13.1.1),
 * so they are kept as an empty list rather than refused.
 */
export function parseIfMatch(header: string | undefined): Precondition | undefined {
  if (header === undefined) return undefined;
  if (header.trim() === '*') return '*';
  return [...header.matchAll(/(W\/)?"(\d{1,15})"/g)].filter((tag) => tag[1] === undefined).map((tag) => Number(tag[2]));
}

/** @throws {Refusal} `stale_revision` when a precondition is given and `revision` does not meet it. */
export function requireMatch(precondition: Precondition | undefined, revision: number): void {
  if (precondition === undefined || precondition === '*' || precondition.includes(revision)) return;
  throw staleRevision();
}

export function staleRevision(cause?: unknown): Refusal {
  return new Refusal('stale', 'stale_revision', 'It was changed in the meantime', {
    detail: 'Read it again, apply the change to what it is now, and send the new ETag as If-Match.',
    cause,
  });
}

/** @throws {Refusal} `if_match_required` */
export function requirePrecondition(precondition: Precondition | undefined): asserts precondition is Precondition {
  if (precondition !== undefined) return;
  throw new Refusal('precondition_required', 'if_match_required', 'This needs an If-Match header', {
    detail: 'Send the ETag of the settings that the change was made to, so that nobody else’s change is overwritten.',
  });
}
