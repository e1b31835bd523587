import type { GatewayRecord } from '@gatecast/shared/model';
import { expect, onTestFinished, test } from 'vitest';
import { Gateway } from '../../src/application/gateway.ts';
import type { MqttConnector } from '../../src/application/ports.ts';
import { LineHarness } from '../support/line-harness.ts';

const RECORD: GatewayRecord = {
  gatewayId: 'gw-1',
  workspace: 'ws',
  fleet: 'default',
  incarnation: 'first',
  createdAt: '2026-01-01T00:00:00.000Z',
  ingestTokenHash: '0'.repeat(64),
  mqtt: { host: 'broker.example' },
};

/** A gateway whose broker refuses every attempt, after `onAttempt`. */
function refused(onAttempt: () => void = () => {}) {
  const harness = new LineHarness();
  let [attempts, connects, confirmations] = [0, 0, 0];
  const connector: MqttConnector = {
    async connect(_settings, { owner }) {
      attempts += 1;
      onAttempt();
      if (owner.isValid()) connects += 1;
      return { ok: false, failure: { phase: 'tcp', code: 'ECONNREFUSED' } };
    },
  };
  const confirm = harness.lease.confirm.bind(harness.lease);
  harness.lease.confirm = () => {
    confirmations += 1;
    return confirm();
  };
  const statuses: string[] = [];
  const entry = { value: RECORD, revision: 1 };
  const gateway = new Gateway(entry, undefined, undefined, { ...harness.context, connector }, ({ code }) => {
    statuses.push(code);
  });
  onTestFinished(() => gateway.abort());
  gateway.start();
  return { harness, gateway, statuses, counts: () => ({ attempts, connects, confirmations }) };
}

test('asks whose the lease is before every attempt but the first', async () => {
  const { harness, counts } = refused();
  await harness.settle();
  expect(counts()).toEqual({ attempts: 1, connects: 1, confirmations: 0 });
  await harness.clock.advance(60_000);
  expect(counts().attempts).toBeGreaterThan(2);
  expect(counts().confirmations).toBe(counts().attempts - 1);
});

test('answers a takeover with nothing', async () => {
  const { harness, counts } = refused();
  await harness.settle();
  harness.lease.confirm = async () => false; // the deadline has not noticed yet
  await harness.clock.advance(60_000);
  expect(counts().attempts).toBe(1);
  harness.lease.confirm = async () => true;
  await harness.clock.advance(1_000);
  expect(counts().attempts).toBeGreaterThan(1);
});

test('writes no CONNECT when the lease has run out on the way there, and blames nobody for it', async () => {
  const lease: { current?: LineHarness['lease'] } = {};
  const { harness, gateway, counts, statuses } = refused(() => {
    if (lease.current) lease.current.valid = false;
  });
  await harness.settle();
  lease.current = harness.lease;
  const before = statuses.length;
  await harness.clock.advance(2_000);
  expect(counts()).toMatchObject({ attempts: 2, connects: 1 });
  expect(statuses).toHaveLength(before);
  await harness.clock.advance(60_000);
  expect(counts().attempts).toBe(2);
  delete lease.current;
  harness.lease.valid = true;
  gateway.resume();
  await harness.settle();
  expect(counts()).toMatchObject({ attempts: 3, connects: 2 });
});
