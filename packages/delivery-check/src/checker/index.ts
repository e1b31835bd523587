export { checkGateway, type GatewayFindings, type Totals, totalsOf } from './check.ts';
export type { Accepted, Delivered, GatewayEvidence, SessionEvent } from './evidence.ts';
export { firstDeliveries, type Gap, worstGap } from './gaps.ts';
export { latencies, type Period } from './latency.ts';
export { brokenPromises, type DuplicateBound, duplicatesAllowed, type Promises } from './promises.ts';
export { inspectSessions, type SessionFindings } from './sessions.ts';
