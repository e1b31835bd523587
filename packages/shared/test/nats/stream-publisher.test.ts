import { setImmediate as nextTurn } from 'node:timers/promises';
import { JetStreamApiError } from '@nats-io/jetstream';
import { errors, headers, type Msg, type NatsConnection, type PublishOptions } from '@nats-io/nats-core';
import { beforeEach, expect, test } from 'vitest';
import { HeaderBlock } from '../../src/nats/header-block.ts';
import { StreamPublisher } from '../../src/nats/stream-publisher.ts';
import { ManualClock } from '../../src/testing/index.ts';

const TIMEOUT_MS = 5_000;
const NOTHING = new Uint8Array();

type Callback = (error: Error | null, message: Msg) => void;

/** A connection whose server is the test. */
class FakeConnection {
  readonly published: { subject: string; reply: string }[] = [];
  readonly subscriptions: Callback[] = [];
  fail: Error | undefined;

  publish(subject: string, _data: Uint8Array, options: PublishOptions): void {
    if (this.fail) throw this.fail;
    this.published.push({ subject, reply: options.reply! });
  }

  subscribe(_subject: string, { callback }: { callback: Callback }) {
    this.subscriptions.push(callback);
    return {};
  }

  answer(index: number, answer: object | undefined, code = 0): void {
    const data = answer === undefined ? NOTHING : Buffer.from(JSON.stringify(answer));
    const message = {
      subject: this.published[index]!.reply,
      data,
      headers: code === 0 ? undefined : headers(code, 'No Responders'),
      json: () => answer,
    };
    this.subscriptions.at(-1)!(null, message as unknown as Msg);
  }
}

let clock: ManualClock;
let connection: FakeConnection;
let publisher: StreamPublisher;

beforeEach(() => {
  clock = new ManualClock();
  connection = new FakeConnection();
  publisher = new StreamPublisher(connection as unknown as NatsConnection, TIMEOUT_MS, {
    inboxPrefix: '_INBOX.test',
    clock,
  });
});

const publish = (subject: string) => publisher.publish(subject, NOTHING, new HeaderBlock());

test('sends at the end of the turn, and gives each publish its own answer, in whatever order they come', async () => {
  const [first, second] = [publish('a'), publish('b')];
  expect(connection.published).toEqual([]);
  await nextTurn();
  connection.answer(1, { seq: 8, duplicate: true });
  connection.answer(0, { seq: 7 });
  connection.answer(0, { seq: 9 }); // once more: nobody waits for it
  expect(await first).toEqual({ sequence: 7, duplicate: false });
  expect(await second).toEqual({ sequence: 8, duplicate: true });
  expect(connection.subscriptions).toHaveLength(1);
});

test('a refusal of the stream is an error of the API', async () => {
  const refused = publish('a');
  await nextTurn();
  connection.answer(0, { seq: 0, error: { code: 400, err_code: 10071, description: 'wrong last sequence: 3' } });
  const error = await refused.catch((reason: unknown) => reason);
  expect(error).toBeInstanceOf(JetStreamApiError);
  expect(error).toMatchObject({ code: 10071 });
});

test('without a stream nobody answers', async () => {
  const unheard = publish('a');
  await nextTurn();
  connection.answer(0, undefined, 503);
  await expect(unheard).rejects.toBeInstanceOf(errors.NoRespondersError);
});

test('what gets no answer times out, each at its own time', async () => {
  const early = publish('a').catch((error: unknown) => error);
  await nextTurn();
  await clock.advance(TIMEOUT_MS - 1);
  const late = publish('b').catch((error: unknown) => error);
  await nextTurn();
  await clock.advance(1);
  expect(await early).toBeInstanceOf(errors.TimeoutError);
  connection.answer(0, { seq: 1 }); // too late
  await clock.advance(TIMEOUT_MS - 2);
  connection.answer(1, { seq: 2 });
  expect(await late).toEqual({ sequence: 2, duplicate: false });
});

test('a cut leaves the outcome of what is under way unknown, and nothing else', async () => {
  const cut = publish('a');
  await nextTurn();
  publisher.cut();
  await expect(cut).rejects.toMatchObject({ code: 'OUTCOME_UNKNOWN', retryable: true });
  const next = publish('b');
  await nextTurn();
  connection.answer(1, { seq: 1 });
  expect(await next).toMatchObject({ sequence: 1 });
});

test('a publish that is not permitted is refused at once; others are not', async () => {
  const [denied, allowed] = [publish('a'), publish('b')];
  await nextTurn();
  publisher.refused(new errors.PermissionViolationError('no', 'publish', 'a'));
  await expect(denied).rejects.toBeInstanceOf(errors.PermissionViolationError);
  connection.answer(1, { seq: 1 });
  expect(await allowed).toMatchObject({ sequence: 1 });
});

test('without permission for its inbox everything is refused, and the next publish tries again', async () => {
  const denied = publish('a');
  await nextTurn();
  connection.subscriptions[0]!(new errors.PermissionViolationError('no', 'subscription', '_INBOX'), {} as Msg);
  await expect(denied).rejects.toBeInstanceOf(errors.PermissionViolationError);
  const next = publish('b');
  await nextTurn();
  expect(connection.subscriptions).toHaveLength(2);
  connection.answer(1, { seq: 1 });
  expect(await next).toMatchObject({ sequence: 1 });
});

test('what the connection does not take is refused', async () => {
  connection.fail = new errors.ClosedConnectionError();
  await expect(publish('a')).rejects.toBe(connection.fail);
});
