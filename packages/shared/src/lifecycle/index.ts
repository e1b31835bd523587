export { type BackoffOptions, fullJitter } from './backoff.ts';
export { type Clock, systemClock } from './clock.ts';
export { delay, withDeadline } from './deadline.ts';
export { Lifecycle, type LifecycleState } from './lifecycle.ts';
export { Periodic, type PeriodicOptions } from './periodic.ts';
export { SharedRequest } from './shared-request.ts';
