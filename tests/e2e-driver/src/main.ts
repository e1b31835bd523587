import { rm } from 'node:fs/promises';
import { Driver } from './driver.ts';
import { listen } from './server.ts';
import { SOCKET_PATH } from './socket-path.ts';

const STOP_DEADLINE_MS = 10_000;

await rm(SOCKET_PATH, { force: true });
const driver = new Driver();
const server = await listen(SOCKET_PATH, driver);
console.log(`listening on ${SOCKET_PATH}`);

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, async () => {
    setTimeout(() => process.exit(1), STOP_DEADLINE_MS).unref();
    server.close();
    await driver.close();
    process.exit(0);
  });
}
