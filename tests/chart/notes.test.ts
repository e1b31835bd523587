import { describe, expect, it } from 'vitest';
import { helm, serve, tools } from './scenarios.ts';
import type { Values } from './src/helm.ts';
import { Release } from './src/release.ts';

describe.skipIf(tools.helm === null)('NOTES', () => {
  it('say what to type next, and that can be typed', async () => {
    const notes = await helm.notes();
    expect(notes).toContain('helm test gatecast --namespace gatecast');
    expect(notes).toContain('kubectl --namespace gatecast port-forward service/gatecast-config-api 8080:8080');
    expect(notes).toContain("get secret gatecast-api-key -o jsonpath='{.data.api-key}'");
    expect(notes).toContain('Back up Secret gatecast-sealing');
    expect(notes).not.toMatch(/<no value>|%!|\{\{/);
  });

  it('name the address where there is one', async () => {
    const ingress = { enabled: true, host: 'api.example.com', tlsSecret: 'tls' };
    const notes = await helm.notes({ values: { configApi: { ingress } } });
    expect(notes).toContain('API=https://api.example.com');
    expect(notes).not.toContain('port-forward');
  });

  it.each<[what: string, values: Values, warning: RegExp]>([
    [
      'storage that goes with the pod',
      { nats: { bundled: { persistence: { enabled: false } } } },
      /persistence is off/,
    ],
    ['one NATS server', {}, /One NATS server/],
    ['a late sync', { nats: { bundled: { jetstream: { syncInterval: '2m' } } } }, /syncInterval is not "always"/],
    [
      'NATS without a password',
      { nats: { bundled: { enabled: false }, external: { url: 'nats://nats:4222' } } },
      /without a password/,
    ],
    ['no network policies', { networkPolicy: { enabled: false } }, /networkPolicy is off/],
    ['metrics that nobody may read', { monitoring: { podMonitor: { enabled: true } } }, /metricsFrom is empty/],
    ['an Ingress without TLS', { sensorIngest: { ingress: { enabled: true, host: 'a.example' } } }, /no TLS/],
    [
      'a proxy that is not trusted',
      { configApi: { ingress: { enabled: true, host: 'a' } } },
      /trustedProxies is empty/,
    ],
    ['brokers anywhere', { brokers: { allowedRanges: ['0.0.0.0/0'] } }, /every address/],
    ['a fleet of nobody', { fleets: { default: { replicas: 0 } } }, /fleets\.default\.replicas is 0/],
  ])('warn of %s', async (_what, values, warning) => {
    expect(await helm.notes({ values })).toMatch(warning);
  });

  it('name a fleet that an upgrade takes the publishers of', async () => {
    const before = Release.parse(await helm.template({ values: { fleets: { default: {}, north: {} } } }));
    const notes = await helm.notes({ server: await serve(before.manifests) });
    expect(notes).toContain('Fleet "north" has no publishers any more');
    expect(notes).not.toContain('Fleet "default" has no publishers');
  });
});
