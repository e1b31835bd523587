import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { checkCoverage, checkDocumentation, checkPaths, documentationFiles, testTitles } from '../check-docs.mjs';
import { temporaryFolder, writeFile } from './helpers.ts';

let root: string;

beforeEach(() => {
  root = temporaryFolder();
});

describe('checkPaths', () => {
  const problems = (markdown: string, file = 'docs/a.md'): string[] =>
    checkPaths(root, file, markdown).map(({ line, message }) => `${line}: ${message}`);

  it('finds a path in backticks that does not exist, with its line', () => {
    writeFile(join(root, 'packages/shared/src/there.ts'), '');
    expect(problems('# A\n\nSee `packages/shared/src/there.ts` and `packages/shared/src/gone.ts`.')).toEqual([
      '3: packages/shared/src/gone.ts does not exist',
    ]);
  });

  it.each([
    'services/a/',
    '`scripts/run.mjs`',
    'services/a/main.ts:12',
    'services/a/main.ts#L3',
    'services/a/main.ts arg',
  ])('takes %j for the path that it begins with', (code) => {
    writeFile(join(root, 'services/a/main.ts'), '');
    writeFile(join(root, 'scripts/run.mjs'), '');
    expect(problems(`\`${code.replaceAll('`', '')}\``)).toEqual([]);
  });

  it.each([
    'services/<name>/src',
    'services/*/src',
    'docs/{a,b}.md',
    'tests/…',
    'packages/shared/dist/a.js',
    'npm test',
    '/v1/docs/x',
  ])('leaves %j alone, which is no path of a fresh clone', (code) => {
    expect(problems(`\`${code}\``)).toEqual([]);
  });

  it('follows relative links from the folder of the file', () => {
    writeFile(join(root, 'docs/adr/0001-a.md'), '');
    writeFile(join(root, 'README.md'), '');
    const links = '[a](adr/0001-a.md) [b](../README.md#top) [c](adr/0002-b.md) [d](https://a.example/x) [e](#here)';
    expect(problems(links)).toEqual(['1: docs/adr/0002-b.md does not exist']);
    expect(problems('[ref]: missing.md', 'README.md')).toEqual(['1: missing.md does not exist']);
  });

  it('skips fenced code', () => {
    expect(
      problems('```\n`docs/gone.md`\n```\n~~~~\n`docs/gone.md`\n~~~\n`docs/gone.md`\n~~~~\n`docs/gone.md`'),
    ).toEqual(['9: docs/gone.md does not exist']);
  });
});

describe('checkCoverage', () => {
  const source = `
    describe('the panel', () => {
      it('shows the host', async () => {});
      it("keeps the person's port", () => {});
      it.each([[1, 'a']])('refuses port %i because of %s', (port, why) => {});
      test.for(rows)(\`maps $code\`, ({ code }) => {});
      it(
        'is long',
        () => {},
      );
    });`;

  const problems = (...rows: string[]): string[] =>
    checkCoverage(
      root,
      'docs/manual-coverage.md',
      ['| Manual | Test | Seen |', '|---|:--|--|', ...rows].join('\n'),
    ).map(({ line, message }) => `${line}: ${message}`);

  beforeEach(() => {
    writeFile(join(root, 'tests/integration/panel.test.ts'), source);
  });

  it.each([
    'shows the host',
    'the panel › shows the host',
    "keeps the person's port",
    'refuses port %i because of %s',
    'refuses port 0 because of its range',
    'maps MQTT_INFO_NO_ERR',
    'is long',
  ])('finds the test %j', (title) => {
    expect(problems(`| Host | \`tests/integration/panel.test.ts › ${title}\` | panel |`)).toEqual([]);
  });

  it('names a test that is not there, with its line', () => {
    expect(problems('| Host | `tests/integration/panel.test.ts › shows the port` | panel |')).toEqual([
      '3: tests/integration/panel.test.ts has no test "shows the port"',
    ]);
  });

  it('names a file that is not there, and a file without a test', () => {
    expect(problems('| a | `tests/gone.test.ts › a` | |', '| b | `tests/integration/panel.test.ts` | |')).toEqual([
      '3: tests/gone.test.ts does not exist',
      '4: tests/integration/panel.test.ts is named without a test (file › title)',
    ]);
  });

  it('wants a test in every row that is not marked as coming later', () => {
    expect(problems('| a | later: console | |', '| b | – | |', '| c | | Later |')).toEqual([
      '4: the row names no test, and is not marked "later"',
    ]);
  });

  it('checks every test of a row', () => {
    const file = 'tests/integration/panel.test.ts';
    expect(problems(`| a | \`${file} › shows the host\`, \`${file} › gone\` | |`)).toHaveLength(1);
  });

  it('leaves tables without a column of tests alone', () => {
    expect(checkCoverage(root, 'a.md', '| Code | Cause |\n|---|---|\n| a | b |\n')).toEqual([]);
  });
});

describe('testTitles', () => {
  it('reads titles as they are meant', () => {
    expect(testTitles(String.raw`it('it\'s', () => {}); it("a \"b\"", () => {}); it.todo('later');`)).toEqual([
      "it's",
      'a "b"',
    ]);
  });
});

describe('checkDocumentation', () => {
  it('reads README, CONTRIBUTING, SECURITY and everything below docs', () => {
    for (const name of ['README.md', 'CHANGELOG.md', 'docs/adr/0001-a.md', 'docs/b.md'])
      writeFile(join(root, name), '');
    expect(documentationFiles(root)).toEqual(['README.md', 'docs/adr/0001-a.md', 'docs/b.md']);
  });

  it('checks paths everywhere, and tests in the table of coverage', () => {
    writeFile(join(root, 'README.md'), '`docs/gone.md`');
    writeFile(join(root, 'docs/manual-coverage.md'), '| Manual | Test |\n|---|---|\n| a | none |\n');
    expect(checkDocumentation(root).map(({ file }) => file)).toEqual(['README.md', 'docs/manual-coverage.md']);
  });
});
