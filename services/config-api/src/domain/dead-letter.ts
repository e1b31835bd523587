import type { MqttMessage } from '@gatecast/shared/outbox';

/** `unreadable`: what it holds is not known here. */
export type LetterKind = 'measurements' | 'messages' | 'unreadable';

/** What is known of a dead letter without its body. */
export interface LetterHead {
  /** Sequence in DEADLETTER. */
  id: number;
  /** When it was set aside, ms since the epoch. */
  time: number;
  /** Why. Stable, and the list may grow. */
  reason: string;
  kind: LetterKind;
  /** Registration of the gateway that it belongs to; undefined: nobody knows. */
  incarnation: string | undefined;
  /** Of the body. */
  bytes: number;
}

export interface DeadLetter extends LetterHead {
  body: Uint8Array;
}

/**
 * Whether a letter is of the gateway's present registration. A former one may have been another workspace's: what such a
 * letter holds is shown to nobody.
 */
export type Registration = 'current' | 'former' | 'unknown';

export function registrationOf({ incarnation }: LetterHead, current: string): Registration {
  if (incarnation === undefined) return 'unknown';
  return incarnation === current ? 'current' : 'former';
}

/** Bytes as text where they are UTF-8, otherwise as base64. */
export type Content = { text: string } | { base64: string };

const strictUtf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

export function contentOf(bytes: Uint8Array): Content {
  try {
    return { text: strictUtf8.decode(bytes) };
  } catch {
    return { base64: Buffer.from(bytes).toString('base64') };
  }
}

export interface ShownMessage {
  topic: string;
  retain: boolean;
  payload: Content;
}

export function shownMessage({ topic, retain, payload }: MqttMessage): ShownMessage {
  return { topic, retain, payload: contentOf(payload) };
}

const PREVIEW_CHARACTERS = 200;

/** The beginning of a text; undefined for what is no text. */
export function previewOf(bytes: Uint8Array): string | undefined {
  const content = contentOf(bytes);
  return 'text' in content ? content.text.slice(0, PREVIEW_CHARACTERS).toWellFormed() : undefined;
}
