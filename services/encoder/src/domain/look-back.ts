/** Up to this part of READINGS the look-back is kept whole … */
const RELAXED_FILL = 0.5;
/** … and from this part on there is none: taking new readings is worth more than recognising old repeats. */
const TIGHT_FILL = 0.9;

/**
 * How far behind the position READINGS is kept, ms, when the stream is filled to `fill` (0 … 1): a full stream refuses
 * readings, so the look-back shrinks before that.
 */
export function affordableLookBackMs(lookBackMs: number, fill: number): number {
  const share = (TIGHT_FILL - fill) / (TIGHT_FILL - RELAXED_FILL);
  return lookBackMs * Math.min(1, Math.max(0, share));
}
