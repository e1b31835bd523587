import type { SensorInfo } from '@gatecast/shared/model';
import type { MqttMessage } from '@gatecast/shared/outbox';
import { describe, expect, it } from 'vitest';
import { type AnnouncedRecord, planMetadata } from '../../src/domain/metadata.ts';
import { GATEWAY, integrationOf } from './samples.ts';

type Settings = Parameters<typeof integrationOf>[0];

interface Situation {
  name?: string;
  sensors?: Record<string, SensorInfo>;
  settings?: Settings;
  incarnation?: string;
}

const HALL: Situation = { name: 'Hall', sensors: { '3002FA': { name: 'Desk', productNumber: 'TDSPC003' } } };

function plan({ name, sensors = {}, settings, incarnation = 'A' }: Situation, announced?: AnnouncedRecord) {
  return planMetadata(
    { gatewayId: GATEWAY, incarnation, gatewayName: name, integration: integrationOf(settings), sensors },
    announced,
  );
}

/** What is announced after `situation`, beginning with nothing. */
function announcedAfter(situation: Situation): AnnouncedRecord {
  const { announced } = plan(situation);
  if (!announced) throw new Error('nothing was announced');
  return announced;
}

const shown = (messages: MqttMessage[]) =>
  messages.map(({ topic, payload }) => `${topic} = ${Buffer.from(payload).toString()}`);

const ALL_OF_HALL = [
  `Aranet/${GATEWAY}/name = Hall`,
  `Aranet/${GATEWAY}/sensors/3002FA/name = Desk`,
  `Aranet/${GATEWAY}/sensors/3002FA/productNumber = TDSPC003`,
];

describe('planMetadata', () => {
  it('publishes everything at first, retained', () => {
    const { messages, announced } = plan(HALL);
    expect(shown(messages)).toEqual(ALL_OF_HALL);
    expect(messages.every(({ retain }) => retain)).toBe(true);
    expect(announced).toEqual({
      incarnation: 'A',
      host: 'broker.example',
      port: 1883,
      rootTopic: 'Aranet',
      layoutVersion: 1,
      format: 'json',
      topics: { name: 'Hall', 'sensors/3002FA/name': 'Desk', 'sensors/3002FA/productNumber': 'TDSPC003' },
    });
  });

  it('has nothing to do, and nothing to record, when nothing changed', () => {
    expect(plan(HALL, announcedAfter(HALL))).toEqual({ messages: [], announced: undefined, refused: 0 });
  });

  it('records nothing where nothing is known', () => {
    expect(plan({})).toEqual({ messages: [], announced: undefined, refused: 0 });
  });

  it.each<[string, Situation, string[]]>([
    ['a changed name', { ...HALL, name: 'Lobby' }, [`Aranet/${GATEWAY}/name = Lobby`]],
    [
      'a new sensor',
      { ...HALL, sensors: { ...HALL.sensors, AB: { group: 'Cellar', groupId: '7' } } },
      [`Aranet/${GATEWAY}/sensors/AB/group = Cellar`, `Aranet/${GATEWAY}/sensors/AB/groupId = 7`],
    ],
    [
      'what no longer applies, as an empty message',
      { sensors: { '3002FA': { productNumber: 'TDSPC003', name: '' } } },
      [`Aranet/${GATEWAY}/name = `, `Aranet/${GATEWAY}/sensors/3002FA/name = `],
    ],
    ['everything after a change of format', { ...HALL, settings: { format: 'raw' } }, ALL_OF_HALL],
    ['everything after a change of host', { ...HALL, settings: { host: 'other.example' } }, ALL_OF_HALL],
    ['everything after a change of port', { ...HALL, settings: { port: 1884 } }, ALL_OF_HALL],
    ['everything to the broker of a new registration', { ...HALL, incarnation: 'B' }, ALL_OF_HALL],
    [
      'everything under a new root, and clears the old one',
      { ...HALL, settings: { rootTopic: 'New/Root' } },
      [
        `Aranet/${GATEWAY}/name = `,
        `Aranet/${GATEWAY}/sensors/3002FA/name = `,
        `Aranet/${GATEWAY}/sensors/3002FA/productNumber = `,
        `New/Root/${GATEWAY}/name = Hall`,
        `New/Root/${GATEWAY}/sensors/3002FA/name = Desk`,
        `New/Root/${GATEWAY}/sensors/3002FA/productNumber = TDSPC003`,
      ],
    ],
  ])('publishes %s', (_what, situation, messages) => {
    const planned = plan(situation, announcedAfter(HALL));
    expect(shown(planned.messages)).toEqual(messages);
    expect(plan(situation, planned.announced)).toMatchObject({ messages: [], announced: undefined });
  });

  it('clears nothing at a host that was left', () => {
    const messages = plan({ settings: { host: 'other.example' } }, announcedAfter(HALL)).messages;
    expect(messages).toEqual([]);
  });

  it('has no topics at Azure IoT Hub, and forgets those of before', () => {
    const { messages, announced } = plan({ ...HALL, settings: { profile: 'azure-iot-hub' } }, announcedAfter(HALL));
    expect(messages).toEqual([]);
    expect(announced?.topics).toEqual({});
  });

  it('leaves out, and counts, topics that the broker would close the connection for', () => {
    const settings: Settings = { profile: 'aws-iot-core', rootTopic: 'a/b/c/d/e' };
    const { messages, announced, refused } = plan({ ...HALL, settings });
    expect(shown(messages)).toEqual([`a/b/c/d/e/${GATEWAY}/name = Hall`]);
    expect(announced?.topics).toEqual({ name: 'Hall' });
    expect(refused).toBe(2);
  });

  it('takes sensors by any name that an id may have', () => {
    const sensors = JSON.parse('{"__proto__":{"name":"P"},"constructor":{"name":"C"}}');
    const { messages, announced } = plan({ sensors });
    expect(shown(messages)).toEqual([
      `Aranet/${GATEWAY}/sensors/__proto__/name = P`,
      `Aranet/${GATEWAY}/sensors/constructor/name = C`,
    ]);
    expect(plan({ sensors }, JSON.parse(JSON.stringify(announced))).messages).toEqual([]);
  });
});
