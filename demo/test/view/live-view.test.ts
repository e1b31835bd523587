import { EventEmitter } from 'node:events';
import { beforeEach, expect, test } from 'vitest';
import { LiveView } from '../../src/view/live-view.ts';
import { messages, scene } from './scene.ts';

const ESC = '\u001b';
const PARTS = new RegExp(`${ESC}\\[[?\\d;]*[A-Za-z]|\\r|\\n|[^${ESC}\\r\\n]+`, 'g');
const UP = new RegExp(`^${ESC}\\[(\\d+)A$`);

/** As much of a terminal as is needed to tell what is on the screen. */
class FakeTerminal extends EventEmitter {
  columns = 60;
  rows = 15;
  readonly writable = true;
  lines: string[] = [''];
  #row = 0;

  write(text: string): boolean {
    for (const [part] of text.matchAll(PARTS)) this.#take(part);
    return true;
  }

  get screen(): string[] {
    return this.lines.slice(0, -1);
  }

  #take(part: string): void {
    const up = UP.exec(part);
    if (up) this.#row -= Number(up[1]);
    else if (part === `${ESC}[H`) this.#row = 0;
    else if (part === `${ESC}[J` || part === `${ESC}[2J`) this.lines = [...this.lines.slice(0, this.#row), ''];
    else if (part === '\n') {
      this.#row += 1;
      this.lines[this.#row] ??= '';
    } else if (!part.startsWith(ESC) && part !== '\r') this.lines[this.#row] = part;
  }
}

let terminal: FakeTerminal;
let view: LiveView;

beforeEach(() => {
  terminal = new FakeTerminal();
  view = new LiveView(terminal as unknown as ConstructorParameters<typeof LiveView>[0]);
});

test('draws in place, below what was printed', () => {
  view.print('introduction');
  view.show(scene({ runningMs: 1000, messages: messages(3) }));
  const first = terminal.screen;
  expect(first[0]).toBe('introduction');
  expect(first[1]).toMatch(/^running for 1.0 s/);
  expect(first.at(-1)).toBe('Aranet/gw/3 22.8');
  view.show(scene({ runningMs: 2000, messages: messages(1) }));
  expect(terminal.screen).toHaveLength(first.length - 2);
  expect(terminal.screen[1]).toMatch(/^running for 2.0 s/);
  expect(terminal.screen.at(-1)).toBe('Aranet/gw/1 22.8');
});

test('a line that stays comes above', () => {
  view.show(scene());
  view.print('first message');
  expect(terminal.screen[0]).toBe('first message');
  expect(terminal.screen[1]).toMatch(/^running for/);
  expect(terminal.screen.filter((line) => line.startsWith('running'))).toHaveLength(1);
});

test('another size: everything again', () => {
  view.print('introduction');
  view.show(scene());
  terminal.columns = 20;
  terminal.emit('resize');
  expect(terminal.screen[0]).toBe('introduction');
  expect(terminal.screen.slice(1).every((line) => line.length <= 20)).toBe(true);
  expect(terminal.screen.filter((line) => line.startsWith('running'))).toHaveLength(1);
});

test('after the end the last picture stays, and lines follow it', () => {
  view.show(scene());
  const last = terminal.screen;
  view.close();
  view.print('stopped');
  terminal.emit('resize');
  expect(terminal.screen).toEqual([...last, 'stopped']);
});
