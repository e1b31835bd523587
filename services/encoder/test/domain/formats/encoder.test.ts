import type { Measurement, SensorInfo } from '@gatecast/shared/model';
import type { MqttMessage } from '@gatecast/shared/outbox';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createEncoder } from '../../../src/domain/formats/encoder.ts';
import { GATEWAY, integrationOf, integrations, READING, readings } from '../samples.ts';

type Settings = Parameters<typeof integrationOf>[0];

function encode(reading: Measurement, settings: Settings, sensor?: SensorInfo, gatewayName?: string) {
  return createEncoder({ gatewayId: GATEWAY, gatewayName, integration: integrationOf(settings) }).encode(
    reading,
    sensor,
  );
}

function shown(messages: ReturnType<typeof encode>) {
  if (typeof messages === 'string') return messages;
  return messages.map(({ topic, payload }) => [topic, Buffer.from(payload).toString()]);
}

describe('json', () => {
  it('is one flat object of strings, digit for digit, in the order received, the time first', () => {
    expect(shown(encode(READING, { format: 'json' }))).toEqual([
      [
        'Aranet/394260700033/sensors/3002FA/json/measurements',
        '{"time":"1729716854","co2":"452","atmosphericpressure":"102560","battery":"0.92","temperature":"22.800","humidity":"41.0","rssi":"-69.000000"}',
      ],
    ]);
  });

  it('prints numbers with the decimals of their metric, unknown ones as they are', () => {
    const values = { temperature: 22.8, co2: 452, rssi: -69, ph: 7.25 };
    expect(shown(encode({ ...READING, values }, { format: 'json' }))).toEqual([
      [expect.any(String), '{"time":"1729716854","temperature":"22.800","co2":"452","rssi":"-69.000000","ph":"7.25"}'],
    ]);
  });

  it('sends numbers when that is wanted, texts with their digits', () => {
    const values = { temperature: '22.800', battery: '+.92', co2: 452.2 };
    const settings: Settings = { format: 'json', advanced: { jsonNumbers: 'number' } };
    expect(shown(encode({ ...READING, values }, settings))).toEqual([
      [expect.any(String), '{"time":1729716854,"temperature":22.800,"battery":0.92,"co2":452}'],
    ]);
  });

  it('sends the time of the reading, whichever notation it came in', () => {
    for (const time of [1729716854, '1729716854', 1729716854999, '1729716854999']) {
      const [[, payload] = []] = shown(encode({ ...READING, time }, { format: 'json' })) as string[][];
      expect(JSON.parse(payload ?? '')).toMatchObject({ time: '1729716854' });
    }
  });

  it('has one time, and it is that of the reading', () => {
    const values = { time: '5', co2: '452' };
    expect(shown(encode({ ...READING, values }, { format: 'json' }))).toEqual([
      [expect.any(String), '{"time":"1729716854","co2":"452"}'],
    ]);
  });
});

describe('raw', () => {
  it('is one message per metric with the bare text, the time first', () => {
    expect(shown(encode(READING, { format: 'raw', rootTopic: 'Größe/1' }))).toEqual([
      ['Größe/1/394260700033/sensors/3002FA/measurements/time', '1729716854'],
      ['Größe/1/394260700033/sensors/3002FA/measurements/co2', '452'],
      ['Größe/1/394260700033/sensors/3002FA/measurements/atmosphericpressure', '102560'],
      ['Größe/1/394260700033/sensors/3002FA/measurements/battery', '0.92'],
      ['Größe/1/394260700033/sensors/3002FA/measurements/temperature', '22.800'],
      ['Größe/1/394260700033/sensors/3002FA/measurements/humidity', '41.0'],
      ['Größe/1/394260700033/sensors/3002FA/measurements/rssi', '-69.000000'],
    ]);
  });
});

describe('azure', () => {
  it('is one flat object with ids, ISO time and numbers', () => {
    const values = { co2: 452, temperature: '22.800', battery: 0.92, ph: 7.25 };
    expect(shown(encode({ ...READING, values }, { format: 'azure' }))).toEqual([
      [
        'Aranet/394260700033/sensors/3002FA/json/measurements',
        '{"gatewayId":"394260700033","sensorId":"3002FA","timestamp":"2024-10-23T20:54:14Z","time":1729716854,"co2":452,"temperature":22.8,"battery":0.92,"ph":7.25}',
      ],
    ]);
  });
});

