export { type LatencySummary, median, percentile, type Spread, spread, summariseLatency } from './statistics.ts';
