import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { codesOf, readPage, rowsOf } from './tables.ts';

const root = join(import.meta.dirname, '../../..');

type Manifest = Partial<
  Record<'dependencies' | 'devDependencies' | 'optionalDependencies' | 'peerDependencies', Record<string, string>>
>;

function dependenciesOf(path: string): string[] {
  const { dependencies, devDependencies, optionalDependencies, peerDependencies }: Manifest = JSON.parse(
    readFileSync(join(root, path), 'utf8'),
  );
  return Object.keys({ ...dependencies, ...devDependencies, ...optionalDependencies, ...peerDependencies });
}

it('docs/dependencies.md has a line for every dependency of every package.json, and no other', () => {
  const { workspaces }: { workspaces: string[] } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  const manifests = [
    'package.json',
    ...globSync(
      workspaces.map((folder) => `${folder}/package.json`),
      { cwd: root },
    ),
  ];
  const used = new Set(manifests.flatMap(dependenciesOf).filter((name) => !name.startsWith('@gatecast/')));
  const documented = rowsOf(readPage('docs/dependencies.md'), 'package').map(({ cells }) => codesOf(cells[0] ?? '')[0]);
  expect(documented.toSorted()).toEqual([...used].sort());
});
