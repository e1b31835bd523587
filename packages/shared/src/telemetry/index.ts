export { extractTrace, injectTrace, isSampled } from './propagation.ts';
export { startTelemetry, type Telemetry } from './telemetry.ts';
