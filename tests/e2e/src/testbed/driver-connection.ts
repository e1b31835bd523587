import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { Connect } from '@gatecast/e2e-driver';
import { DRIVER } from './driver-resources.ts';

/** Where the image has what connects to the driver in it. */
const ATTACH = ['node', 'tests/e2e-driver/dist/attach.js'];

/** Connects to the driver in the cluster, by `kubectl exec`. It ends with its input, that is with this process at last. */
export function driverIn(namespace: string): Connect {
  return (onLine, onClose) => {
    const args = ['--namespace', namespace, 'exec', '--stdin', `deployment/${DRIVER}`, '--', ...ATTACH];
    const attached = spawn('kubectl', args, { stdio: 'pipe' });
    let errors = '';
    attached.stderr.on('data', (chunk) => {
      errors += chunk;
    });
    createInterface({ input: attached.stdout }).on('line', onLine);
    attached.stdin.on('error', () => undefined); // it has ended, which is said below
    attached.once('error', ({ message }) => onClose(message));
    attached.once('close', (code) => onClose(`kubectl exec ended with ${code}: ${errors.trim()}`));
    return {
      send: (line) => attached.stdin.write(`${line}\n`),
      close: () => attached.kill(),
    };
  };
}
