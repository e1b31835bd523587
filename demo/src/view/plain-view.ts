import { headline, messageLine, type Scene } from './frame.ts';
import { plainPaint } from './paint.ts';
import { renderTable } from './table.ts';
import type { View } from './view.ts';

const WIDTH = 200;
const TABLE_EVERY_MS = 5_000;
/** Of what came since the last time. */
const MESSAGES_AT_ONCE = 5;

/** For logs and pipes: a table every five seconds, whenever a status changes and at the end; a few of the messages. */
export class PlainView implements View {
  readonly #write: (text: string) => void;
  #tableAt = Number.NEGATIVE_INFINITY;
  #codes = '';
  #seen = 0;
  #problem: string | undefined;
  #latest: Scene | undefined;
  #isClosed = false;

  constructor(write: (text: string) => void) {
    this.#write = write;
  }

  print(line: string): void {
    this.#write(`${line}\n`);
  }

  show(scene: Scene): void {
    if (this.#isClosed) return;
    this.#latest = scene;
    this.#writeLines([...this.#messageLines(scene), ...this.#problemLines(scene), ...this.#tableLines(scene)]);
  }

  close(): void {
    if (this.#latest && this.#latest.runningMs > this.#tableAt) this.#writeLines(table(this.#latest));
    this.#isClosed = true;
  }

  #writeLines(lines: readonly string[]): void {
    if (lines.length > 0) this.#write(`${lines.join('\n')}\n`);
  }

  #messageLines({ messages, messageCount }: Scene): string[] {
    const fresh = Math.min(messageCount - this.#seen, messages.length);
    const skipped = messageCount - this.#seen - Math.min(fresh, MESSAGES_AT_ONCE);
    this.#seen = messageCount;
    if (fresh <= 0) return [];
    const shown = messages.slice(-Math.min(fresh, MESSAGES_AT_ONCE)).map(messageLine);
    return skipped > 0 ? [`(${skipped} more)`, ...shown] : shown;
  }

  #problemLines({ subscriberProblem, board }: Scene): string[] {
    const problem = board.problem ?? (subscriberProblem && `a subscriber sees nothing: ${subscriberProblem}`);
    if (problem === this.#problem) return [];
    this.#problem = problem;
    return problem === undefined ? [] : [problem];
  }

  #tableLines(scene: Scene): string[] {
    const codes = scene.board.rows.map(({ code }) => code).join();
    if (codes === this.#codes && scene.runningMs - this.#tableAt < TABLE_EVERY_MS) return [];
    this.#codes = codes;
    this.#tableAt = scene.runningMs;
    return table(scene);
  }
}

function table(scene: Scene): string[] {
  return [`--- ${headline(scene)}`, ...renderTable(scene.board, WIDTH, scene.now, plainPaint), '---'];
}
