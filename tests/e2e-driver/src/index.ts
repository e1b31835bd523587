export { type Connect, DriverClient, DriverError, type DriverLink } from './client.ts';
export { Driver } from './driver.ts';
export type {
  ApiAnswer,
  ApiRequest,
  DriverMethods,
  GatewaySetup,
  GroupPromises,
  OpenRun,
  PhaseLatency,
  Progress,
  Verdict,
  VerdictRequest,
} from './protocol.ts';
export { listen } from './server.ts';
