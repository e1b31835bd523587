import { expect, test } from 'vitest';
import type { Failure } from '../../src/domain/failure.ts';
import { endOfSession, type SessionEnd } from '../../src/domain/session-end.ts';

const disconnected = (reasonCode: number): Failure => ({ phase: 'session', kind: 'disconnected', reasonCode });
const refused = (reasonCode: number): Failure => ({ phase: 'publish', reasonCode });

test.each<[SessionEnd, Failure[]]>([
  [
    'closed',
    [
      { phase: 'session', kind: 'closed' },
      { phase: 'session', kind: 'reset' },
    ],
  ],
  ['closed', [{ phase: 'session', kind: 'protocol_error' }]],
  ['closed', [0x00, 0x81, 0x82, 0x87, 0x93].map(disconnected)],
  ['blamed', [0x90, 0x94, 0x95, 0x99].map(disconnected)],
  ['unrelated', [0x89, 0x8b, 0x8d, 0x8e, 0x97].map(disconnected)],
  [
    'unanswered',
    [
      { phase: 'session', kind: 'ack_timeout' },
      { phase: 'session', kind: 'keep_alive_timeout' },
    ],
  ],
  ['closed', [0x80, 0x83].map(refused)],
  ['unrelated', [refused(0x97), { phase: 'tls', code: 'ERR_SSL_ALERT', detail: '' }]],
])('%s: %j', (end, failures) => {
  expect(failures.map(endOfSession)).toEqual(failures.map(() => end));
});
