import { STATUS_CODES, STATUS_REASONS } from '@gatecast/shared/model';
import { describe, expect, it } from 'vitest';
import { ROWS } from '../../../services/mqtt-publisher/test/domain/classify-rows.ts';
import { codesOf, readPage, rowsOf } from './tables.ts';

/** What is said without a failure: by the session's own doing, or by who reads the record. */
const WITHOUT_FAILURE = [
  'MQTT_INFO_NO_ERR ok delivering',
  'MQTT_INFO_SELF_INIT_DISCONN ok settings_changed',
  'MQTT_INFO_SELF_INIT_DISCONN ok handover',
  'MQTT_INFO_DISABLED_BY_USER off disabled',
  'MQTT_INFO_DISABLED_BY_USER off no_host',
  'MQTT_WARNING_CONNECTING pending moving',
  'MQTT_WARNING_CONNECTING pending starting',
  'MQTT_WARNING_CONNECTING pending connecting',
  'MQTT_WARNING_CONNECTING pending waiting_for_turn',
  'MQTT_WARNING_CONNECTING platform no_owner',
  'MQTT_WARNING_CONNECTING platform encoder_behind',
];

describe('docs/status-codes.md', () => {
  const rows = rowsOf(readPage('docs/status-codes.md'), 'reason').map(({ section, cells }) => {
    const [reason = '', statusClass = ''] = cells;
    return { code: codesOf(section)[0] ?? '', reason: codesOf(reason)[0] ?? '', statusClass, cells };
  });
  const sorted = (items: Iterable<string>) => [...new Set(items)].sort();

  it('has a section for every code, and no other', () => {
    expect(sorted(rows.map(({ code }) => code))).toEqual(sorted(STATUS_CODES));
  });

  it('has a row for every reason, and no other', () => {
    expect(sorted(rows.map(({ reason }) => reason))).toEqual(sorted(STATUS_REASONS));
  });

  it('has each reason under the codes, and with the class, that the services give it', () => {
    const documented = rows.map(({ code, statusClass, reason }) => `${code} ${statusClass} ${reason}`);
    const given = ROWS.map(([, code, statusClass, reason]) => `${code} ${statusClass} ${reason}`);
    expect(documented.length, 'no row twice').toBe(new Set(documented).size);
    expect(sorted(documented)).toEqual(sorted([...given, ...WITHOUT_FAILURE]));
  });

  it('says of each what causes it and what to do', () => {
    for (const { reason, cells } of rows) {
      expect(cells, reason).toHaveLength(4);
      expect(cells[2], reason).not.toBe('');
      expect(cells[3], reason).not.toBe('');
    }
  });
});
