import type { GroupPromises } from '@gatecast/e2e-driver';
import type { KubeApi } from './cluster/kube-api.ts';
import type { E2eEnvironment } from './environment.ts';
import type { LoadSetup } from './load-run.ts';
import type { Profile } from './release/release.ts';
import type { ScenarioRun } from './scenario-run.ts';

export interface Scenario {
  readonly name: string;
  /** What happens, in one line, for tables. */
  readonly title: string;
  /** Part of the selection for CI. */
  readonly ci?: true;
  /** The release that it needs. Default: `base` alone. */
  readonly profile?: Profile;
  /** `new`: it installs the release itself, into a new namespace. Default: it finds one. */
  readonly release?: 'new';
  /** What flows before it begins and while it runs. Default: nothing, or what it begins itself. */
  readonly load?: LoadSetup;
  /** Beside those that always hold: nothing missing, nothing out of order. */
  readonly promises?: GroupPromises;
  /** Of some groups of the load, in their place. */
  readonly groups?: Readonly<Record<string, GroupPromises>>;
  /** Default: 900,000. */
  readonly deadlineMs?: number;
  /** Why it cannot be run here. */
  skip?(environment: E2eEnvironment, api: KubeApi): Promise<string | undefined>;
  /** Does it. Says by `run.crashed()` what may cost duplicates. */
  steps(run: ScenarioRun): Promise<void>;
}

/** The chart's default for leases, ms. */
export const LEASE_TTL_MS = 12_000;
/** Longest pause of a gateway whose owner dies. */
export const TAKEOVER_MS = LEASE_TTL_MS + 1_000;
/** Longest pause of a gateway in whatever was planned: handed over, upgraded, evicted. */
export const PLANNED_MS = 2_000;
/** In-flight messages of a gateway by default. */
export const WINDOW = 20;
/** The publisher's default. */
export const WINDOWS_BEYOND_RECORD = 4;
