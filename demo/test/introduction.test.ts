import { expect, test } from 'vitest';
import { type DemoOptions, parseArguments } from '../src/arguments.ts';
import { introduction } from '../src/introduction.ts';

function introduced(...argv: string[]): string {
  const demo = parseArguments(argv) as DemoOptions;
  return introduction({
    demo,
    broker: demo.broker ?? { host: '127.0.0.1', port: 40_001, tls: false },
    rootTopic: 'Aranet',
    apiUrl: 'http://127.0.0.1:8080',
    ingestUrl: 'http://127.0.0.1:8081',
    apiKey: 'key',
    workspace: 'default',
    gatewayId: '394260700033',
    logFolder: '/tmp/logs',
  }).join('\n');
}

test('has what there is to try, ready to be copied', () => {
  const text = introduced();
  const gateway = 'http://127.0.0.1:8080/v1/workspaces/default/gateways/394260700033';
  for (const part of [
    '5 gateways with 4 sensors each publish to an embedded broker, mqtt://127.0.0.1:40001',
    'a reading every 2 s',
    'http://127.0.0.1:8080/docs',
    'http://127.0.0.1:8080/openapi.json',
    'Readings go to     http://127.0.0.1:8081\n',
    "npx mqtt sub -h 127.0.0.1 -p 40001 -t 'Aranet/#' -v",
    "curl -s -H 'Authorization: Bearer key' http://127.0.0.1:8080/v1/workspaces/default/gateways\n",
    `curl -s -H 'Authorization: Bearer key' ${gateway}/integrations/mqtt/status`,
    `-d '{"measurementIntervalSeconds":120}' ${gateway}/integrations/mqtt`,
    '/tmp/logs',
  ]) {
    expect(text).toContain(part);
  }
});

test('of a broker of the user’s own, without the password', () => {
  const text = introduced('--broker', 'mqtts://me:secret@broker.example.org', '--interval', '5');
  expect(text).toContain('publish to mqtts://broker.example.org:8883\n');
  expect(text).toContain('Every sensor sends a reading every 5 s.');
  expect(text).not.toContain('secret');
  expect(text).not.toContain('measurementIntervalSeconds');
});
