import type { GatewayEvidence } from './evidence.ts';
import { firstDeliveries, type Gap, worstGap } from './gaps.ts';
import { inspectSessions, type SessionFindings } from './sessions.ts';

export interface GatewayFindings {
  readonly gatewayId: string;
  readonly qos: 0 | 1 | 2;
  readonly accepted: number;
  /** Different readings that arrived. */
  readonly delivered: number;
  /** Accepted, and never arrived. Includes what is `lost`. */
  readonly missing: readonly number[];
  /** Arrivals beyond the first of each reading. */
  readonly duplicates: number;
  /** First arrivals that came after one with a higher number. */
  readonly outOfOrder: readonly number[];
  /** Arrived, and were never sent, or never accepted though they were answered. */
  readonly unexpected: readonly number[];
  readonly worstGap: Gap;
  readonly lost: number;
  /** Undefined where the broker does not show its connections. */
  readonly sessions: SessionFindings | undefined;
}

/** Compares what went in with what came out. */
export function checkGateway(evidence: GatewayEvidence): GatewayFindings {
  const { gatewayId, qos, accepted, uncertain, delivered, sessions, lost } = evidence;
  const known = new Set([...accepted.map(({ n }) => n), ...uncertain]);
  const firsts = firstDeliveries(delivered);
  const arrived = new Set(firsts.map(({ n }) => n));
  const outOfOrder: number[] = [];
  let highest = Number.NEGATIVE_INFINITY;
  for (const { n } of firsts) {
    if (n < highest) outOfOrder.push(n);
    highest = Math.max(highest, n);
  }
  return {
    gatewayId,
    qos,
    accepted: accepted.length,
    delivered: arrived.size,
    missing: accepted.flatMap(({ n }) => (arrived.has(n) ? [] : [n])),
    duplicates: delivered.length - firsts.length,
    outOfOrder,
    unexpected: [...arrived].filter((n) => !known.has(n)),
    worstGap: worstGap(accepted, delivered),
    lost,
    sessions: sessions && inspectSessions(sessions),
  };
}

/** Of all gateways together. Gaps: the worst one. */
export interface Totals {
  readonly gateways: number;
  readonly accepted: number;
  readonly delivered: number;
  readonly missing: number;
  readonly duplicates: number;
  readonly outOfOrder: number;
  readonly unexpected: number;
  readonly stale: number;
  readonly connects: number;
  readonly worstGapMs: number;
  readonly lost: number;
}

export function totalsOf(findings: readonly GatewayFindings[]): Totals {
  const sum = (of: (gateway: GatewayFindings) => number) => findings.reduce((total, one) => total + of(one), 0);
  return {
    gateways: findings.length,
    accepted: sum(({ accepted }) => accepted),
    delivered: sum(({ delivered }) => delivered),
    missing: sum(({ missing }) => missing.length),
    duplicates: sum(({ duplicates }) => duplicates),
    outOfOrder: sum(({ outOfOrder }) => outOfOrder.length),
    unexpected: sum(({ unexpected }) => unexpected.length),
    stale: sum(({ sessions }) => (sessions?.stalePublishes ?? 0) + (sessions?.staleConnects ?? 0)),
    connects: sum(({ sessions }) => sessions?.connects ?? 0),
    worstGapMs: findings.reduce((worst, one) => Math.max(worst, one.worstGap.ms), 0),
    lost: sum(({ lost }) => lost),
  };
}
