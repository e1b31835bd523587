export { GatewayLoad, type GatewayLoadOptions, type IngestPort, type Pace } from './gateway-load.ts';
export { Load } from './load.ts';
export { between, pick, type Random, seededRandom } from './random.ts';
export { sleep } from './sleep.ts';
