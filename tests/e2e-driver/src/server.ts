import { createServer, type Server, type Socket } from 'node:net';
import { createInterface } from 'node:readline';
import type { DriverMethods, DriverRequest, DriverResponse } from './protocol.ts';

/** Answers that are kept for a runner whose connection broke before it had them. */
const KEPT_ANSWERS = 200;

/** Answers requests on a socket of the file system. Everybody who can open it may ask everything. */
export async function listen(path: string, methods: DriverMethods): Promise<Server> {
  const answers = new Map<string, Promise<DriverResponse>>();
  const answer = (request: DriverRequest) => {
    const known = answers.get(request.id);
    if (known) return known;
    const fresh = perform(methods, request);
    answers.set(request.id, fresh);
    for (const id of answers.keys()) {
      if (answers.size <= KEPT_ANSWERS) break;
      answers.delete(id);
    }
    return fresh;
  };
  const server = createServer((socket) => serve(socket, answer));
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(path, resolve);
  });
  return server;
}

function serve(socket: Socket, answer: (request: DriverRequest) => Promise<DriverResponse>): void {
  socket.on('error', () => undefined); // it asks again, on the next one
  createInterface({ input: socket }).on('line', async (line) => {
    if (line === '') return;
    const response = await answer(JSON.parse(line) as DriverRequest);
    if (socket.writable) socket.write(`${JSON.stringify(response)}\n`);
  });
}

async function perform(methods: DriverMethods, { id, method, params }: DriverRequest): Promise<DriverResponse> {
  try {
    const known = methods[method as keyof DriverMethods] as ((params: unknown) => Promise<unknown>) | undefined;
    if (known === undefined) throw new TypeError(`there is no method ${method}`);
    return { id, result: (await known.call(methods, params)) ?? null };
  } catch (error) {
    return { id, error: error instanceof Error ? error.message : String(error) };
  }
}
