import type { Logger } from '@gatecast/shared/logging';
import { Refusal } from '../domain/refusal.ts';
import type { Fleets } from './fleets.ts';
import type { Workspaces } from './workspaces.ts';

export interface DefaultsOptions {
  workspaces: Pick<Workspaces, 'isEmpty' | 'create'>;
  fleets: Pick<Fleets, 'isEmpty' | 'create' | 'undeclared'>;
  defaultWorkspace: string;
  defaultFleet: string;
  /** Fleets that the deployment has publishers for. */
  declaredFleets: readonly string[];
  log: Logger;
}

/**
 * Gives a new deployment one fleet and one workspace; one that has any is left as it is. Fleets that the deployment
 * has publishers for are created if they are missing; those it has none for any more are named in the log, not touched:
 * what their gateways send is kept.
 */
export async function createDefaults(options: DefaultsOptions): Promise<void> {
  const { workspaces, fleets, defaultWorkspace, defaultFleet, declaredFleets, log } = options;
  for (const fleet of declaredFleets) await unlessThere(() => fleets.create(fleet, undefined));
  if (fleets.isEmpty()) await unlessThere(() => fleets.create(defaultFleet, undefined));
  for (const left of fleets.undeclared()) {
    if (left.gateways > 0) log.warn(left, 'the deployment has no publishers for a fleet with gateways');
    else log.info(left, 'the deployment has no publishers for a fleet; it can be deleted');
  }
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
