import type { Scenario } from '../scenario.ts';
import { addFleet } from './add-fleet.ts';
import { autoscale } from './autoscale.ts';
import { drain, evictions } from './drain.ts';
import { helmTest } from './helm-test.ts';
import { install } from './install.ts';
import { natsDeleted, natsServerDeleted } from './nats-deleted.ts';
import { networkPolicy } from './network-policy.ts';
import { podsDeleted, podsKilled } from './pods-deleted.ts';
import { reinstall } from './reinstall.ts';
import { restricted } from './restricted.ts';
import { scaleFleet } from './scale-fleet.ts';
import { upgrade } from './upgrade.ts';

/** In the order in which they run: as few releases as possible are needed. */
export const SCENARIOS: readonly Scenario[] = [
  install,
  restricted,
  networkPolicy,
  helmTest,
  podsDeleted,
  podsKilled,
  evictions,
  drain,
  scaleFleet,
  addFleet,
  upgrade,
  natsDeleted,
  autoscale,
  reinstall,
  natsServerDeleted,
];
