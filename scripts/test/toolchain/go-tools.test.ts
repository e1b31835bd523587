import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { ensureGoTool, type GoTool } from '../../toolchain/go-tools.mjs';
import { fakeExecutable, readLines, type TestContext, testContext } from '../helpers.ts';

const tool: GoTool = {
  name: 'helm',
  module: 'example.org/helm/v4/cmd/helm',
  version: '4.3.1',
  alsoCalled: ['helm4'],
  probe: ['version', '--short'],
  accepts: /^v4\./,
};

describe('a tool that Go can build', () => {
  let context: TestContext;
  let cached: string;
  let journal: string;

  beforeEach(() => {
    context = testContext();
    cached = join(context.tools, 'go', 'helm-4.3.1', 'bin', 'helm');
    journal = join(context.root, 'journal');
  });

  const inPath = (name: string, version: string): string =>
    fakeExecutable(join(context.root, 'bin', name), `[ "$*" = "version --short" ] && echo "${version}"`);
  const fakeGo = (): string =>
    fakeExecutable(
      join(context.root, 'bin', 'go'),
      `echo "$*" >> "${journal}"
       /bin/mkdir -p "$GOBIN"
       printf '#!/bin/sh\\n' > "$GOBIN/helm"
       /bin/chmod +x "$GOBIN/helm"`,
    );

  it('is taken from the cache, without being asked', async () => {
    fakeExecutable(cached, 'exit 1');
    inPath('helm', 'v4.0.0');
    expect(await ensureGoTool(context, tool)).toEqual({ path: cached });
  });

  it('is taken from PATH when its version will do, under any of its names', async () => {
    inPath('helm', 'v3.19.0+g0000000');
    const path = inPath('helm4', 'v4.1.0+g0000000');
    fakeGo();
    expect(await ensureGoTool(context, tool)).toEqual({ path });
    expect(readLines(journal)).toEqual([]);
  });

  it('is built into the cache else', async () => {
    inPath('helm', 'v3.19.0');
    fakeGo();
    expect(await ensureGoTool(context, tool)).toEqual({ path: cached });
    expect(readLines(journal)).toEqual(['install example.org/helm/v4/cmd/helm@v4.3.1']);
    expect(existsSync(cached)).toBe(true);
  });

  it('is built by one process at a time', async () => {
    fakeGo();
    const found = await Promise.all([ensureGoTool(context, tool), ensureGoTool(context, tool)]);
    expect(found).toEqual([{ path: cached }, { path: cached }]);
    expect(readLines(journal)).toHaveLength(1);
  });

  it('is not built unasked', async () => {
    fakeGo();
    const { problem } = await ensureGoTool(context, tool, { build: false });
    expect(problem).toBe('there is no helm 4.3.1 in .tools/ or in PATH');
    expect(readLines(journal)).toEqual([]);
  });

  it('is a problem in the words of Go, and nothing is left', async () => {
    fakeExecutable(join(context.root, 'bin', 'go'), 'echo "go: requires go >= 1.99" >&2; exit 1');
    const { problem } = await ensureGoTool(context, tool);
    expect(problem).toBe('go install example.org/helm/v4/cmd/helm@v4.3.1 failed: go: requires go >= 1.99');
    expect(existsSync(join(context.tools, 'go', 'helm-4.3.1'))).toBe(false);
  });
});
