import type { BrokerLimits, StatusRecord } from '@gatecast/shared/model';
import type { Verdict } from './classify.ts';

export interface StatusIdentity {
  gatewayId: string;
  workspace: string;
  fleet: string;
  incarnation: string;
  moves?: number;
}

const CONNECTING: Verdict = {
  code: 'MQTT_WARNING_CONNECTING',
  class: 'pending',
  reason: 'connecting',
  message: 'Connecting.',
};
const WAITING_FOR_TURN: Verdict = {
  code: 'MQTT_WARNING_CONNECTING',
  class: 'pending',
  reason: 'waiting_for_turn',
  message: 'Waiting for its turn: many sessions are being connected.',
};
const DELIVERING: Verdict = {
  code: 'MQTT_INFO_NO_ERR',
  class: 'ok',
  reason: 'delivering',
  message: 'Connected.',
};

/**
 * The status of one gateway as its session's owner sees it. After the first outcome an error stays until the next
 * success: it does not flip back to connecting at each attempt.
 */
export class StatusTracker {
  #record: StatusRecord | undefined;
  #identity: StatusIdentity;
  #owner: { instance: string; epoch: number };
  #silentSince: number | undefined;
  readonly #now: () => Date;
  readonly #emit: (record: StatusRecord, transition: boolean) => void;

  constructor(
    identity: StatusIdentity,
    owner: { instance: string; epoch: number },
    now: () => Date,
    emit: (record: StatusRecord, transition: boolean) => void,
  ) {
    this.#identity = identityOf(identity);
    this.#owner = owner;
    this.#now = now;
    this.#emit = emit;
  }

  get current(): StatusRecord | undefined {
    return this.#record;
  }

  /** A new epoch of the same process, or a changed registration. */
  reidentify(identity: StatusIdentity, owner: { instance: string; epoch: number }): void {
    this.#identity = identityOf(identity);
    this.#owner = owner;
    if (!this.#record) return;
    this.#record = { ...this.#record, ...this.#identity, owner, updated: this.#now().toISOString() };
    this.#emit(this.#record, false);
  }

  /** No outcome yet since start or a change of settings. */
  connecting(host: string): void {
    this.#set(CONNECTING, { host, attempt: 1 });
  }

  /** The same, and the first attempt has not begun: many others are before it. */
  waitingForTurn(host: string): void {
    this.#set(WAITING_FOR_TURN, { host });
  }

  disabled(why: 'disabled' | 'no_host'): void {
    this.#set(
      {
        code: 'MQTT_INFO_DISABLED_BY_USER',
        class: 'off',
        reason: why,
        message: why === 'disabled' ? 'The integration is switched off.' : 'No host is set.',
      },
      {},
    );
  }

  /** We closed the session ourselves. */
  closedByUs(reason: 'settings_changed' | 'handover', message: string): void {
    this.#set({ code: 'MQTT_INFO_SELF_INIT_DISCONN', class: 'ok', reason, message }, {});
  }

  /** @param broker what the broker imposes */
  delivering(
    host: string,
    {
      serverKeepAliveSeconds,
      brokerLimits,
    }: { serverKeepAliveSeconds?: number | undefined; brokerLimits?: BrokerLimits | undefined },
  ): void {
    this.#set(DELIVERING, {
      host,
      ...(serverKeepAliveSeconds === undefined ? {} : { serverKeepAliveSeconds }),
      ...(brokerLimits === undefined ? {} : { brokerLimits }),
    });
  }

  /** Since when no readings have come, ms since the epoch, if the gateway is shown offline for it. */
  silent(since: number | undefined): void {
    this.#silentSince = since;
    if (!this.#record) return;
    const { silentSince: _, ...record } = this.#record;
    this.#record = { ...record, ...this.#silence(), updated: this.#now().toISOString() };
    this.#emit(this.#record, false);
  }

  failed(verdict: Verdict, host: string, attempt: number, nextAttemptAt: Date): void {
    this.#set(verdict, { host, attempt, nextAttemptAt: nextAttemptAt.toISOString() });
  }

  /** The session is up, but the broker refuses what is published. */
  refused(verdict: Verdict, host: string): void {
    this.#set(verdict, { host });
  }

  #set(
    verdict: Verdict,
    details: Pick<
      Partial<StatusRecord>,
      'host' | 'attempt' | 'nextAttemptAt' | 'serverKeepAliveSeconds' | 'brokerLimits'
    >,
  ): void {
    const before = this.#record;
    const now = this.#now().toISOString();
    const transition = before?.code !== verdict.code || before.reason !== verdict.reason;
    const { code, class: statusClass, reason, message } = verdict;
    this.#record = {
      ...this.#identity,
      code,
      class: statusClass,
      reason,
      message,
      since: transition ? now : before.since,
      updated: now,
      attempt: 0,
      ...details,
      ...this.#silence(),
      owner: this.#owner,
    };
    this.#emit(this.#record, transition);
  }

  #silence(): Pick<StatusRecord, 'silentSince'> {
    return this.#silentSince === undefined ? {} : { silentSince: new Date(this.#silentSince).toISOString() };
  }
}

/** The identity alone: what is passed may be a gateway's whole record, and a status is read by many. */
function identityOf({ gatewayId, workspace, fleet, incarnation, moves = 0 }: StatusIdentity): StatusIdentity {
  return { gatewayId, workspace, fleet, incarnation, ...(moves > 0 ? { moves } : {}) };
}
