import { describe, expect, it } from 'vitest';
import { helm, install, serve, tools, volumesOf } from './scenarios.ts';
import type { Values } from './src/helm.ts';
import { Release } from './src/release.ts';

const keda = { enabled: true, serverAddress: 'http://prometheus:9090' };

describe.skipIf(tools.helm === null)('combinations that cannot work are refused', () => {
  it.each<[what: string, values: Values, message: string]>([
    ['two NATS', { nats: { external: { url: 'nats://nats:4222' } } }, 'there is one NATS'],
    ['no NATS', { nats: { bundled: { enabled: false } } }, 'There is no NATS'],
    ['two servers', { nats: { bundled: { replicas: 2 } } }, 'nats.bundled.replicas is 2'],
    ['TLS without a certificate', { nats: { bundled: { tls: { enabled: true } } } }, 'nats.bundled.tls.existingSecret'],
    ['streams that do not fit', { storage: { readingsMaxBytes: '20Gi' } }, 'Lower the limits in storage'],
    [
      'a limit above the volume',
      { nats: { bundled: { jetstream: { maxFileStore: '20Gi' } } } },
      'the disk would be full before JetStream refuses',
    ],
    ['no fleet', { fleets: { default: null } }, 'fleets is empty'],
    ['a default fleet that is none', { configApi: { defaultFleet: 'north' } }, 'configApi.defaultFleet is "north"'],
    [
      'HPA and KEDA',
      { fleets: { default: { autoscaling: { hpa: { enabled: true }, keda } } } },
      'fleets.default.autoscaling: hpa and keda are both enabled',
    ],
    [
      'the same for all fleets',
      { fleetDefaults: { autoscaling: { hpa: { enabled: true }, keda } } },
      'fleets.default.autoscaling: hpa and keda are both enabled',
    ],
    [
      'fewer at most than at least',
      { encoder: { autoscaling: { hpa: { enabled: true, minReplicas: 5, maxReplicas: 2 } } } },
      'encoder.autoscaling.hpa: minReplicas is more than maxReplicas',
    ],
    [
      'more publishers than partitions',
      { partitions: 4, fleetDefaults: { replicas: 5 } },
      'fleets.default.replicas is more than partitions (4)',
    ],
    [
      'more publishers at most than partitions',
      { partitions: 2, fleetDefaults: { autoscaling: { hpa: { enabled: true } } } },
      'fleets.default.autoscaling.hpa.maxReplicas is more than partitions (2)',
    ],
    [
      'a scaler that goes by nothing',
      { fleetDefaults: { autoscaling: { hpa: { enabled: true, cpuPercent: null } } } },
      'fleets.default.autoscaling.hpa has nothing to scale by',
    ],
    [
      'KEDA without Prometheus',
      { fleetDefaults: { autoscaling: { keda: { enabled: true } } } },
      'fleets.default.autoscaling.keda.serverAddress is empty',
    ],
    ['an Ingress for no host', { configApi: { ingress: { enabled: true } } }, 'configApi.ingress.enabled needs'],
    [
      'a route to no gateway',
      { sensorIngest: { gatewayApi: { enabled: true } } },
      'sensorIngest.gatewayApi.enabled needs',
    ],
    [
      'two services at one address',
      {
        configApi: { ingress: { enabled: true, host: 'a.example' } },
        sensorIngest: { ingress: { enabled: true, host: 'a.example' } },
      },
      'the same host and path',
    ],
    [
      'two monitors',
      { monitoring: { podMonitor: { enabled: true }, serviceMonitor: { enabled: true } } },
      'every metric would be counted twice',
    ],
    [
      'a sealing key that is not there yet',
      { secrets: { sealing: { active: 2 } } },
      'secrets.sealing.active is more than',
    ],
  ])('%s', async (_what, values, message) => {
    expect(await helm.refusal({ values })).toContain(message);
  });

  it('all of them at once', async () => {
    const refusal = await helm.refusal({ values: { nats: { bundled: { replicas: 2 } }, fleets: { default: null } } });
    expect(refusal).toContain('nats.bundled.replicas is 2');
    expect(refusal).toContain('fleets is empty');
  });

  const fixed: [what: string, values: Values, message: string][] = [
    ['partitions', { partitions: 32 }, 'partitions was 64 when this release was installed'],
    ['the time of leases', { leaseTtlMs: 3_000 }, 'leaseTtlMs was 12000 when this release was installed'],
    [
      'three servers in place of one',
      { nats: { bundled: { replicas: 3 } } },
      'the volumes that are there are those of 1',
    ],
  ];

  it.each(fixed)('what is fixed at install, at an upgrade: %s', async (_what, values, message) => {
    const { server } = await install();
    expect(await helm.refusal({ server, values, isUpgrade: true })).toContain(message);
  });

  it.each(fixed)('what is fixed at install, at an install over the volumes of a former release: %s', async (...row) => {
    const [, values, message] = row;
    const server = await serve(volumesOf(Release.parse(await helm.template())));
    expect(await helm.refusal({ server, values })).toContain(message);
    expect(await helm.tryTemplate({ server })).toMatchObject({ code: 0 });
  });
});
