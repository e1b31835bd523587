import { createLogger } from '@gatecast/shared/logging';
import { describe, expect, it } from 'vitest';
import { createDefaults } from '../../src/application/defaults.ts';
import { Refusal } from '../../src/domain/refusal.ts';

const log = createLogger({ service: 'test', instance: 'test', level: 'silent' });

function setUp({ isEmpty, failure }: { isEmpty: boolean; failure?: Error }) {
  const created: string[] = [];
  const resource = {
    isEmpty: () => isEmpty,
    async create(name: string): Promise<never> {
      if (failure) throw failure;
      created.push(name);
      return undefined as never;
    },
  };
  const run = () =>
    createDefaults({ workspaces: resource, fleets: resource, defaultWorkspace: 'home', defaultFleet: 'first', log });
  return { created, run };
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

  it('does not mind another process that was faster', async () => {
    await setUp({ isEmpty: true, failure: new Refusal('conflict', 'fleet_exists', 'taken') }).run();
  });

  it('passes on what went wrong', async () => {
    const { run } = setUp({ isEmpty: true, failure: new Error('no room') });
    await expect(run()).rejects.toThrow('no room');
  });
});
