import { ManualClock } from '@gatecast/shared/testing';
import { beforeEach, describe, expect, test } from 'vitest';
import { BrokerNames, type NameService } from '../../src/application/broker-names.ts';

const OPTIONS = { maxLookups: 2, cacheMs: 5_000, patienceMs: 1_000 };

/** Names that begin with `hung` get no answer from anybody; `search…` is known to the system alone. */
class FakeNames implements NameService {
  readonly lookups: string[] = [];
  readonly queries: string[] = [];
  #hung: { host: string; giveUp: () => void }[] = [];

  /** Threads that are blocked now. */
  get blocked(): string[] {
    return this.#hung.map(({ host }) => host);
  }

  lookup(host: string): Promise<string[]> {
    this.lookups.push(host);
    if (!host.startsWith('hung')) return host === 'unknown' ? Promise.reject(errorOf('ENOTFOUND')) : this.#answer(host);
    return new Promise((_resolve, reject) => {
      this.#hung.push({ host, giveUp: () => reject(errorOf('EAI_AGAIN')) });
    });
  }

  query(host: string): Promise<string[]> {
    this.queries.push(host);
    if (host.startsWith('hung')) return Promise.reject(errorOf('ETIMEOUT'));
    return host.startsWith('search') ? Promise.reject(errorOf('ENOTFOUND')) : this.#answer(host);
  }

  /** The system gives up on the names that are blocked. */
  giveUp(): void {
    for (const { giveUp } of this.#hung.splice(0)) giveUp();
  }

  async #answer(host: string): Promise<string[]> {
    return [`address of ${host}`];
  }
}

function errorOf(code: string): Error {
  return Object.assign(new Error(code), { code });
}

let clock: ManualClock;
let service: FakeNames;
let names: BrokerNames;
let answered: Map<string, string>;

beforeEach(() => {
  clock = new ManualClock();
  service = new FakeNames();
  names = new BrokerNames(service, { ...OPTIONS, clock });
  answered = new Map();
});

function ask(...hosts: string[]): void {
  for (const host of hosts) {
    names.resolve(host).then(
      ([address = '']) => answered.set(host, address),
      ({ code }) => answered.set(host, code),
    );
  }
}

const hungNames = (count: number) => Array.from({ length: count }, (_, index) => `hung-${index}`);

describe('BrokerNames', () => {
  test('one lookup for all who ask at the same time, and its answer for a while', async () => {
    ask('broker', 'broker', 'broker');
    await clock.advance(0);
    ask('broker');
    await clock.advance(OPTIONS.cacheMs + 1);
    expect(service.lookups).toHaveLength(1);
    ask('broker');
    await clock.advance(0);
    expect(service.lookups).toHaveLength(2);
    expect(answered.get('broker')).toBe('address of broker');
    expect(service.queries).toEqual([]);
  });

  test('a failure is told to all, and not kept', async () => {
    ask('unknown');
    await clock.advance(0);
    expect(answered.get('unknown')).toBe('ENOTFOUND');
    ask('unknown');
    await clock.advance(0);
    expect(service.lookups).toHaveLength(2);
  });

  test('a hundred names that hang keep nobody from being resolved', async () => {
    ask(...hungNames(100), 'good-1', 'good-2');
    await clock.advance(OPTIONS.patienceMs);
    expect(answered.get('good-1')).toBe('address of good-1');
    expect(answered.get('good-2')).toBe('address of good-2');
    expect(service.blocked.length).toBeLessThanOrEqual(OPTIONS.maxLookups);
  });

  test('once known to hang they share one thread, and names that only the system knows have the other', async () => {
    ask(...hungNames(100));
    await clock.advance(OPTIONS.patienceMs);
    service.giveUp();
    await clock.advance(0);
    ask('search-1', 'search-2');
    await clock.advance(0);
    expect(service.blocked).toHaveLength(1);
    expect(answered.get('search-1')).toBe('address of search-1');
    expect(answered.get('search-2')).toBe('address of search-2');
  });

  test('a name that answers again is no suspect any more', async () => {
    ask('hung-0');
    await clock.advance(OPTIONS.patienceMs);
    service.giveUp();
    await clock.advance(0);
    expect(answered.get('hung-0')).toBe('EAI_AGAIN');
    service.lookup = async (host) => [`address of ${host}`];
    ask('hung-0');
    await clock.advance(0);
    expect(answered.get('hung-0')).toBe('address of hung-0');
  });
});
