import { ownershipTiming } from '../../../src/ownership/timing.ts';

export const ROLE = 'publisher';
export const FLEET = 'default';
export const PARTITIONS = 3;
export const TIMING = ownershipTiming(1_000, 10);

/** What is broken on purpose. */
export type Variant =
  | 'correct'
  | 'lease ignored'
  | 'reconnect without re-check'
  | 'deadline from the answer'
  | 'creation without compare-and-set';
