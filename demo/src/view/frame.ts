import type { Board } from '../status-board.ts';
import type { SubscriberMessage } from '../subscriber.ts';
import type { Paint } from './paint.ts';
import { renderTable } from './table.ts';
import { clip, count, duration, printable } from './text.ts';

/** What there is to see at one moment. */
export interface Scene {
  readonly board: Board;
  /** Oldest first. */
  readonly messages: readonly SubscriberMessage[];
  readonly messageCount: number;
  /** Why the subscriber sees nothing now. */
  readonly subscriberProblem: string | undefined;
  /** Ms since the demo was started, at the first measurement that arrived. */
  readonly firstMessageAfterMs: number | undefined;
  /** Since the demo was started, ms. */
  readonly runningMs: number;
  /** Ms since the epoch. */
  readonly now: number;
}

export interface Size {
  readonly width: number;
  readonly height: number;
}

const FEWEST_MESSAGES = 3;
const MOST_MESSAGES = 12;

/** The lines of a screen of that size, table above, messages below. Pure. */
export function renderFrame(scene: Scene, { width, height }: Size, paint: Paint): string[] {
  const head = [paint('bold', clip(headline(scene), width))];
  const problems = [scene.board.problem].filter((problem) => problem !== undefined);
  const table = renderTable(scene.board, width, scene.now, paint);
  const fixed = head.length + problems.length + 2;
  const tableRoom = Math.max(2, height - fixed - FEWEST_MESSAGES);
  const shown = table.length <= tableRoom ? table : [...table.slice(0, tableRoom - 1), paint('dim', '…')];
  const messageRoom = Math.min(MOST_MESSAGES, Math.max(0, height - fixed - shown.length));
  return [
    ...head,
    ...problems.map((problem) => paint('red', clip(problem, width))),
    ...shown,
    '',
    paint('dim', clip(messageTitle(scene), width)),
    ...renderMessages(scene.messages, messageRoom, width),
  ].slice(0, height);
}

export function headline({ runningMs, firstMessageAfterMs }: Scene): string {
  const first =
    firstMessageAfterMs === undefined ? 'no message yet' : `first message after ${duration(firstMessageAfterMs)}`;
  return `running for ${duration(runningMs)}, ${first}`;
}

function messageTitle({ messageCount, subscriberProblem }: Scene): string {
  if (subscriberProblem !== undefined) return `A subscriber sees nothing: ${printable(subscriberProblem)}`;
  return `What a subscriber sees (${count(messageCount)} messages so far)`;
}

function renderMessages(messages: readonly SubscriberMessage[], room: number, width: number): string[] {
  return room === 0 ? [] : messages.slice(-room).map((message) => clip(messageLine(message), width));
}

export function messageLine({ topic, payload }: SubscriberMessage): string {
  return printable(`${topic} ${payload}`);
}
