import { mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';

/**
 * Makes `folder` from what `fill` puts into a temporary one beside it, moved into place when it is whole: what is in the
 * cache can be used, whatever was killed when. To be called with the lock held.
 *
 * @param {string} folder
 * @param {(temporary: string) => Promise<string | undefined>} fill resolves with what went wrong
 * @returns {Promise<string | undefined>} what went wrong
 */
export async function makeFolder(folder, fill) {
  const parent = dirname(folder);
  const prefix = `${basename(folder)}.`;
  mkdirSync(parent, { recursive: true });
  // Of runs that were killed. The name is not used again: an installer that outlived its run may still write there.
  for (const name of readdirSync(parent).filter(isTemporary)) {
    if (name.startsWith(prefix)) rmSync(join(parent, name), { recursive: true, force: true });
  }
  const temporary = join(parent, `${prefix}${process.pid}.tmp`);
  mkdirSync(temporary);
  try {
    const problem = await fill(temporary);
    if (problem !== undefined) return problem;
    rmSync(folder, { recursive: true, force: true });
    renameSync(temporary, folder);
    return undefined;
  } finally {
    rmSync(temporary, { recursive: true, force: true });
  }
}

/**
 * Whether an entry of a cache folder is one in the making.
 *
 * @param {string} name
 */
export function isTemporary(name) {
  return name.endsWith('.tmp');
}
