import type { AnySection } from './runner.ts';
import { catchUp } from './sections/catch-up.ts';
import { deadBrokers } from './sections/dead-brokers.ts';
import { hungBroker } from './sections/hung-broker.ts';
import { latency } from './sections/latency.ts';
import { sessions } from './sections/sessions.ts';
import { streams } from './sections/streams.ts';
import { takeover } from './sections/takeover.ts';
import { throughput } from './sections/throughput.ts';

/** In the order they run. */
export const SECTIONS: readonly AnySection[] = [
  throughput,
  latency,
  sessions,
  takeover,
  hungBroker,
  deadBrokers,
  catchUp,
  streams,
];
