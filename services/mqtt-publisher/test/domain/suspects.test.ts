import { expect, test } from 'vitest';
import type { SessionEnd } from '../../src/domain/session-end.ts';
import { Suspects } from '../../src/domain/suspects.ts';
import { run } from './suspects-world.ts';

/** A session that is proven, takes `counter` and ends. */
function trial(suspects: Suspects, counter: number, end: SessionEnd): void {
  suspects.sessionStarted();
  suspects.proven(true);
  suspects.recorded(suspects.toRecord(counter));
  expect(suspects.maySend(counter)).toBe(true);
  suspects.sent(counter);
  suspects.sessionEnded(end);
}

/** Until message 1 is held aside. */
function held(): Suspects {
  const suspects = new Suspects();
  for (let n = 0; n < 5; n += 1) trial(suspects, 1, 'closed');
  expect(suspects.isHeld(1)).toBe(true);
  return suspects;
}

test('messages that two sessions ended with are sent alone, after a proof, and only once that is recorded', () => {
  const suspects = new Suspects();
  for (let session = 0; session < 2; session += 1) {
    expect(suspects.isCautious).toBe(false);
    suspects.sessionStarted();
    for (const counter of [1, 2]) suspects.sent(counter);
    suspects.sessionEnded('closed');
  }
  expect(suspects.isCautious).toBe(true);
  suspects.sessionStarted();
  expect([suspects.needsProof, suspects.maySend(1)]).toEqual([true, false]);
  suspects.proven(true);
  expect([suspects.needsProof, suspects.maySend(1)]).toEqual([false, false]);
  expect(suspects.toRecord(1)).toEqual([{ n: 1, k: 2, a: 1 }]);
  suspects.recorded(suspects.toRecord(1));
  expect(suspects.maySend(1)).toBe(true);
  suspects.sent(1);
  expect(suspects.maySend(2)).toBe(false);
  suspects.acknowledged(1);
  suspects.recorded(suspects.toRecord(2));
  expect(suspects.maySend(2)).toBe(true);
  suspects.sent(2);
  suspects.acknowledged(2);
  expect([suspects.isCautious, suspects.toRecord(3)]).toEqual([false, []]);
});

test('one that ends its sessions alone is held aside, and is poison once the next message is acknowledged', () => {
  const suspects = held();
  expect(suspects.verdicts).toEqual([]);
  suspects.sessionStarted();
  expect(suspects.maySend(2)).toBe(false);
  suspects.proven(true);
  expect(suspects.maySend(2)).toBe(true);
  suspects.sent(2);
  suspects.acknowledged(2);
  expect(suspects.verdicts).toEqual([1]);
  expect(suspects.isHeld(1)).toBe(true);
  suspects.setAside(1);
  expect([suspects.verdicts, suspects.isHeld(1), suspects.isCautious]).toEqual([[], false, false]);
});

test('when the next ones end their sessions too it is the broker: all are restored', () => {
  const suspects = held();
  for (let n = 0; n < 5; n += 1) trial(suspects, 2, 'closed');
  expect([suspects.isHeld(1), suspects.isHeld(2)]).toEqual([true, true]);
  for (let n = 0; n < 5; n += 1) trial(suspects, 3, 'closed');
  expect([1, 2, 3].map((counter) => suspects.isHeld(counter))).toEqual([false, false, false]);
  expect([suspects.isCautious, suspects.toRecord(1), suspects.verdicts]).toEqual([false, [], []]);
});

test('when nothing follows, the birth message decides, if the broker takes messages at all, and not twice', () => {
  const before = held();
  before.sessionStarted();
  before.proven(false);
  expect(before.verdicts).toEqual([]);

  const suspects = new Suspects();
  suspects.sessionStarted();
  suspects.sent(1);
  suspects.acknowledged(1);
  for (const counter of [2, 3]) {
    for (let n = 0; n < 5; n += 1) trial(suspects, counter, 'closed');
    suspects.sessionStarted();
    suspects.proven(false);
  }
  expect(suspects.verdicts).toEqual([2]);
  expect(suspects.isHeld(3)).toBe(true);
});

