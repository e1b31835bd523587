import { STATUS_REASONS, type StatusReason } from '@gatecast/shared/model';
import { describe, expect, test } from 'vitest';
import { classify, isTlsAlert } from '../../src/domain/classify.ts';
import { ROWS } from './classify-rows.ts';

/** Reasons that no failure stands behind: they are said by the session's own doing, or by who reads the record. */
const NO_FAILURE: readonly StatusReason[] = [
  'delivering',
  'settings_changed',
  'handover',
  'disabled',
  'no_host',
  'starting',
  'connecting',
  'waiting_for_turn',
  'no_owner',
  'moving',
  'encoder_behind',
];

describe('classify', () => {
  test.each(ROWS.map((row) => ({ row, name: JSON.stringify(row[0]) })))('$name', ({ row }) => {
    const [failure, code, statusClass, reason] = row;
    const verdict = classify(failure);
    expect(verdict).toMatchObject({ code, class: statusClass, reason });
    expect(verdict.message).toMatch(/^[A-Z].*\.$/);
  });

  test('every reason that a failure can have is produced by a row', () => {
    const produced = new Set<StatusReason>(ROWS.map(([, , , reason]) => reason));
    expect([...produced, ...NO_FAILURE].sort()).toEqual([...STATUS_REASONS].sort());
  });

  test('a failure is never green', () => {
    for (const [failure] of ROWS) expect(classify(failure).code).toMatch(/^MQTT_ERROR_/);
  });

  test('a detail that a person needs is in the message', () => {
    expect(classify({ phase: 'policy', address: '10.1.2.3' }).message).toContain('10.1.2.3');
    expect(classify({ phase: 'resolve', code: 'EAI_FAIL' }).message).toContain('EAI_FAIL');
    expect(classify({ phase: 'tls', code: 'ERR_SSL_X', detail: 'bad record mac' }).message).toContain('bad record mac');
    expect(classify({ phase: 'session', kind: 'disconnected', reasonCode: 0x93 }).message).toContain('0x93');
  });
});

describe('isTlsAlert', () => {
  test.each([
    ['ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED', true],
    ['ERR_SSL_SSLV3_ALERT_BAD_CERTIFICATE', true],
    ['ERR_SSL_SSL/TLS_ALERT_CERTIFICATE_UNKNOWN', true],
    ['ERR_SSL_WRONG_VERSION_NUMBER', false],
    ['ECONNRESET', false],
  ])('%s: %s', (code, expected) => {
    expect(isTlsAlert(code)).toBe(expected);
  });
});
