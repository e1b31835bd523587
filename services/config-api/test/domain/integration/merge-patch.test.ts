import { IntegrationInput, type IntegrationSettings } from '@gatecast/shared/model';
import fc from 'fast-check';
import Value from 'typebox/value';
import { describe, expect, it } from 'vitest';
import { mergePatch } from '../../../src/domain/integration/merge-patch.ts';

describe('mergePatch', () => {
  // RFC 7396, appendix A.
  it.each([
    [{ a: 'b' }, { a: 'c' }, { a: 'c' }],
    [{ a: 'b' }, { b: 'c' }, { a: 'b', b: 'c' }],
    [{ a: 'b' }, { a: null }, {}],
    [{ a: 'b', b: 'c' }, { a: null }, { b: 'c' }],
    [{ a: ['b'] }, { a: 'c' }, { a: 'c' }],
    [{ a: 'c' }, { a: ['b'] }, { a: ['b'] }],
    [{ a: { b: 'c' } }, { a: { b: 'd', c: null } }, { a: { b: 'd' } }],
    [{ a: [{ b: 'c' }] }, { a: [1] }, { a: [1] }],
    [
      ['a', 'b'],
      ['c', 'd'],
      ['c', 'd'],
    ],
    [{ a: 'b' }, ['c'], ['c']],
    [{ a: 'foo' }, null, null],
    [{ a: 'foo' }, 'bar', 'bar'],
    [{ e: null }, { a: 1 }, { e: null, a: 1 }],
    [[1, 2], { a: 'b', c: null }, { a: 'b' }],
    [{}, { a: { bb: { ccc: null } } }, { a: { bb: {} } }],
  ])('%j patched with %j is %j', (target, patch, expected) => {
    expect(mergePatch(target, patch)).toEqual(expected);
  });

  it('treats __proto__ as a name like any other', () => {
    const patched = mergePatch({}, JSON.parse('{"__proto__":{"polluted":true}}'));
    expect(Object.getPrototypeOf(patched)).toBe(Object.prototype);
    expect('polluted' in (patched as object)).toBe(false);
  });

  const settings = settingsArbitrary();
  const patch = patchArbitrary();

  it('keeps settings valid: whatever valid patch meets valid settings', () => {
    fc.assert(
      fc.property(settings, patch, (before, change) => {
        expect([...Value.Errors(IntegrationInput, mergePatch(before, change))]).toEqual([]);
      }),
    );
  });

  it('says the same when it is applied twice', () => {
    fc.assert(
      fc.property(settings, patch, (before, change) => {
        const once = mergePatch(before, change);
        expect(mergePatch(once, change)).toEqual(once);
      }),
    );
  });

  it('touches only what it names, takes what it gives, and removes what it nulls', () => {
    fc.assert(
      fc.property(settings, patch, (before, change) => {
        const after = mergePatch(before, change) as Record<string, unknown>;
        for (const name of Object.keys(IntegrationInput.properties)) {
          const given = change[name];
          if (given === undefined) expect(after[name]).toEqual((before as Record<string, unknown>)[name]);
          else if (given === null) expect(name in after).toBe(false);
          else if (typeof given !== 'object') expect(after[name]).toBe(given);
        }
      }),
    );
  });

  it('changes neither of its arguments', () => {
    fc.assert(
      fc.property(settings, patch, (before, change) => {
        const copies = structuredClone([before, change]);
        mergePatch(before, change);
        expect([before, change]).toEqual(copies);
      }),
    );
  });
});

const text = fc.string({ minLength: 1, maxLength: 20 });

function optional<T>(fields: { [K in keyof T]: fc.Arbitrary<T[K]> }) {
  return fc.record(fields, { requiredKeys: [] });
}

const scalars = {
  enabled: fc.boolean(),
  host: text,
  port: fc.integer({ min: 1, max: 65_535 }),
  username: text,
  rootTopic: text,
  format: fc.constantFrom('raw', 'json', 'azure'),
  qos: fc.constantFrom(0, 1, 2),
};
const will = { enabled: fc.boolean(), topic: text, qos: fc.constantFrom(0, 1, 2), silenceIntervals: fc.nat(1000) };
const tls = { enabled: fc.boolean(), caCertificate: text, serverName: text };

function settingsArbitrary(): fc.Arbitrary<IntegrationSettings> {
  return optional({ ...scalars, will: optional(will), tls: optional(tls) }) as fc.Arbitrary<IntegrationSettings>;
}

function patchArbitrary(): fc.Arbitrary<Record<string, unknown>> {
  const orNull = (fields: Record<string, fc.Arbitrary<unknown>>) =>
    optional(Object.fromEntries(Object.entries(fields).map(([name, one]) => [name, fc.option(one, { nil: null })])));
  return orNull({ ...scalars, will: orNull(will), tls: orNull(tls) });
}
