import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { AedesBroker, MqttCollector, waitFor } from '@gatecast/shared/testing';
import { describe, expect, test } from 'vitest';
import { DemoRun } from './support/demo-run.ts';
import { descendantsOf } from './support/process-tree.ts';

const CLEAN = { code: 0, signal: null };

test('for a time: readings of all formats arrive, and everything ends by itself', async () => {
  await using demo = await DemoRun.start('--duration', '8');
  expect(await demo.firstMessage()).toBeLessThan(60);
  expect(descendantsOf(demo.process.pid).length).toBeGreaterThanOrEqual(6);
  const { baseUrl } = await demo.api();
  expect((await fetch(`${baseUrl}/docs`)).status).toBe(200);
  const openapi = (await (await fetch(`${baseUrl}/openapi.json`)).json()) as { openapi: string };
  expect(openapi.openapi).toMatch(/^3\.1/);

  expect(await demo.ended()).toEqual(CLEAN);
  for (let gateway = 33; gateway <= 37; gateway += 1) {
    expect(demo.output).toMatch(new RegExp(`^3942607000${gateway} .* MQTT_INFO_NO_ERR +\\d+ +[\\d.]+ s ago`, 'm'));
  }
  const { broker } = /publish to an embedded broker, mqtt:\/\/127\.0\.0\.1:(?<broker>\d+)/.exec(demo.output)!.groups!;
  expect(demo.output).toContain(`npx mqtt sub -h 127.0.0.1 -p ${broker} -t 'Aranet/#' -v`);
  expect(demo.output).toMatch(/^Aranet\/3942607000\d\d\/sensors\/\w{6}\//m);
  expect(demo.process.lines.at(-1)).toMatch(/^stopped; a subscriber saw \d+ messages$/);
  expect(await demo.leftovers()).toEqual([]);
});

test('a changed measurement interval changes the rate at the broker; Ctrl-C ends everything', async () => {
  await using demo = await DemoRun.start('--gateways', '1', '--sensors', '2', '--speed', '60', '--format', 'json');
  await using collector = await MqttCollector.start({ url: await demo.brokerUrl() });
  const gaps = () => {
    const times = collector
      .matching('Aranet/394260700033/sensors/3002FA/json/measurements')
      .map(({ payload }) => Number(JSON.parse(payload).time));
    return times.slice(1).map((time, index) => time - times[index]!);
  };
  await waitFor(() => gaps().length >= 3, { timeoutMs: 60_000 });
  expect(Math.max(...gaps())).toBeLessThanOrEqual(2);
  const api = await demo.api();
  await api.patchIntegration('394260700033', { measurementIntervalSeconds: 300 });
  await waitFor(() => gaps().filter((gap) => gap >= 4).length >= 2, { timeoutMs: 30_000 });
  expect(await demo.ended(() => demo.process.kill('SIGINT'))).toEqual(CLEAN);
  expect(await demo.leftovers()).toEqual([]);
});

test('at a broker of the user’s own: publishes there, and says offline at the end', async () => {
  await using broker = await AedesBroker.start({
    authenticate: ({ username, password }) => (username === 'me' && password === 'a/b') || 'not authorized',
  });
  const url = `mqtt://me:a%2Fb@127.0.0.1:${broker.port}`;
  await using demo = await DemoRun.start('--broker', url, '--gateways', '2', '--format', 'raw', '--interval', '1');
  await demo.firstMessage();
  expect(await demo.brokerUrl()).toBe(broker.url);
  expect(await demo.ended(() => demo.process.kill('SIGTERM'))).toEqual(CLEAN);
  const topics = new Set(broker.messages.map(({ topic }) => topic));
  expect(topics).toContain('Aranet/394260700033/sensors/3002FA/measurements/temperature');
  for (const gateway of ['394260700033', '394260700034']) {
    const said = broker.messages.filter(({ topic }) => topic === `Aranet/${gateway}/status`);
    expect(said.map(({ payload, retain }) => [payload, retain])).toEqual([
      ['online', true],
      ['offline', true],
    ]);
  }
  expect(demo.output).not.toContain('a/b');
});

describe('leaves no process behind', () => {
  test('when it is stopped while it starts', async () => {
    await using demo = await DemoRun.start();
    await demo.line(/^starting/);
    await waitFor(() => descendantsOf(demo.process.pid).length >= 1, { timeoutMs: 30_000 });
    expect(await demo.ended(() => demo.process.kill('SIGHUP'))).toEqual(CLEAN);
    expect(await demo.leftovers()).toEqual([]);
  });

  test('when its parent is killed', async () => {
    await using parent = await DemoRun.startAsChild('--gateways', '2');
    await parent.firstMessage();
    expect(await parent.ended(() => parent.process.kill('SIGKILL'))).toEqual({ code: null, signal: 'SIGKILL' });
    await waitFor(async () => (await parent.leftovers()).length === 0);
  });

  test('when it is killed itself', async () => {
    await using demo = await DemoRun.start('--gateways', '1');
    await demo.firstMessage();
    expect(await demo.ended(() => demo.process.kill('SIGKILL'))).toEqual({ code: null, signal: 'SIGKILL' });
  });
});

test('a service that dies is named, with what it said last, and the logs are kept', async () => {
  await using demo = await DemoRun.start('--gateways', '1');
  await demo.firstMessage();
  const [, folder = ''] = await demo.line(/^Logs +(\S+)$/);
  const encoder = descendantsOf(demo.process.pid).find(({ command }) => command.includes('services/encoder'));
  expect(await demo.ended(() => process.kill(encoder!.pid, 'SIGKILL'))).toEqual({ code: 1, signal: null });
  expect(demo.output).toMatch(
    /^encoder has ended by itself \(SIGKILL\); its last lines:\n {2}\{.*"service":"encoder"/m,
  );
  expect(demo.process.lines.at(-1)).toBe(`the logs are kept in ${folder}`);
  expect(await readFile(join(folder, 'mqtt-publisher.log'), 'utf8')).toContain('"message":"ready"');
});

test('a wrong command line is refused before anything starts', async () => {
  await using demo = await DemoRun.start('--gatways', '3');
  expect(await demo.ended()).toEqual({ code: 2, signal: null });
  expect(demo.output).toContain('--gatways');
  expect(demo.output).toContain('usage: npm run demo');
  expect(await demo.leftovers()).toEqual([]);
});
