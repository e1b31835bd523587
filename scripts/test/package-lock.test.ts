import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import type { LockPackages } from '../toolchain/manifests.mjs';

// npm leaves out of the lock what the registry did not have when it was written, and sometimes what is for another system
// (https://github.com/npm/cli/issues/4828); `npm ci` then refuses the lock, or leaves a system without its binaries.
it('package-lock.json has the binaries of every platform', () => {
  const file = new URL('../../package-lock.json', import.meta.url);
  const packages: LockPackages = JSON.parse(readFileSync(file, 'utf8')).packages;
  const names = new Set(Object.keys(packages).map((path) => path.replace(/^.*node_modules\//, '')));
  const missing = Object.entries(packages).flatMap(([path, { optionalDependencies = {} }]) =>
    Object.keys(optionalDependencies)
      .filter((name) => !names.has(name))
      .map((name) => `${path} -> ${name}`),
  );
  expect(missing).toEqual([]);
});
