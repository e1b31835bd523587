import type { MsgHdrs } from '@nats-io/nats-core';
import { GatecastError } from '../errors/index.ts';

/** What is needed of a message's headers; those of the client library have it too. */
export type MessageHeaders = Pick<MsgHdrs, 'get' | 'has' | 'keys' | 'values' | 'set'>;

const VERSION = 'NATS/1.0';
const END = '\r\n\r\n';

/**
 * Headers as the text that travels (NATS ADR-4), written and searched as such. Those of the client library are a map of
 * lists that validates and searches every name at every step: with our six, that costs more than the rest of a publish.
 * Names are case-sensitive and stand once.
 */
export class HeaderBlock implements MessageHeaders {
  /** Without its end. */
  #text: string;

  constructor(text = VERSION) {
    this.#text = text;
  }

  /** Undefined when `block` is not the headers of a message without a status. */
  static parse(block: Uint8Array): HeaderBlock | undefined {
    const text = Buffer.from(block.buffer, block.byteOffset, block.byteLength).toString('utf8');
    if (!text.startsWith(`${VERSION}\r\n`) || !text.endsWith(END)) return undefined;
    return new HeaderBlock(text.slice(0, -END.length));
  }

  /** The value; '' when there is none. */
  get(name: string): string {
    const start = this.#text.indexOf(`\r\n${name}:`);
    if (start < 0) return '';
    const from = start + name.length + 3;
    const end = this.#text.indexOf('\r\n', from);
    return (end < 0 ? this.#text.slice(from) : this.#text.slice(from, end)).trim();
  }

  has(name: string): boolean {
    return this.#text.includes(`\r\n${name}:`);
  }

  keys(): string[] {
    return this.#text
      .split('\r\n')
      .slice(1)
      .map((line) => line.slice(0, line.indexOf(':')));
  }

  values(name: string): string[] {
    return this.has(name) ? [this.get(name)] : [];
  }

  /** @throws {GatecastError} `PAYLOAD_MALFORMED` when the value would begin another header. */
  set(name: string, value: string): void {
    if (/[\r\n]/.test(value)) throw new GatecastError('PAYLOAD_MALFORMED', `${name} has a line break`);
    this.delete(name);
    this.#text += `\r\n${name}: ${value}`;
  }

  delete(name: string): void {
    const start = this.#text.indexOf(`\r\n${name}:`);
    if (start < 0) return;
    const end = this.#text.indexOf('\r\n', start + 2);
    this.#text = this.#text.slice(0, start) + (end < 0 ? '' : this.#text.slice(end));
  }

  /** What the client library sends. */
  encode(): Uint8Array {
    return Buffer.from(this.#text + END);
  }
}
