import type { SuspectRecord } from '@gatecast/shared/model';
import type { SessionEnd } from '../../src/domain/session-end.ts';
import { Suspects } from '../../src/domain/suspects.ts';

export interface BrokerModel {
  /** Counters at which the broker closes the connection. */
  poison: ReadonlySet<number>;
  /** In so many sessions only; default: in all. */
  poisonousSessions?: number;
  /** Ticks that the broker takes for each packet, one after the other. */
  ticksPerPacket: number;
  /** How each session ends that lives for so many ticks; the last one is repeated. Infinity: it does not. */
  sessions: readonly { ticks: number; end: SessionEnd | 'process_death' }[];
}

type State = 'queued' | 'sent' | 'acknowledged' | 'aside';

export interface Outcome {
  /** Counters in the order of their first acknowledgement. */
  delivered: number[];
  deadLettered: number[];
  ticks: number;
  sessions: number;
}

/** A lane with a window, a broker and a checkpoint, in discrete time: as little as `Suspects` needs around it. */
export function run(messages: number, window: number, broker: BrokerModel, maxTicks: number): Outcome {
  const lane = new Map<number, State>(Array.from({ length: messages }, (_, index) => [index + 1, 'queued']));
  const delivered: number[] = [];
  const deadLettered: number[] = [];
  let durable: SuspectRecord[] = [];
  let suspects = new Suspects();
  let sessions = 0;
  let ticks = 0;
  const { poisonousSessions: poisonous = Number.POSITIVE_INFINITY } = broker;

  const next = () => [...lane].find(([counter, state]) => state === 'queued' && !suspects.isHeld(counter))?.[0];
  const isDone = () => [...lane.values()].every((state) => state === 'acknowledged' || state === 'aside');
  const record = () => {
    durable = suspects.toRecord(next());
    suspects.recorded(durable);
  };
  const setAside = () => {
    for (const counter of [...suspects.verdicts]) {
      lane.set(counter, 'aside');
      deadLettered.push(counter);
      suspects.setAside(counter);
    }
  };

  while (ticks < maxTicks && !isDone()) {
    const { ticks: lifetime, end } = broker.sessions[Math.min(sessions, broker.sessions.length - 1)]!;
    sessions += 1;
    suspects.sessionStarted();
    /** What the broker has received: 0 is the birth message. */
    const received: number[] = [0];
    let outcome: SessionEnd | 'process_death' | undefined;
    for (let age = 1; outcome === undefined && !isDone() && ticks < maxTicks; age += 1) {
      ticks += 1;
      const inFlight = received.filter((counter) => counter > 0).length;
      for (let room = window - inFlight; room > 0; room -= 1) {
        record();
        const counter = next();
        if (counter === undefined || !suspects.maySend(counter)) break;
        suspects.sent(counter);
        lane.set(counter, 'sent');
        received.push(counter);
      }
      if (age >= lifetime) outcome = end;
      else if (age % broker.ticksPerPacket === 0) {
        const counter = received.shift();
        if (counter === 0) suspects.proven(next() !== undefined);
        else if (counter !== undefined && broker.poison.has(counter) && sessions <= poisonous) outcome = 'closed';
        else if (counter !== undefined) {
          suspects.acknowledged(counter);
          lane.set(counter, 'acknowledged');
          delivered.push(counter);
        }
        setAside();
      }
    }
    for (const [counter, state] of lane) if (state === 'sent') lane.set(counter, 'queued');
    if (outcome === 'process_death') suspects = new Suspects(durable);
    else if (outcome !== undefined) suspects.sessionEnded(outcome);
    record();
  }
  return { delivered, deadLettered, ticks, sessions };
}
