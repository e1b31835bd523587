import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { scriptOf, shellBlocks } from '../run-docs.mjs';

const page = `# A page

\`\`\`sh
GREETING=hello
\`\`\`

## Second

\`\`\`yaml
not: run
\`\`\`

\`\`\`sh
echo "$GREETING" '
\`\`\`not a fence'
sleep 600 &
\`\`\`
`;

function runIt(markdown: string) {
  const { status, stdout, stderr } = spawnSync('bash', ['-c', scriptOf('a.md', shellBlocks(markdown))], {
    encoding: 'utf8',
    timeout: 10_000,
  });
  return { status, stdout, stderr };
}

describe('the commands of a page', () => {
  it('are those of its shell blocks, with line and heading', () => {
    expect(shellBlocks(page).map(({ line, heading }) => [line, heading])).toEqual([
      [4, 'A page'],
      [14, 'Second'],
    ]);
  });

  it('run in one shell, and leave nothing running', () => {
    const { status, stdout, stderr } = runIt(page);
    expect([status, stdout]).toEqual([0, 'hello \n```not a fence\n']);
    expect(stderr).toBe('== a.md:4 A page\n== a.md:14 Second\n');
  });

  it('stop at the first that fails', () => {
    const { status, stdout } = runIt('```sh\nfalse\n```\n\n```sh\necho reached\n```\n');
    expect([status, stdout]).toEqual([1, '']);
  });

  it('are correct shell in docs/deploy.md', () => {
    const file = 'docs/deploy.md';
    const blocks = shellBlocks(readFileSync(join(import.meta.dirname, '../..', file), 'utf8'));
    expect(blocks.length).toBeGreaterThan(5);
    expect(spawnSync('bash', ['-n', '-c', scriptOf(file, blocks)], { encoding: 'utf8' }).stderr).toBe('');
  });
});
