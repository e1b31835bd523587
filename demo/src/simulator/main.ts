import { readFile } from 'node:fs/promises';
import { createLogger } from '@gatecast/shared/logging';
import type { SimulatorSettings } from './settings.ts';
import { SimulatedFleet } from './simulated-fleet.ts';

/*
 * The gateways, as a process of their own; the first argument names the file of their settings.
 */

const [file = ''] = process.argv.slice(2);
const settings = JSON.parse(await readFile(file, 'utf8')) as SimulatorSettings;
const log = createLogger({ service: 'simulator', instance: 'simulator', level: 'info' });
const fleet = new SimulatedFleet(settings, log);

async function stop(): Promise<void> {
  log.info(await fleet.stop(), 'stopped');
  process.exit(0);
}

process.once('SIGTERM', () => void stop());
process.once('SIGINT', () => void stop());
fleet.start();
log.info({ gateways: settings.gateways.length }, 'ready');
