import type { DemoOptions } from './arguments.ts';
import { type BrokerAddress, subscribeCommand, urlOf } from './broker-address.ts';
import { count } from './view/text.ts';

export interface IntroductionOptions {
  readonly demo: DemoOptions;
  readonly broker: BrokerAddress;
  readonly rootTopic: string;
  readonly apiUrl: string;
  readonly ingestUrl: string;
  readonly apiKey: string;
  readonly workspace: string;
  /** One of the gateways, for the examples. */
  readonly gatewayId: string;
  readonly logFolder: string;
}

/** What runs, and what to try with it: lines with commands that are ready to be copied. Pure. */
export function introduction(options: IntroductionOptions): string[] {
  const { demo, broker, rootTopic, apiUrl, ingestUrl, apiKey, workspace, gatewayId, logFolder } = options;
  const gateways = `${apiUrl}/v1/workspaces/${workspace}/gateways`;
  const curl = `curl -s -H 'Authorization: Bearer ${apiKey}'`;
  const patch = `${curl} -X PATCH -H 'If-Match: *' -H 'Content-Type: application/merge-patch+json'`;
  const integration = `${gateways}/${gatewayId}/integrations/mqtt`;
  return [
    `${count(demo.gateways)} gateways with ${count(demo.sensors)} sensors each publish to ${demo.broker ? '' : 'an embedded broker, '}${urlOf(broker)}`,
    paceText(demo),
    '',
    `API documentation  ${apiUrl}/docs`,
    `OpenAPI            ${apiUrl}/openapi.json`,
    `Readings go to     ${ingestUrl}`,
    `Logs               ${logFolder}`,
    '',
    'Subscribe:',
    `  ${subscribeCommand(broker, rootTopic)}`,
    'Ask the API for all gateways, or for what one delivers:',
    `  ${curl} ${gateways}`,
    `  ${curl} ${integration}/status`,
    'Change a setting, for example:',
    `  ${patch} -d '${JSON.stringify(exampleOf(demo))}' ${integration}`,
    'End with Ctrl-C.',
    '',
  ];
}

function paceText({ intervalSeconds, speed }: DemoOptions): string {
  if (intervalSeconds !== undefined) return `Every sensor sends a reading every ${intervalSeconds} s.`;
  const every = Number((60 / speed).toFixed(2));
  return `Time runs ${speed} times faster: a measurement interval of 60 s is a reading every ${every} s.`;
}

function exampleOf({ intervalSeconds }: DemoOptions): object {
  return intervalSeconds === undefined ? { measurementIntervalSeconds: 120 } : { format: 'raw' };
}
