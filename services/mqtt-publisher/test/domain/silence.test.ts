import { describe, expect, test } from 'vitest';
import { Silence } from '../../src/domain/silence.ts';

const AFTER = 180_000;

describe('Silence', () => {
  test('is decided when readings are overdue, and only after a look at what is on its way', () => {
    const silence = new Silence(AFTER, 0);
    silence.heard(1_000, 1_000);
    expect(silence.presence(AFTER + 999)).toBe('present');
    expect(silence.presence(AFTER + 1_000)).toBe('unsure');
    silence.confirm(AFTER + 1_000);
    expect(silence.presence(AFTER + 1_000)).toBe('silent');
    expect(silence.since).toBe(1_000);
    expect(silence.checkpoint()).toEqual({ a: 1_000, q: 1 });
  });

  test('before the first reading it counts from the registration', () => {
    const silence = new Silence(AFTER, 5_000);
    expect(silence.overdueAt).toBe(AFTER + 5_000);
    expect(silence.checkpoint()).toEqual({});
  });

  test('ends with a reading, not with one that is as old as itself, nor with a repeat', () => {
    const silence = new Silence(AFTER, 0, { a: 1_000, q: 1 });
    const now = 10 * AFTER;
    silence.confirm(now);
    silence.heard(1_000, now);
    silence.heard(now - AFTER, now);
    expect(silence.presence(now)).toBe('silent');
    silence.heard(now, now);
    expect(silence.presence(now)).toBe('present');
    expect(silence.checkpoint()).toEqual({ a: now });
  });

  test('what was accepted and has not come yet defers it', () => {
    const silence = new Silence(AFTER, 0);
    silence.defer(100_000);
    silence.confirm(AFTER);
    expect(silence.presence(AFTER)).toBe('present');
    expect(silence.presence(AFTER + 100_000)).toBe('unsure');
  });

  test('0: never', () => {
    const silence = new Silence(0, 0, { a: 1, q: 1 });
    silence.confirm(10 * AFTER);
    expect(silence.presence(10 * AFTER)).toBe('present');
    expect(silence.overdueAt).toBeUndefined();
  });

  test('a successor whose clock is a little behind does not call it present', () => {
    const silence = new Silence(AFTER, 0, { a: 0, q: 1 });
    expect(silence.presence(AFTER - 5_000)).toBe('unsure');
    silence.confirm(AFTER - 5_000);
    expect(silence.presence(AFTER - 5_000)).toBe('silent');
  });

  test('a successor is not misled by metadata that was accepted meanwhile', () => {
    const silence = new Silence(AFTER, 0, { a: 0, q: 1 });
    silence.defer(2 * AFTER);
    silence.confirm(2 * AFTER);
    expect(silence.presence(2 * AFTER)).toBe('silent');
  });

  test('other settings count at once, in both directions', () => {
    const silence = new Silence(AFTER, 0, { a: 0 });
    silence.confirm(AFTER);
    silence.allow(2 * AFTER, AFTER);
    expect(silence.presence(AFTER)).toBe('present');
    silence.allow(AFTER / 2, AFTER);
    expect(silence.presence(AFTER)).toBe('unsure');
    silence.confirm(AFTER);
    silence.allow(AFTER / 3, AFTER);
    expect(silence.presence(AFTER)).toBe('silent');
    silence.allow(0, AFTER);
    expect(silence.presence(AFTER)).toBe('present');
  });

  test('switched on, it counts from then: readings came and went unseen before', () => {
    const silence = new Silence(0, 0, { a: 0 });
    const now = 10 * AFTER;
    silence.allow(AFTER, now);
    expect(silence.presence(now)).toBe('present');
    expect(silence.overdueAt).toBe(now + AFTER);
  });
});