describe('profile azure-iot-hub', () => {
  const settings: Settings = { profile: 'azure-iot-hub', clientId: 'dev-1', format: 'json', retain: true };

  it('puts what other brokers have topics for into the property bag', () => {
    const sensor = { name: 'Büro +1/2', group: 'a&b' };
    const messages = encode(READING, settings, sensor, 'Base 1') as MqttMessage[];
    expect(messages.map(({ topic, retain }) => ({ topic, retain }))).toEqual([
      {
        topic:
          'devices/dev-1/messages/events/$.ct=application%2Fjson&$.ce=utf-8&sensorId=3002FA&gatewayId=394260700033&gatewayName=Base%201&sensorName=B%C3%BCro%20%2B1%2F2&group=a%26b&iothub-creation-time-utc=2024-10-23T20%3A54%3A14Z',
        retain: false,
      },
    ]);
  });

  it('follows a change of the sensor', () => {
    const encoder = createEncoder({ gatewayId: GATEWAY, gatewayName: undefined, integration: integrationOf(settings) });
    const topicWith = (sensor: SensorInfo) => (encoder.encode(READING, sensor) as MqttMessage[])[0]?.topic;
    expect(topicWith({ name: 'one' })).toContain('sensorName=one');
    expect(topicWith({ name: 'two' })).toContain('sensorName=two');
  });

  it('says which metric a raw message is of', () => {
    const messages = encode(READING, { ...settings, format: 'raw' }) as MqttMessage[];
    expect(messages[1]?.topic).toMatch(/^devices\/dev-1\/messages\/events\/\$\.ct=text%2Fplain&.*Z&metric=co2$/);
  });
});

describe('what cannot be encoded', () => {
  it.each<[string, Settings]>([
    ['topic_invalid', { rootTopic: 'a+b' }],
    ['topic_invalid', { rootTopic: 'a\u0000' }],
    ['topic_invalid', { rootTopic: 'a\ud800' }],
    ['topic_invalid', { rootTopic: '$SYS' }],
    ['topic_invalid', { profile: 'azure-iot-hub', clientId: 'a#b' }],
    ['topic_too_long', { rootTopic: 'x'.repeat(65_500) }],
    ['topic_too_deep', { profile: 'aws-iot-core', rootTopic: 'a/b/c/d' }],
    ['topic_too_long', { profile: 'aws-iot-core', rootTopic: 'x'.repeat(250) }],
    ['layout_unknown', { advanced: { layoutVersion: 99 } }],
  ])('is %s with %o', (reason, settings) => {
    expect(encode(READING, settings)).toBe(reason);
  });

  it('takes a topic of seven slashes to AWS', () => {
    expect(shown(encode(READING, { profile: 'aws-iot-core', rootTopic: 'a/b/c' }))).toHaveLength(1);
  });
});

describe('any reading, any settings', () => {
  it('gives valid topics and parseable payloads, or says why not', () => {
    fc.assert(
      fc.property(readings, integrations, (reading, integration) => {
        const encoder = createEncoder({ gatewayId: GATEWAY, gatewayName: 'B', integration });
        const messages = encoder.encode(reading, undefined);
        if (typeof messages === 'string') return expect(integration.profile).toBe('aws-iot-core');
        for (const { topic, payload, retain } of messages) {
          expect(['+', '#', '\u0000'].some((forbidden) => topic.includes(forbidden))).toBe(false);
          expect(topic.isWellFormed()).toBe(true);
          expect(Buffer.byteLength(topic)).toBeLessThanOrEqual(65_535);
          expect(retain).toBe(integration.retain && integration.profile !== 'azure-iot-hub');
          if (integration.format !== 'raw') {
            expect(JSON.parse(Buffer.from(payload).toString('utf8'))).toHaveProperty('time');
          }
        }
      }),
    );
  });

  it('keeps texts digit for digit, and the order', () => {
    fc.assert(
      fc.property(readings, (reading) => {
        const expected = Object.entries(reading.values).filter(([key]) => key !== 'time');
        const json = encode(reading, { format: 'json' }) as MqttMessage[];
        const object = JSON.parse(Buffer.from(json[0]?.payload ?? []).toString()) as Record<string, string>;
        const raw = (encode(reading, { format: 'raw' }) as MqttMessage[]).slice(1);
        expect(Object.keys(object).slice(1)).toEqual(expected.map(([key]) => key));
        expect(raw.map(({ topic }) => topic.split('/').at(-1))).toEqual(expected.map(([key]) => key));
        for (const [index, [key, value]] of expected.entries()) {
          if (typeof value !== 'string') continue;
          expect(object[key]).toBe(value);
          expect(Buffer.from(raw[index]?.payload ?? []).toString()).toBe(value);
        }
      }),
    );
  });

  it('gives the same messages for the same arguments', () => {
    fc.assert(
      fc.property(readings, integrations, (reading, integration) => {
        const encoder = createEncoder({ gatewayId: GATEWAY, gatewayName: undefined, integration });
        expect(encoder.encode(reading, undefined)).toEqual(encoder.encode(reading, undefined));
      }),
      { numRuns: 30 },
    );
  });
});
