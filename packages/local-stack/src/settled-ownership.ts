import { waitFor } from '@gatecast/shared/testing';
import type { ServiceInstance } from './service-instance.ts';

const TIMEOUT_MS = 60_000;

/**
 * Resolves once every partition is with the process that should have it: processes that have just started give each other
 * their shares, which ends sessions.
 * @param instances publishers or encoders
 * @throws {TestingError} `WAIT_TIMEOUT`
 */
export async function settledOwnership(instances: readonly ServiceInstance[], partitions: number): Promise<void> {
  const sharing = Map.groupBy(instances, ({ name, fleet = 'default' }) => `${name} ${fleet}`);
  for (const [whose, members] of sharing) {
    await waitFor(async () => isSettled(await Promise.all(members.map(sharesOf)), partitions), {
      timeoutMs: TIMEOUT_MS,
      intervalMs: 100,
      describe: `the partitions of ${whose} with their owners`,
    });
  }
}

interface Shares {
  members: number;
  valid: number;
  misplaced: number;
}

function isSettled(shares: readonly Shares[], partitions: number): boolean {
  const valid = shares.reduce((sum, share) => sum + share.valid, 0);
  return valid === partitions && shares.every((share) => share.members === shares.length && share.misplaced === 0);
}

async function sharesOf({ name, process }: ServiceInstance): Promise<Shares> {
  const text = await (await fetch(`${process.adminUrl}/metrics`)).text();
  const role = name === 'mqtt-publisher' ? 'publisher' : 'encoder';
  const value = (metric: string) => Number(new RegExp(`^gatecast_${role}_${metric} (.+)$`, 'm').exec(text)?.[1] ?? 0);
  return {
    members: value('members'),
    valid: value('leases_valid'),
    misplaced: value('partitions_misplaced'),
  };
}
