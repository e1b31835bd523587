/**
 * Checks that the documentation speaks of things that exist: every path of the repository that it names, and every
 * test that docs/manual-coverage.md names. Run as a program, it prints one line for each that does not.
 */
import { existsSync, readdirSync, readFileSync, realpathSync, statSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';

/** @typedef {{ file: string, line: number, message: string }} Problem `file` relative to the repository */

// Not CHANGELOG.md: it speaks of what was.
const rootFiles = ['README.md', 'CONTRIBUTING.md', 'SECURITY.md'];
const coverageFile = 'docs/manual-coverage.md';

/** What is in backticks and starts so is a path; anything else in backticks may be anything. */
const pathStart = /^(?:packages|services|tests|scripts|docs|demo|bench|charts|docker|\.ci)\//;

/** `<name>`, `*`, `{a,b}`, `…`, `...`, `$NAME`: a pattern, not a path. */
const placeholder = /[<>*{}…$]|\.\.\.$|\.\.\.\//;

/** Made by a build, an install or a run: not there in a fresh clone. */
const generated = /(?:^|\/)(?:node_modules|dist|coverage|\.tools|\.turbo)(?:\/|$)/;

/**
 * The Markdown files whose paths are checked.
 *
 * @param {string} root
 * @returns {string[]} relative to `root`
 */
export function documentationFiles(root) {
  const docs = existsSync(join(root, 'docs'))
    ? readdirSync(join(root, 'docs'), { recursive: true, encoding: 'utf8' }).map((name) => `docs/${name}`)
    : [];
  const files = [...rootFiles, ...docs.filter((name) => name.endsWith('.md')).sort()];
  return files.filter((name) => existsSync(join(root, name)));
}

/**
 * Checks that every path of the repository that a Markdown text names exists.
 *
 * @param {string} root
 * @param {string} file relative to `root`; relative links start from its folder
 * @param {string} markdown
 * @returns {Problem[]}
 */
export function checkPaths(root, file, markdown) {
  return proseLines(markdown).flatMap(({ line, text }) => {
    const missing = [...codePaths(text), ...linkPaths(text, dirname(file))].filter((path) => !isThere(root, path));
    return missing.map((path) => ({ file, line, message: `${path} does not exist` }));
  });
}

/**
 * The lines outside of fenced code blocks, which hold commands and drawings.
 *
 * @param {string} markdown
 * @returns {{ line: number, text: string }[]}
 */
function proseLines(markdown) {
  /** @type {string | undefined} */
  let fence;
  return markdown.split('\n').flatMap((text, index) => {
    const mark = /^\s*(`{3,}|~{3,})/.exec(text)?.[1];
    if (fence !== undefined) {
      if (mark?.startsWith(fence)) fence = undefined;
      return [];
    }
    fence = mark;
    return mark === undefined ? [{ line: index + 1, text }] : [];
  });
}

/**
 * @param {string} text
 * @returns {string[]} relative to the repository
 */
function codePaths(text) {
  return codeSpans(text)
    .map((span) => span.split(/\s/)[0] ?? '')
    .filter((word) => pathStart.test(word) && !placeholder.test(word))
    .map(withoutPosition);
}

/**
 * @param {string} text
 * @returns {string[]}
 */
function codeSpans(text) {
  return [...text.matchAll(/(`+)(.+?)\1(?!`)/g)].map(([, , span = '']) => span.trim());
}

/**
 * @param {string} text
 * @param {string} folder of the file, relative to the repository
 * @returns {string[]} relative to the repository
 */
function linkPaths(text, folder) {
  const outsideCode = text.replace(/(`+).+?\1(?!`)/g, 'code');
  const inline = [...outsideCode.matchAll(/\]\(\s*<?([^)\s>]+)>?[^)]*\)/g)].map(([, target = '']) => target);
  const reference = /^\s*\[[^\]]+\]:\s*(\S+)/.exec(outsideCode)?.[1];
  return [...inline, ...(reference === undefined ? [] : [reference])]
    .filter((target) => !/^(?:[a-z][a-z0-9+.-]*:|#|\/)/i.test(target) && !placeholder.test(target))
    .map((target) => normalize(join(folder, withoutPosition(decodeURI(target)))));
}

/**
 * Drops `#anchor`, `:12` and `:12:3`.
 *
 * @param {string} path
 */
function withoutPosition(path) {
  return path.replace(/#.*$/, '').replace(/(?::\d+){1,2}$/, '');
}

/**
 * @param {string} root
 * @param {string} path
 */
function isThere(root, path) {
  return generated.test(path) || existsSync(join(root, path));
}

/**
 * Checks the tables that have a column "Test" (or "Tests"): each row names at least one test, as
 * `` `path/to/file.test.ts › title` `` with any enclosing describe titles between, or has a cell that starts with
 * "later".
 *
 * @param {string} root
 * @param {string} file
 * @param {string} markdown
 * @returns {Problem[]}
 */
export function checkCoverage(root, file, markdown) {
  return testRows(markdown).flatMap(({ line, cells, testCell }) => {
    if (cells.some((cell) => /^[*_]*later\b/i.test(cell))) return [];
    const references = codeSpans(testCell).filter((span) => span.includes('.test.'));
    if (references.length === 0) return [{ file, line, message: 'the row names no test, and is not marked "later"' }];
    return references.flatMap((reference) => {
      const message = testProblem(root, reference);
      return message === undefined ? [] : [{ file, line, message }];
    });
  });
}

/**
 * @param {string} markdown
 * @returns {{ line: number, cells: string[], testCell: string }[]}
 */
function testRows(markdown) {
  const rows = proseLines(markdown).map(({ line, text }) => ({ line, cells: tableCells(text) }));
  let column = -1;
  return rows.flatMap(({ line, cells }, index) => {
    const next = rows[index + 1];
    const isHeader = next?.line === line + 1 && isSeparator(next.cells);
    if (isHeader || cells === undefined) {
      column = cells?.findIndex((cell) => /^tests?$/i.test(cell)) ?? -1;
      return [];
    }
    return column < 0 || isSeparator(cells) ? [] : [{ line, cells, testCell: cells[column] ?? '' }];
  });
}

/**
 * @param {string} text
 * @returns {string[] | undefined} undefined: not a row of a table
 */
function tableCells(text) {
  const row = text.trim();
  if (!row.startsWith('|')) return undefined;
  return row
    .replace(/^\||(?<!\\)\|$/g, '')
    .split(/(?<!\\)\|/)
    .map((cell) => cell.trim().replaceAll('\\|', '|'));
}

/** @param {string[] | undefined} cells */
function isSeparator(cells) {
  return cells?.every((cell) => /^:?-+:?$/.test(cell)) ?? false;
}

/**
 * @param {string} root
 * @param {string} reference `file › title`
 * @returns {string | undefined}
 */
function testProblem(root, reference) {
  const [path = '', ...titles] = reference.split(' › ').map((part) => part.trim());
  const file = join(root, path);
  if (!existsSync(file) || !statSync(file).isFile()) return `${path} does not exist`;
  if (titles.length === 0) return `${path} is named without a test (file › title)`;
  const source = readFileSync(file, 'utf8');
  const known = testTitles(source);
  const absent = titles.find((title) => !known.some((candidate) => isTitle(title, candidate)));
  return absent === undefined ? undefined : `${path} has no test "${absent}"`;
}

/**
 * The titles in a test file: string literals that open the arguments of a call and are followed by a comma. That takes
 * `it('…', …)`, `describe.each(rows)('…', …)` and a few strings that are no titles, which does no harm.
 *
 * @param {string} source
 * @returns {string[]}
 */
export function testTitles(source) {
  const literal = /\(\s*(?:'((?:[^'\\\n]|\\.)*)'|"((?:[^"\\\n]|\\.)*)"|`((?:[^`\\]|\\.)*)`)\s*,/g;
  return [...source.matchAll(literal)].map(([, single, double, template]) =>
    unescaped(single ?? double ?? template ?? ''),
  );
}

/** @param {string} text */
function unescaped(text) {
  return text.replace(/\\(.)/g, '$1');
}

/** What vitest fills in: `%s`, `$name`, `$rows.name`, `${name}`. */
const titleVariable = /%[sdifjoOc#$]|\$\{[^}]*\}|\$[A-Za-z_][\w.]*/g;

/**
 * Whether `candidate`, as written in the test file, is the title `title`, either as it is written or with its variables
 * filled in.
 *
 * @param {string} title
 * @param {string} candidate
 */
function isTitle(title, candidate) {
  if (title === candidate) return true;
  const parts = candidate.split(titleVariable);
  if (parts.length === 1 || parts.every((part) => part.trim() === '')) return false;
  return new RegExp(`^${parts.map(escapeForRegExp).join('.+')}$`, 's').test(title);
}

/** @param {string} text */
function escapeForRegExp(text) {
  return text.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&');
}

/**
 * All problems of the repository's documentation.
 *
 * @param {string} root
 * @returns {Problem[]}
 */
export function checkDocumentation(root) {
  return documentationFiles(root).flatMap((file) => {
    const markdown = readFileSync(join(root, file), 'utf8');
    const coverage = file === coverageFile ? checkCoverage(root, file, markdown) : [];
    return [...checkPaths(root, file, markdown), ...coverage];
  });
}

if (process.argv[1] !== undefined && realpathSync(process.argv[1]) === fileURLToPath(import.meta.url)) {
  const root = join(dirname(fileURLToPath(import.meta.url)), '..');
  const problems = checkDocumentation(root);
  for (const { file, line, message } of problems) process.stderr.write(`${file}:${line}: ${message}\n`);
  const files = documentationFiles(root).length;
  process.stdout.write(`${files} files of documentation checked, ${problems.length} problems\n`);
  if (problems.length > 0) process.exitCode = 1;
}
