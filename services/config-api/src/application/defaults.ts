import type { Logger } from '@gatecast/shared/logging';
import { Refusal } from '../domain/refusal.ts';
import type { Fleets } from './fleets.ts';
import type { Workspaces } from './workspaces.ts';

export interface DefaultsOptions {
  workspaces: Pick<Workspaces, 'isEmpty' | 'create'>;
  fleets: Pick<Fleets, 'isEmpty' | 'create'>;
  defaultWorkspace: string;
  defaultFleet: string;
  log: Logger;
}

/** Gives a new deployment one fleet and one workspace. One that has any is left as it is. */
export async function createDefaults(options: DefaultsOptions): Promise<void> {
  const { workspaces, fleets, defaultWorkspace, defaultFleet, log } = options;
  if (fleets.isEmpty()) await unlessThere(() => fleets.create(defaultFleet, undefined));
  if (workspaces.isEmpty()) await unlessThere(() => workspaces.create(defaultWorkspace, undefined));
  log.debug({ defaultFleet, defaultWorkspace }, 'defaults are in place');
}

/** Another process that starts at the same time may have been faster. */
async function unlessThere(create: () => Promise<unknown>): Promise<void> {
  try {
    await create();
  } catch (error) {
    if (!(error instanceof Refusal && error.kind === 'conflict')) throw error;
  }
}
