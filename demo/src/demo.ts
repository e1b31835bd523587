import { LogFiles } from '@gatecast/local-stack';
import { delay, systemClock } from '@gatecast/shared/lifecycle';
import type { DemoOptions } from './arguments.ts';
import { introduction } from './introduction.ts';
import { type Failure, ROOT_TOPIC, Session } from './session.ts';
import { StatusBoard } from './status-board.ts';
import { count, duration } from './view/text.ts';
import type { View } from './view/view.ts';

export interface DemoContext {
  readonly view: View;
  /** Settings of OpenTelemetry, handed to the services. */
  readonly telemetryEnv: Record<string, string>;
  /** Ms since this process was started. */
  readonly uptimeMs: () => number;
  /** Asks the demo to end. */
  readonly signal: AbortSignal;
}

/** Why the demo ends. */
type End = 'asked' | 'over' | Failure;

const REFRESH_MS = 1_000;
const MESSAGES_KEPT_IN_VIEW = 50;

/** Runs the demo from start to end. Returns the exit code: 0 when it was asked to end, or its time was over. */
export async function runDemo(options: DemoOptions, context: DemoContext): Promise<number> {
  const { view, telemetryEnv, uptimeMs, signal } = context;
  const logs = await LogFiles.create('demo');
  let firstMessageAfterMs: number | undefined;
  view.print('starting NATS, the services and the gateways …');
  let session: Session;
  try {
    session = await Session.start({
      demo: options,
      logs,
      telemetryEnv,
      onFirstMeasurement: () => {
        firstMessageAfterMs = uptimeMs();
        view.print(`first message after ${duration(firstMessageAfterMs)}`);
      },
      signal,
    });
  } catch (error) {
    return await endOfFailedStart(error, context, logs);
  }
  introduce(session, options, view, logs);
  const end = await untilEnd(session, options, context, () => firstMessageAfterMs);
  view.close();
  return await stop(session, end, context, logs);
}

function introduce(session: Session, demo: DemoOptions, view: View, logs: LogFiles): void {
  const { broker, stack, gateways } = session;
  const lines = introduction({
    demo,
    broker,
    rootTopic: ROOT_TOPIC,
    apiUrl: stack.api.baseUrl,
    ingestUrl: stack.ingest.baseUrl,
    apiKey: stack.apiKey,
    workspace: stack.api.workspace,
    gatewayId: gateways[0]?.gatewayId ?? '',
    logFolder: logs.folder,
  });
  for (const line of lines) view.print(line);
}

/** Shows how it goes, once a second, until something ends it. */
async function untilEnd(
  session: Session,
  { durationSeconds }: DemoOptions,
  { view, uptimeMs, signal }: DemoContext,
  firstMessageAfterMs: () => number | undefined,
): Promise<End> {
  const { subscriber, gateways, stack } = session;
  const board = new StatusBoard(
    stack.api,
    gateways.map(({ gatewayId }) => gatewayId),
  );
  const show = async () =>
    view.show({
      board: await board.refresh(),
      messages: subscriber.latest(MESSAGES_KEPT_IN_VIEW),
      messageCount: subscriber.count,
      subscriberProblem: subscriber.problem,
      firstMessageAfterMs: firstMessageAfterMs(),
      runningMs: uptimeMs(),
      now: systemClock.now(),
    });
  const overAt = uptimeMs() + (durationSeconds ?? Number.POSITIVE_INFINITY) * 1000;
  for (;;) {
    await show();
    const failure = await Promise.race([
      session.failure,
      delay(Math.min(REFRESH_MS, Math.max(0, overAt - uptimeMs())), systemClock, signal),
    ]);
    if (signal.aborted) return 'asked';
    if (failure) return failure;
    if (uptimeMs() < overAt) continue;
    await show();
    return 'over';
  }
}

async function stop(session: Session, end: End, { view }: DemoContext, logs: LogFiles): Promise<number> {
  const isFailure = typeof end === 'object';
  if (isFailure) for (const line of failureText(end)) view.print(line);
  view.print(end === 'asked' ? 'stopping … (once more to end at once)' : 'stopping …');
  const seen = session.subscriber.count;
  let isClean = !isFailure;
  try {
    await session.stop();
  } catch (error) {
    isClean = false;
    view.print(`did not stop cleanly: ${String(error)}`);
  }
  view.print(`stopped; a subscriber saw ${count(seen)} messages`);
  if (!isClean) return await keepLogs(view, logs);
  await logs.remove();
  return 0;
}

async function endOfFailedStart(error: unknown, { view, signal }: DemoContext, logs: LogFiles): Promise<number> {
  view.close();
  if (signal.aborted) {
    await logs.remove();
    view.print('stopped before everything had started');
    return 0;
  }
  view.print(error instanceof Error ? `${error.name}: ${error.message}` : String(error));
  return await keepLogs(view, logs);
}

async function keepLogs(view: View, logs: LogFiles): Promise<number> {
  await logs.close();
  view.print(`the logs are kept in ${logs.folder}`);
  return 1;
}

function failureText({ process, exit, lastLines }: Failure): string[] {
  const how = exit.signal ?? `exit code ${exit.code}`;
  return [`${process} has ended by itself (${how}); its last lines:`, ...lastLines.map((line) => `  ${line}`)];
}
