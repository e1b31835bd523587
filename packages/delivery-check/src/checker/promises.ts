import type { GatewayFindings } from './check.ts';

/** What a gateway's broker may be given twice. At QoS 2 nothing, unless the broker forgets. */
export interface DuplicateBound {
  /** In-flight messages of the gateway. */
  readonly window: number;
  /** The publisher's setting `windowsBeyondRecord`. */
  readonly windowsBeyondRecord: number;
  /** How often an owner went without recording what was acknowledged: killed, or cut off from its record. */
  readonly crashes: number;
  /** How often a session ended with messages in flight, its owner living on. */
  readonly sessionLosses: number;
  /** How often the broker came back without its sessions, which are what makes QoS 2 exactly once. */
  readonly brokerForgot: number;
}

export interface Promises {
  readonly duplicates: DuplicateBound;
  /** Longest time without a delivery while readings wait, ms. Undefined: the fault decides. */
  readonly worstGapMs?: number | undefined;
  /** Readings may be missing so far as they are counted as lost. Default false: nothing may be lost at all. */
  readonly lossesAllowed?: boolean | undefined;
  /** CONNECTs of one gateway. Undefined: the fault decides. */
  readonly connects?: number | undefined;
}

/**
 * QoS 1: (windowsBeyondRecord + 1) windows for each crash, one window for each session lost, whoever lost it. QoS 2: one
 * window for each time that the broker lost it.
 */
export function duplicatesAllowed(qos: 0 | 1 | 2, bound: DuplicateBound): number {
  const { window, windowsBeyondRecord, crashes, sessionLosses, brokerForgot } = bound;
  if (qos === 0) return 0;
  if (qos === 2) return window * brokerForgot;
  return window * ((windowsBeyondRecord + 1) * crashes + sessionLosses + brokerForgot);
}

/** Each broken promise of one gateway in words. */
export function brokenPromises(gateway: GatewayFindings, promises: Promises): string[] {
  const { gatewayId, qos, missing, duplicates, outOfOrder, unexpected, worstGap, lost, sessions } = gateway;
  const broken: string[] = [];
  const say = (text: string) => broken.push(`${gatewayId} (QoS ${qos}): ${text}`);
  // At QoS 0 the last hop may lose what it carries.
  if (qos !== 0 && missing.length > (promises.lossesAllowed ? lost : 0)) {
    say(`${missing.length} missing (${ranges(missing)}), ${lost} counted as lost`);
  }
  if (!promises.lossesAllowed && lost > 0) say(`${lost} counted as lost`);
  const allowed = duplicatesAllowed(qos, promises.duplicates);
  if (duplicates > allowed) say(`${duplicates} duplicates, ${allowed} allowed`);
  if (outOfOrder.length > 0) say(`${outOfOrder.length} out of order (${ranges(outOfOrder)})`);
  if (unexpected.length > 0) say(`${unexpected.length} that were never accepted (${ranges(unexpected)})`);
  if (promises.worstGapMs !== undefined && worstGap.ms > promises.worstGapMs) {
    const until = new Date(worstGap.until).toISOString();
    say(`nothing came for ${worstGap.ms} ms until ${until}, ${promises.worstGapMs} ms allowed`);
  }
  if (sessions) {
    const { stalePublishes, staleConnects, connects } = sessions;
    if (stalePublishes > 0) say(`${stalePublishes} PUBLISH of a former owner after its successor's CONNECT`);
    if (staleConnects > 0) say(`${staleConnects} CONNECT of a former owner after its successor's`);
    if (promises.connects !== undefined && connects > promises.connects) {
      say(`${connects} CONNECTs, ${promises.connects} allowed`);
    }
  }
  return broken;
}

/** `1-5, 9`, the first few. */
function ranges(numbers: readonly number[]): string {
  const parts: string[] = [];
  const sorted = [...numbers].sort((a, b) => a - b);
  for (let index = 0; index < sorted.length && parts.length < 5; ) {
    let end = index;
    while (sorted[end + 1] === sorted[end]! + 1) end += 1;
    parts.push(end === index ? `${sorted[index]}` : `${sorted[index]}-${sorted[end]}`);
    index = end + 1;
    if (parts.length === 5 && index < sorted.length) parts.push('…');
  }
  return parts.join(', ');
}
