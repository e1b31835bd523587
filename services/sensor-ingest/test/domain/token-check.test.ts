import { GatecastError } from '@gatecast/shared/errors';
import { expect, test } from 'vitest';
import { checkToken } from '../../src/domain/token-check.ts';
import { FakeGatewayDirectory, gatewayRecord } from '../support/fakes.ts';

function directoryOf(...gateways: [id: string, token: string][]): FakeGatewayDirectory {
  const directory = new FakeGatewayDirectory();
  for (const [id, token] of gateways) directory.add(gatewayRecord(id, token));
  return directory;
}

test('accepts the gateway’s own token and says which record it belongs to', async () => {
  const directory = directoryOf(['a', 'token-a']);
  expect(await checkToken('a', 'Bearer token-a', directory)).toEqual({
    outcome: 'accepted',
    gateway: gatewayRecord('a', 'token-a'),
  });
  expect(directory.asked).toEqual([]);
});

test.each(['bearer token-a', 'BEARER   token-a'])('accepts the notation %s', async (header) => {
  expect(await checkToken('a', header, directoryOf(['a', 'token-a']))).toMatchObject({ outcome: 'accepted' });
});

test.each([
  undefined,
  '',
  'Bearer',
  'Bearer ',
  'token-a',
  'Bearertoken-a',
  'Basic token-a',
  'Bearer token-a extra',
  'Bearer token-a,',
  ' Bearer token-a',
  `Bearer ${'x'.repeat(300)}`,
])('refuses the header %j without asking anybody', async (header) => {
  const directory = directoryOf(['a', 'token-a']);
  expect(await checkToken('a', header, directory)).toEqual({ outcome: 'unauthorized' });
  expect(directory.asked).toEqual([]);
});

test('refuses an id that no gateway can have without asking anybody', async () => {
  const directory = directoryOf(['a', 'token-a']);
  expect(await checkToken('a.>', 'Bearer token-b', directory)).toEqual({ outcome: 'unauthorized' });
  expect(directory.asked).toEqual([]);
});

test('tells the token of another gateway from one that nobody has', async () => {
  const directory = directoryOf(['a', 'token-a'], ['b', 'token-b']);
  expect(await checkToken('a', 'Bearer token-b', directory)).toEqual({ outcome: 'forbidden' });
  expect(await checkToken('nobody', 'Bearer token-b', directory)).toEqual({ outcome: 'forbidden' });
  expect(await checkToken('a', 'Bearer token-c', directory)).toEqual({ outcome: 'unauthorized' });
  expect(await checkToken('nobody', 'Bearer token-c', directory)).toEqual({ outcome: 'unauthorized' });
});

test('asks the source about a gateway registered a moment ago', async () => {
  const directory = directoryOf(['a', 'token-a']);
  directory.addAtSource(gatewayRecord('new', 'token-new'));
  expect(await checkToken('new', 'Bearer token-new', directory)).toMatchObject({ outcome: 'accepted' });
  expect(await checkToken('new', 'Bearer token-x', directory)).toEqual({ outcome: 'unauthorized' });
});

test('asks the source about a token changed a moment ago', async () => {
  const directory = directoryOf(['a', 'token-a']);
  directory.addAtSource(gatewayRecord('a', 'token-2'));
  expect(await checkToken('a', 'Bearer token-2', directory)).toMatchObject({ outcome: 'accepted' });
});

test('does not take a source that is silent for a refusal', async () => {
  const directory = directoryOf();
  directory.failure = new GatecastError('NATS_UNAVAILABLE', 'away');
  await expect(checkToken('a', 'Bearer token-a', directory)).rejects.toMatchObject({ code: 'NATS_UNAVAILABLE' });
});

test('a record with a damaged hash lets nobody in', async () => {
  const directory = directoryOf();
  directory.add(gatewayRecord('a', 'token-a', { ingestTokenHash: 'abc' }));
  expect(await checkToken('a', 'Bearer token-a', directory)).toEqual({ outcome: 'unauthorized' });
});
