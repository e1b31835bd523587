import type { WriteStream } from 'node:tty';
import { renderFrame, type Scene } from './frame.ts';
import { paintFor } from './paint.ts';
import type { View } from './view.ts';

const CSI = '\u001b[';
/** Lines never wrap, whatever is on them: a wrapped one would shift everything below. */
const WRAP_OFF = `${CSI}?7l`;
const WRAP_ON = `${CSI}?7h`;
const ERASE_LINE = `${CSI}K`;
const ERASE_BELOW = `${CSI}J`;
/** Lines that are printed again when the terminal has another size. */
const PRINTED_KEPT = 100;

type Terminal = Pick<WriteStream, 'write' | 'columns' | 'rows' | 'on' | 'off'> & NodeJS.WritableStream;

/**
 * Draws in place, at the bottom of what was printed before. It asks nothing of the terminal that would have to be undone:
 * after a `kill -9` it is as usable as before.
 */
export class LiveView implements View {
  readonly #terminal: Terminal;
  readonly #paint: ReturnType<typeof paintFor>;
  /** Lines of the frame on the screen, the cursor below them. */
  #height = 0;
  #scene: Scene | undefined;
  readonly #printed: string[] = [];
  readonly #onResize = () => this.#redraw();

  constructor(terminal: Terminal) {
    this.#terminal = terminal;
    this.#paint = paintFor(terminal);
    terminal.on('resize', this.#onResize);
  }

  print(line: string): void {
    this.#terminal.write(`${this.#toTop()}${ERASE_BELOW}${line}\n`);
    this.#height = 0;
    this.#printed.push(line);
    if (this.#printed.length > PRINTED_KEPT) this.#printed.shift();
    if (this.#scene) this.#draw(this.#scene);
  }

  show(scene: Scene): void {
    this.#scene = scene;
    this.#draw(scene);
  }

  close(): void {
    this.#terminal.off('resize', this.#onResize);
    this.#scene = undefined;
    this.#height = 0;
  }

  #draw(scene: Scene): void {
    const { columns = 80, rows = 24 } = this.#terminal;
    const lines = renderFrame(scene, { width: columns, height: Math.max(1, rows - 1) }, this.#paint);
    const text = lines.map((line) => `${line}${ERASE_LINE}\n`).join('');
    this.#terminal.write(`${WRAP_OFF}${this.#toTop()}${text}${ERASE_BELOW}${WRAP_ON}`);
    this.#height = lines.length;
  }

  /** A terminal of another width has wrapped, or unwrapped, the old frame: nobody knows where it begins now. */
  #redraw(): void {
    if (!this.#scene) return;
    this.#terminal.write(`${CSI}H${CSI}2J${this.#printed.map((line) => `${line}\n`).join('')}`);
    this.#height = 0;
    this.#draw(this.#scene);
  }

  #toTop(): string {
    return this.#height === 0 ? '' : `\r${CSI}${this.#height}A`;
  }
}
