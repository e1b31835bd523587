import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { ensureKubeSchemas, kubernetesVersions, schemasFolder, standalone } from '../../toolchain/kube-schemas.mjs';
import { fakeExecutable, readLines, type TestContext, testContext } from '../helpers.ts';

describe('a schema that needs no other', () => {
  const ref = (name: string) => ({ $ref: `/api/_definitions.json#/$defs/${name}` });

  it('has what it refers to, directly or not, and nothing else', () => {
    const definitions = {
      spec: { properties: { name: ref('text') } },
      text: { type: 'string' },
      other: { type: 'number' },
    };
    expect(standalone({ $id: '/api/pod-v1.json', properties: { spec: ref('spec') } }, definitions)).toEqual({
      properties: { spec: { $ref: '#/$defs/spec' } },
      additionalProperties: false,
      $defs: {
        spec: { properties: { name: { $ref: '#/$defs/text' } }, additionalProperties: false },
        text: { type: 'string' },
      },
    });
  });

  it('ends where definitions refer to themselves', () => {
    const definitions = { node: { properties: { next: ref('node') } } };
    expect(standalone({ properties: { first: ref('node') } }, definitions).$defs).toEqual({
      node: { properties: { next: { $ref: '#/$defs/node' } }, additionalProperties: false },
    });
  });

  it('loses descriptions, not properties of that name, and keeps open what is meant to be', () => {
    const open = { properties: {}, 'x-kubernetes-preserve-unknown-fields': true };
    const schema = { description: 'long', properties: { description: { type: 'string' }, open } };
    expect(standalone(schema, {}).properties).toEqual({ description: { type: 'string' }, open });
    expect(standalone(schema, {})).not.toHaveProperty('description');
  });

  it('is none where a definition is missing', () => {
    expect(() => standalone({ properties: { a: ref('gone') } }, {})).toThrow('there is no definition gone');
  });
});

describe('the schemas of Kubernetes', () => {
  let context: TestContext;
  let journal: string;

  beforeEach(() => {
    context = testContext();
    journal = join(context.root, 'journal');
  });

  /** A pip that unpacks these versions. */
  const fakePip = (versions: readonly string[]): void => {
    const kind =
      '{"x-kubernetes-group-version-kind":[{"kind":"Pod"}],"properties":{"spec":{"$ref":"/api/_definitions.json#/$defs/spec"}}}';
    const part = '{"properties":{}}';
    const folders = versions.map(
      (version) => `
      folder="$target/kubernetes_validate/kubernetes-json-schema/v${version}.0-local-strict"
      /bin/mkdir -p "$folder"
      echo '{"$defs":{"spec":{"properties":{}}}}' > "$folder/_definitions.json"
      echo '${kind}' > "$folder/pod-v1.json"
      echo '${part}' > "$folder/podspec-v1.json"`,
    );
    fakeExecutable(
      join(context.root, 'bin', 'python3'),
      `echo "$*" >> "${journal}"
       [ "$3" = --version ] && exit 0
       for argument; do [ "$previous" = --target ] && target=$argument; previous=$argument; done
       ${folders.join('')}`,
    );
  };

  it('come from a package, once', async () => {
    fakePip(kubernetesVersions);
    const folder = schemasFolder(context);
    expect(await ensureKubeSchemas(context)).toEqual({ path: folder });
    expect(await ensureKubeSchemas(context)).toEqual({ path: folder });
    expect(readLines(journal)).toHaveLength(2);
    for (const version of kubernetesVersions) {
      const pod = JSON.parse(readFileSync(join(folder, `v${version}`, 'pod-v1.json'), 'utf8'));
      expect(pod.$defs).toEqual({ spec: { properties: {}, additionalProperties: false } });
      expect(existsSync(join(folder, `v${version}`, 'podspec-v1.json'))).toBe(false);
    }
    expect(existsSync(join(folder, 'package'))).toBe(false);
  });

  it('are a problem when the package lacks a version', async () => {
    fakePip(kubernetesVersions.slice(1));
    const { problem } = await ensureKubeSchemas(context);
    expect(problem).toMatch(/it has no schemas of Kubernetes 1\.30$/);
    expect(existsSync(schemasFolder(context))).toBe(false);
  });
});
