import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { helm, tools } from './scenarios.ts';
import { CHART, type Values } from './src/helm.ts';

interface Schema {
  readonly $ref?: string;
  readonly type?: string | readonly string[];
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly definitions?: Readonly<Record<string, Schema>>;
  readonly additionalProperties?: boolean | Schema;
  readonly allOf?: readonly Schema[];
  readonly anyOf?: readonly Schema[];
  readonly items?: Schema;
}

const schema: Schema = JSON.parse(readFileSync(join(CHART, 'values.schema.json'), 'utf8'));
const defaults: Values = parse(readFileSync(join(CHART, 'values.yaml'), 'utf8'));

describe('values.schema.json', () => {
  it('refuses what it does not know, in every object whose properties it names', () => {
    // What is requested and limited has names of its own.
    const free = ['#/nats/bundled/resources', '#/nats/bundled/resources/limits'];
    expect(openObjects(schema, '#').filter((path) => !free.includes(path))).toEqual([]);
  });

  it('knows exactly what values.yaml documents', () => {
    const unusual = (path: string) => path === 'global' || path.endsWith('.resources.claims');
    expect(undocumented(schema, defaults, '').filter((path) => !unusual(path))).toEqual([]);
  });
});

describe.skipIf(tools.helm === null)('good values', () => {
  it.each<[what: string, values: Values]>([
    ['a fleet that goes', { fleets: { default: {}, north: null } }],
    [
      'a fleet with a bit of everything',
      { fleets: { default: { replicas: 0, drainMs: 1, nodeFlags: ['--expose-gc'] } } },
    ],
    [
      'settings by variables',
      { encoder: { extraEnv: { GATECAST_LOG_LEVEL: 'debug', GATECAST_BATCH_MAX_MESSAGES: 10 } } },
    ],
    ['bytes as a number', { storage: { readingsMaxBytes: 536_870_912 } }],
    ['an IPv6 range', { brokers: { allowedRanges: ['fd00::/8'] } }],
    ['brokers of the own namespace', { brokers: { inCluster: [{ ports: [1883] }] } }],
    ['values of a parent chart', { global: { anything: 1 } }],
    ['a share of pods that may be away', { encoder: { pdb: { maxUnavailable: '50%' } } }],
  ])('%s', async (_what, values) => {
    expect(await helm.tryTemplate({ values })).toMatchObject({ code: 0 });
  });
});

describe.skipIf(tools.helm === null)('bad values are refused, and named', () => {
  it.each<[what: string, values: Values, path: string, message: RegExp]>([
    ['a misspelt section', { fleet: {} }, '', /additional propert.*fleet/i],
    ['a misspelt key', { image: { tags: '1' } }, '/image', /tags/],
    ['a misspelt key of a fleet', { fleets: { default: { replica: 2 } } }, '/fleets/default', /replica/],
    ['a list of fleets', { fleets: [{ name: 'north' }] }, '/fleets', /object/],
    ['a fleet in capitals', { fleets: { North: {} } }, "'North'", /pattern/],
    ['half a publisher', { fleets: { default: { replicas: 1.5 } } }, '/fleets/default/replicas', /integer/],
    ['text for a number', { partitions: '64' }, '/partitions', /integer/],
    ['no partitions', { partitions: 0 }, '/partitions', /minimum/],
    ['a log level that is none', { logLevel: 'verbose' }, '/logLevel', /trace/],
    ['a pull policy that is none', { image: { pullPolicy: 'Sometimes' } }, '/image/pullPolicy', /IfNotPresent/],
    ['no repository', { image: { repository: '' } }, '/image/repository', /minLength/],
    ['bytes with a fraction', { storage: { readingsMaxBytes: '1.5Gi' } }, '/storage/readingsMaxBytes', /pattern/],
    ['an address for a range', { brokers: { allowedRanges: ['10.0.0.1'] } }, '/brokers/allowedRanges/0', /pattern/],
    ['a URL of another kind', { nats: { external: { url: 'http://nats:4222' } } }, '/nats/external/url', /pattern/],
    [
      'a server without a limit',
      { nats: { bundled: { resources: { limits: null } } } },
      '/nats/bundled/resources',
      /limits/,
    ],
    [
      'sync every now and then',
      { nats: { bundled: { jetstream: { syncInterval: '2h' } } } },
      '/nats/bundled',
      /pattern/,
    ],
    ['a port beyond all ports', { brokers: { ports: [70_000] } }, '/brokers/ports/0', /maximum/],
    ['a variable in small letters', { encoder: { extraEnv: { foo: 'x' } } }, "'foo'", /pattern/],
    ['a list as a variable', { encoder: { extraEnv: { FOO: ['x'] } } }, '/encoder/extraEnv/FOO', /string/],
    ['a flag that is none', { fleetDefaults: { nodeFlags: ['max'] } }, '/fleetDefaults/nodeFlags/0', /pattern/],
    [
      'a scaler for the API',
      { configApi: { autoscaling: { hpa: { enabled: true } } } },
      '/configApi/autoscaling',
      /false/,
    ],
    ['a drain beyond the deadline', { fleetDefaults: { drainMs: 20_000 } }, '/fleetDefaults/drainMs', /maximum/],
    [
      'a Service of another kind',
      { configApi: { service: { type: 'ExternalName' } } },
      '/configApi/service/type',
      /ClusterIP/,
    ],
    ['a negative generation', { secrets: { apiKey: { generation: 0 } } }, '/secrets/apiKey/generation', /minimum/],
    [
      'KEDA down to nothing',
      { fleetDefaults: { autoscaling: { keda: { minReplicas: 0 } } } },
      '/fleetDefaults',
      /minimum/,
    ],
  ])('%s', async (_what, values, path, message) => {
    const refusal = await helm.refusal({ values });
    expect(refusal).toContain(path);
    expect(refusal).toMatch(message);
  });
});

/** Objects that name their properties and take others as well. */
function openObjects(node: Schema, path: string): string[] {
  const own = node.properties !== undefined && node.additionalProperties === undefined && path !== '#' ? [path] : [];
  const children: [string, Schema][] = [
    ...Object.entries({ ...node.properties, ...node.definitions }),
    ...[...(node.allOf ?? []), ...(node.anyOf ?? [])].map((child, index): [string, Schema] => [String(index), child]),
    ...(node.items ? [['items', node.items] as [string, Schema]] : []),
  ];
  return [...own, ...children.flatMap(([name, child]) => openObjects(child, `${path}/${name}`))];
}

/** Properties that one of the two has and the other has not. */
function undocumented(node: Schema, values: unknown, path: string): string[] {
  const { properties } = resolved(node);
  if (properties === undefined || typeof values !== 'object' || values === null) return [];
  const known = new Map(Object.entries(values));
  return Object.entries(properties).flatMap(([name, child]) => {
    const below = path === '' ? name : `${path}.${name}`;
    return known.has(name) ? undocumented(child, known.get(name), below) : [below];
  });
}

function resolved(node: Schema): Schema {
  const name = node.$ref?.replace('#/definitions/', '') ?? '';
  return schema.definitions?.[name] ?? node;
}
