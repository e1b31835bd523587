import { createLogger } from '@gatecast/shared/logging';
import { describe, expect, it } from 'vitest';
import { createDefaults } from '../../src/application/defaults.ts';
import { Refusal } from '../../src/domain/refusal.ts';

interface Situation {
  isEmpty: boolean;
  failure?: Error;
  declaredFleets?: string[];
  undeclared?: { fleet: string; gateways: number }[];
}

function setUp({ isEmpty, failure, declaredFleets = [], undeclared = [] }: Situation) {
  const created: string[] = [];
  const lines: string[] = [];
  const log = createLogger(
    { service: 'test', instance: 'test', level: 'info' },
    { write: (line: string) => void lines.push(line) },
  );
  const resource = {
    isEmpty: () => isEmpty,
    undeclared: () => undeclared,
    async create(name: string): Promise<never> {
      if (failure) throw failure;
      created.push(name);
      return undefined as never;
    },
  };
  const names = { defaultWorkspace: 'home', defaultFleet: 'first', declaredFleets };
  const run = () => createDefaults({ workspaces: resource, fleets: resource, ...names, log });
  return { created, lines, run };
}

describe('createDefaults', () => {
  it('gives a new deployment a fleet and a workspace', async () => {
    const { created, run } = setUp({ isEmpty: true });
    await run();
    expect(created).toEqual(['first', 'home']);
  });

  it('leaves one that has some as it is', async () => {
    const { created, run } = setUp({ isEmpty: false });
    await run();
    expect(created).toEqual([]);
  });

  it('creates the fleets that have publishers, whatever else there is', async () => {
    const { created, run } = setUp({ isEmpty: false, declaredFleets: ['east', 'west'] });
    await run();
    expect(created).toEqual(['east', 'west']);
  });

  it('names the fleets that have publishers no more, and warns of those with gateways', async () => {
    const { lines, run } = setUp({
      isEmpty: false,
      declaredFleets: ['east'],
      undeclared: [
        { fleet: 'north', gateways: 3 },
        { fleet: 'south', gateways: 0 },
      ],
    });
    await run();
    expect(lines.map((line) => JSON.parse(line))).toMatchObject([
      { level: 'warn', fleet: 'north', gateways: 3 },
      { level: 'info', fleet: 'south', gateways: 0 },
    ]);
  });

  it('does not mind another process that was faster', async () => {
    await setUp({ isEmpty: true, failure: new Refusal('conflict', 'fleet_exists', 'taken') }).run();
  });

  it('passes on what went wrong', async () => {
    const { run } = setUp({ isEmpty: true, failure: new Error('no room') });
    await expect(run()).rejects.toThrow('no room');
  });
});
