import type { Rule } from '../rule.ts';
import { checksums } from './checksums.ts';
import { disruption } from './disruption.ts';
import { images } from './images.ts';
import { names } from './names.ts';
import { networkPolicies } from './network-policies.ts';
import { podSecurity } from './pod-security.ts';
import { probes } from './probes.ts';
import { references } from './references.ts';
import { resources } from './resources.ts';
import { scaling } from './scaling.ts';
import { selectors } from './selectors.ts';
import { serviceAccounts } from './service-accounts.ts';
import { settings } from './settings.ts';
import { termination } from './termination.ts';

/** What has to be true of every release that the chart makes, whatever its values. */
export const rules: Readonly<Record<string, Rule>> = {
  checksums,
  disruption,
  images,
  names,
  networkPolicies,
  podSecurity,
  probes,
  references,
  resources,
  scaling,
  selectors,
  serviceAccounts,
  settings,
  termination,
};
