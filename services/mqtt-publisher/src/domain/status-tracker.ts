import type { StatusRecord } from '@gatecast/shared/model';
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

  delivering(host: string, serverKeepAliveSeconds: number | undefined): void {
    this.#set(DELIVERING, { host, ...(serverKeepAliveSeconds === undefined ? {} : { serverKeepAliveSeconds }) });
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
    details: { host?: string; attempt?: number; nextAttemptAt?: string; serverKeepAliveSeconds?: number },
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
      owner: this.#owner,
    };
    this.#emit(this.#record, transition);
  }
}

/** The identity alone: what is passed may be a gateway's whole record, and a status is read by many. */
function identityOf({ gatewayId, workspace, fleet, incarnation, moves = 0 }: StatusIdentity): StatusIdentity {
  return { gatewayId, workspace, fleet, incarnation, ...(moves > 0 ? { moves } : {}) };
}
