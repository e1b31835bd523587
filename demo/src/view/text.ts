/** The text on one line of a terminal: what could move the cursor or ring the bell is shown as a dot. */
export function printable(text: string): string {
  return text.replaceAll(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, '·');
}

/** At most `width` characters, the last one `…` where something is cut off. */
export function clip(text: string, width: number): string {
  if (text.length <= width) return text;
  const characters = [...text];
  if (characters.length <= width) return text;
  return width <= 0 ? '' : `${characters.slice(0, width - 1).join('')}…`;
}

/** `0.4 s`, `12 s`, `3 min`, `2 h`. */
export function duration(ms: number): string {
  const seconds = Math.max(0, ms) / 1000;
  if (seconds < 9.95) return `${seconds.toFixed(1)} s`;
  if (seconds < 99.5) return `${Math.round(seconds)} s`;
  if (seconds < 5_970) return `${Math.round(seconds / 60)} min`;
  return `${Math.round(seconds / 3_600)} h`;
}

/** `12,345` */
export function count(value: number): string {
  return value.toLocaleString('en-US');
}
