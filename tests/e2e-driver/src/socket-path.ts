import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Where the driver listens, and `attach` connects. */
export const SOCKET_PATH = join(tmpdir(), 'e2e-driver.sock');
