/**
 * Runs the commands of a page as a reader would: every code block marked `sh`, in order, unchanged, in one shell that
 * stops at the first command that fails. What a command leaves in the background ends with it.
 *
 *   node scripts/run-docs.mjs docs/deploy.md
 */
import { spawn } from 'node:child_process';
import { readFileSync, realpathSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** @typedef {{ line: number, heading: string, code: string }} Block `line` of its first command */

/**
 * @param {string} markdown
 * @returns {Block[]}
 */
export function shellBlocks(markdown) {
  /** @type {Block[]} */
  const blocks = [];
  /** @type {Block | undefined} */
  let open;
  let fence = '';
  let heading = '';
  for (const [index, text] of markdown.split('\n').entries()) {
    const mark = /^(`{3,}|~{3,})(.*)$/.exec(text);
    if (fence !== '') {
      if (mark?.[1]?.startsWith(fence) && mark[2]?.trim() === '') {
        if (open) blocks.push(open);
        open = undefined;
        fence = '';
      } else if (open) {
        open.code += `${text}\n`;
      }
    } else if (mark) {
      fence = mark[1] ?? '';
      if (mark[2]?.trim() === 'sh') open = { line: index + 2, heading, code: '' };
    } else {
      heading = /^#+\s+(.*)$/.exec(text)?.[1] ?? heading;
    }
  }
  return blocks;
}

/**
 * One script of all blocks; before each it says, on standard error, where it comes from.
 *
 * @param {string} file
 * @param {readonly Block[]} blocks
 */
export function scriptOf(file, blocks) {
  const parts = blocks.map(({ line, heading, code }) => {
    const place = `== ${file}:${line} ${heading}`.replaceAll("'", "'\\''");
    return `printf '%s\\n' '${place}' >&2\n${code}`;
  });
  // Background jobs get their own process groups, so that what they started ends as well.
  return `set -euo pipefail\ntrap 'kill $(jobs -p) 2> /dev/null || true' EXIT\n${parts.join('\n')}`;
}

/** @param {string} file relative to the repository */
function run(file) {
  const root = join(import.meta.dirname, '..');
  const script = scriptOf(file, shellBlocks(readFileSync(join(root, file), 'utf8')));
  const shell = spawn('bash', ['-c', script], { cwd: root, stdio: 'inherit' });
  shell.on('exit', (code) => {
    process.exitCode = code ?? 1;
  });
}

if (process.argv[1] !== undefined && realpathSync(process.argv[1]) === fileURLToPath(import.meta.url)) {
  const [file] = process.argv.slice(2);
  if (file === undefined) {
    process.stderr.write('usage: node scripts/run-docs.mjs <page>\n');
    process.exitCode = 2;
  } else {
    run(file);
  }
}
