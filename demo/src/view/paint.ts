import { styleText } from 'node:util';
import type { StatusClass } from '@gatecast/shared/model';

export type Style = 'green' | 'yellow' | 'red' | 'dim' | 'bold';

/** Adds colour, or nothing where there is none. Never changes what is readable. */
export type Paint = (style: Style, text: string) => string;

export const plainPaint: Paint = (_style, text) => text;

/** Colours as `stream` shows them; `NO_COLOR` and `FORCE_COLOR` are obeyed. */
export function paintFor(stream: NodeJS.WritableStream): Paint {
  return (style, text) => styleText(style, text, { stream });
}

const STYLES: Record<StatusClass, Style> = {
  ok: 'green',
  off: 'dim',
  pending: 'yellow',
  user: 'red',
  remote: 'red',
  platform: 'red',
};

/** The colour of a status; a gateway without one is red. */
export function styleOf(statusClass: StatusClass | undefined): Style {
  return statusClass === undefined ? 'red' : STYLES[statusClass];
}
