import type { Scenario } from '../scenario.ts';
import { publisherKill9 } from './processes/publisher-kill9.ts';

export const SCENARIOS: readonly Scenario[] = [publisherKill9];
