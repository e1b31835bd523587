import { accessSync, constants, statSync } from 'node:fs';
import { delimiter, isAbsolute, join, resolve } from 'node:path';

/** The executable named `name` in `PATH`, then in `folders`. A name with a slash is taken as a path. */
export function findBinary(name: string, folders: readonly string[] = []): string | undefined {
  if (isAbsolute(name) || name.includes('/')) return isExecutable(name) ? resolve(name) : undefined;
  const path = (process.env.PATH ?? '').split(delimiter).filter((folder) => folder !== '');
  return [...path, ...folders].map((folder) => join(folder, name)).find(isExecutable);
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}
