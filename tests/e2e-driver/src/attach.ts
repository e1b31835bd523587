import { connect } from 'node:net';
import { SOCKET_PATH } from './socket-path.ts';

/*
 * Connects its input and output to the driver that runs beside it, as `kubectl exec -i` starts it: what the driver
 * measures does not depend on a connection to the cluster.
 */

const socket = connect(SOCKET_PATH);
socket.on('error', (error) => {
  console.error(error.message);
  process.exit(1);
});
socket.on('close', () => process.exit(0));
process.stdin.pipe(socket);
socket.pipe(process.stdout);