test('a broker that hangs and sessions that we end accuse nobody', () => {
  const suspects = new Suspects();
  for (let n = 0; n < 10; n += 1) {
    for (const end of ['unanswered', 'unrelated', 'ours'] as const) trial(suspects, 1, end);
  }
  expect([suspects.isCautious, suspects.toRecord(1)]).toEqual([false, []]);
});

test('sessions that end before the suspect is sent raise what it takes', () => {
  const suspects = new Suspects();
  for (let n = 0; n < 2; n += 1) trial(suspects, 1, 'closed');
  suspects.sessionStarted();
  suspects.sessionEnded('closed');
  for (let n = 0; n < 5; n += 1) trial(suspects, 1, 'closed');
  expect(suspects.isHeld(1)).toBe(false);
  trial(suspects, 1, 'closed');
  expect(suspects.isHeld(1)).toBe(true);
});

test('a DISCONNECT that blames the message it was sent is as good as all attempts; among others it proves nothing', () => {
  const suspects = new Suspects();
  suspects.sessionStarted();
  for (const counter of [1, 2]) suspects.sent(counter);
  suspects.sessionEnded('blamed');
  expect([suspects.isHeld(1), suspects.isHeld(2)]).toEqual([false, false]);
  trial(suspects, 1, 'blamed');
  expect(suspects.isHeld(1)).toBe(true);
});

test('an attempt that ended the process counts, one that did not does not', () => {
  const suspects = new Suspects([{ n: 7, k: 3, a: 1 }]);
  expect(suspects.toRecord(undefined)).toEqual([{ n: 7, k: 4 }]);
  expect(new Suspects([{ n: 7, k: 3 }]).toRecord(undefined)).toEqual([{ n: 7, k: 3 }]);
  expect(new Suspects([{ n: 7, k: 4, a: 1 }]).isHeld(7)).toBe(true);
  expect(new Suspects([{ n: 7, k: 5 }]).isHeld(7)).toBe(true);
});

test('what is held survives its process', () => {
  const restored = new Suspects(held().toRecord(2));
  expect(restored.isHeld(1)).toBe(true);
});

test('a message that is gone for another reason is no suspect any more', () => {
  const suspects = held();
  suspects.setAside(1);
  expect([suspects.isHeld(1), suspects.isCautious]).toEqual([false, false]);
});

test('when it was the broker, nothing is accused for a while, or until it acknowledges something', () => {
  const afterwards = () => {
    const suspects = held();
    for (const counter of [2, 3]) for (let n = 0; n < 5; n += 1) trial(suspects, counter, 'closed');
    for (let n = 0; n < 20; n += 1) trial(suspects, 1, 'closed');
    expect(suspects.isIdle).toBe(true);
    return suspects;
  };
  const waited = afterwards();
  trial(waited, 1, 'closed');
  expect(waited.isIdle).toBe(false);

  const acknowledged = held();
  for (const counter of [2, 3]) for (let n = 0; n < 5; n += 1) trial(acknowledged, counter, 'closed');
  acknowledged.sessionStarted();
  acknowledged.sent(1);
  acknowledged.acknowledged(1);
  for (let n = 0; n < 2; n += 1) trial(acknowledged, 2, 'closed');
  expect(acknowledged.isCautious).toBe(true);
});

test('what is settled, however, is no suspect; other settings acquit all but those found guilty', () => {
  const lost = held();
  lost.settledUpTo(1);
  expect(lost.isIdle).toBe(true);

  const changed = held();
  changed.forget();
  expect([changed.isHeld(1), changed.isIdle]).toEqual([false, true]);

  const guilty = held();
  guilty.sessionStarted();
  guilty.sent(2);
  guilty.acknowledged(2);
  guilty.forget();
  expect([guilty.verdicts, guilty.isHeld(1)]).toEqual([[1], true]);
  guilty.settledUpTo(1);
  expect(guilty.isIdle).toBe(true);
});

test('one poison message costs seven sessions at most', () => {
  const sessions = [{ ticks: Number.POSITIVE_INFINITY, end: 'ours' as const }];
  const outcome = run(30, 20, { poison: new Set([3]), ticksPerPacket: 1, sessions }, 1_000);
  expect(outcome.deadLettered).toEqual([3]);
  expect(outcome.sessions).toBeLessThanOrEqual(7);
});
