import {
  completeIntegration,
  ID_PATTERN,
  type Integration,
  type IntegrationInput,
  MEASUREMENT_FORMATS,
  METRICS,
  type Measurement,
  NUMERIC_TEXT_PATTERN,
  PROFILES,
} from '@gatecast/shared/model';
import fc from 'fast-check';

export const GATEWAY = '394260700033';

export function integrationOf(settings: IntegrationInput = {}): Integration {
  return completeIntegration(GATEWAY, { host: 'broker.example', ...settings });
}

/** The reading of WIRE.md. */
export const READING: Measurement = {
  sensorId: '3002FA',
  time: 1729716854,
  values: {
    co2: '452',
    atmosphericpressure: '102560',
    battery: '0.92',
    temperature: '22.800',
    humidity: '41.0',
    rssi: '-69.000000',
  },
};

const id = fc.stringMatching(new RegExp(ID_PATTERN));

export const numericText = fc.stringMatching(new RegExp(NUMERIC_TEXT_PATTERN)).filter((text) => text.length <= 64);

/** Keys that look like array indexes are left out: JavaScript puts them first, whatever the order they came in. */
const metricKey = fc
  .oneof(fc.constantFrom(...METRICS.keys()), fc.stringMatching(/^[a-z0-9_]{1,64}$/))
  .filter((key) => key !== '__proto__' && !/^\d+$/.test(key));

export const readings: fc.Arbitrary<Measurement> = fc.record({
  sensorId: id,
  time: fc.oneof(
    fc.integer({ min: 0, max: 9_999_999_999_999 }),
    fc.integer({ min: 0, max: 9_999_999_999_999 }).map(String),
  ),
  values: fc
    .uniqueArray(
      fc.tuple(metricKey, fc.oneof(numericText, fc.double({ noNaN: true, noDefaultInfinity: true }), fc.integer())),
      { selector: ([key]) => key, minLength: 1, maxLength: 64 },
    )
    .map((entries) => Object.fromEntries(entries)),
});

/** Settings as a person may save them: roots of any text but what topics cannot have. */
export const integrations: fc.Arbitrary<Integration> = fc
  .record({
    rootTopic: fc
      .string({ unit: 'grapheme', minLength: 1, maxLength: 100 })
      .filter((root) => !/[+#\p{Cc}]/u.test(root) && !root.startsWith('$') && root.isWellFormed()),
    format: fc.constantFrom(...MEASUREMENT_FORMATS),
    profile: fc.constantFrom(...PROFILES),
    retain: fc.boolean(),
    clientId: id,
    advanced: fc.record({ jsonNumbers: fc.constantFrom('string' as const, 'number' as const) }),
  })
  .map(integrationOf);
