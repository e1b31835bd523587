import type { AnySection } from './runner.ts';
import { latency } from './sections/latency.ts';
import { sessions } from './sections/sessions.ts';
import { throughput } from './sections/throughput.ts';

/** In the order they run: later ones may use what earlier ones found. */
export const SECTIONS: readonly AnySection[] = [throughput, latency, sessions];
