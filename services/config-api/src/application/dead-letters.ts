import { isGatecastError } from '@gatecast/shared/errors';
import type { Logger } from '@gatecast/shared/logging';
import { completeIntegration, type GatewayRecord } from '@gatecast/shared/model';
import { decodeBatch, type MqttMessage } from '@gatecast/shared/outbox';
import {
  type Content,
  contentOf,
  type DeadLetter,
  type LetterHead,
  type LetterKind,
  previewOf,
  type Registration,
  registrationOf,
  type ShownMessage,
  shownMessage,
} from '../domain/dead-letter.ts';
import type { Page } from '../domain/paging.ts';
import { invalid, missing, Refusal } from '../domain/refusal.ts';
import { withoutUndefined } from '../domain/without-undefined.ts';
import { ofWorkspace } from './gateways.ts';
import type { DeadLetterStore } from './ports.ts';
import type { Records } from './records.ts';

export interface LetterQuery {
  cursor?: string;
  limit?: number;
  order?: 'newest' | 'oldest';
  reason?: string;
}

export interface LetterSummary {
  id: number;
  time: string;
  reason: string;
  kind: LetterKind;
  registration: Registration;
  bytes: number;
  /** Of the first message. */
  topic?: string;
  preview?: string;
}

export interface LetterRead extends Omit<LetterSummary, 'topic' | 'preview'> {
  messages?: ShownMessage[];
  /** What is not known as messages. */
  body?: Content;
}

export interface DeadLettersOptions {
  gateways: Records<GatewayRecord>;
  letters: DeadLetterStore;
  /** Letters that were re-queued or discarded. */
  onDone: (action: LetterAction, letters: number) => void;
  log: Logger;
}

export type LetterAction = 'requeued' | 'discarded';

const DEFAULT_LIMIT = 50;
/** Letters that one request re-queues or picks out to discard. */
const MAX_AT_ONCE = 1_000;
/** A larger body is not read for the list. */
const MAX_PREVIEWED_BYTES = 64 * 1024;

/** What was set aside for a gateway: to be looked at, sent down the line once more, or discarded. */
export class DeadLetters {
  readonly #options: DeadLettersOptions;

  constructor(options: DeadLettersOptions) {
    this.#options = options;
  }

  /** @throws {Refusal} `not_found`, `validation_failed` (cursor) */
  async list(workspace: string, gatewayId: string, query: LetterQuery): Promise<Page<LetterSummary>> {
    const { gateways, letters } = this.#options;
    const { value: gateway } = ofWorkspace(workspace, gateways.get(gatewayId));
    const { limit = DEFAULT_LIMIT, order = 'newest', reason } = query;
    const beyond = query.cursor === undefined ? undefined : parseCursor(query.cursor);
    const heads: LetterHead[] = [];
    await letters.scan(gatewayId, { order, ...(beyond === undefined ? {} : { beyond }) }, (head) => {
      if (reason === undefined || head.reason === reason) heads.push(head);
      return heads.length <= limit;
    });
    const page = heads.slice(0, limit);
    const items = await Promise.all(page.map((head) => this.#summaryOf(head, gateway)));
    const last = page.at(-1);
    return last && heads.length > limit ? { items, nextCursor: String(last.id) } : { items };
  }

  /** @throws {Refusal} `not_found` */
  async get(workspace: string, gatewayId: string, id: number): Promise<LetterRead> {
    const { gateways, letters } = this.#options;
    const { value: gateway } = ofWorkspace(workspace, gateways.get(gatewayId));
    const letter = await letters.get(gatewayId, id);
    if (!letter) throw missing('dead letter');
    const { topic: _topic, preview: _preview, ...known } = summaryOf(letter, gateway, undefined);
    if (known.registration !== 'current') return known;
    const messages = letter.kind === 'messages' ? messagesIn(letter) : undefined;
    return messages ? { ...known, messages: messages.map(shownMessage) } : { ...known, body: contentOf(letter.body) };
  }

  /**
   * Sends a letter down the line once more; it is removed once that is stored. Repeated because the answer got lost, it
   * is not sent twice within the stream's window.
   * @throws {Refusal} `not_found`, `letter_of_former_registration`, `letter_unreadable`, `integration_disabled`
   */
  async requeue(workspace: string, gatewayId: string, id: number, by: string): Promise<void> {
    const gateway = await this.#latestGateway(workspace, gatewayId);
    const letter = await this.#options.letters.get(gatewayId, id);
    if (!letter) throw missing('dead letter');
    const obstacle = obstacleTo(letter, gateway);
    if (obstacle) throw obstacle;
    requireEnabled(gateway);
    await this.#requeueOne(letter, gateway);
    this.#note('requeued', gateway, 1, { by, letter: id, reason: letter.reason });
  }

  /**
   * The same for all letters, or for those with a reason: oldest first, a thousand at most.
   * @throws {Refusal} `not_found`, `integration_disabled`
   */
  async requeueAll(workspace: string, gatewayId: string, reason: string | undefined, by: string) {
    const gateway = await this.#latestGateway(workspace, gatewayId);
    requireEnabled(gateway);
    let skipped = 0;
    const { ids, more } = await this.#pick(gatewayId, reason, (head) => {
      const isSendable = obstacleTo(head, gateway) === undefined;
      if (!isSendable) skipped += 1;
      return isSendable;
    });
    let requeued = 0;
    try {
      for (const id of ids) {
        const letter = await this.#options.letters.get(gatewayId, id);
        if (!letter) continue;
        await this.#requeueOne(letter, gateway);
        requeued += 1;
      }
    } finally {
      this.#note('requeued', gateway, requeued, withoutUndefined({ by, reason }));
    }
    return { requeued, skipped, more };
  }

  /** @throws {Refusal} `not_found` */
  async discard(workspace: string, gatewayId: string, id: number, by: string): Promise<void> {
    const { letters } = this.#options;
    const gateway = await this.#latestGateway(workspace, gatewayId);
    const letter = await letters.get(gatewayId, id);
    if (!letter || !(await letters.remove(gatewayId, id))) throw missing('dead letter');
    this.#note('discarded', gateway, 1, { by, letter: id, reason: letter.reason });
  }

  /** All of them; or those with a reason, a thousand at most. @throws {Refusal} `not_found` */
  async discardAll(workspace: string, gatewayId: string, reason: string | undefined, by: string) {
    const { letters } = this.#options;
    const gateway = await this.#latestGateway(workspace, gatewayId);
    if (reason === undefined) {
      const discarded = await letters.removeAll(gatewayId);
      this.#note('discarded', gateway, discarded, { by });
      return { discarded, more: false };
    }
    const { ids, more } = await this.#pick(gatewayId, reason, () => true);
    let discarded = 0;
    try {
      for (const id of ids) if (await letters.remove(gatewayId, id)) discarded += 1;
    } finally {
      this.#note('discarded', gateway, discarded, { by, reason });
    }
    return { discarded, more };
  }

  async #pick(gatewayId: string, reason: string | undefined, isWanted: (head: LetterHead) => boolean) {
    const ids: number[] = [];
    let more = false;
    await this.#options.letters.scan(gatewayId, { order: 'oldest' }, (head) => {
      if ((reason !== undefined && head.reason !== reason) || !isWanted(head)) return true;
      if (ids.length < MAX_AT_ONCE) ids.push(head.id);
      else more = true;
      return !more;
    });
    return { ids, more };
  }

  /** Removed only when it is in the line: a letter may come twice, and never disappears. */
  async #requeueOne(letter: DeadLetter, gateway: GatewayRecord): Promise<void> {
    const { letters } = this.#options;
    await letters.sendAgain(letter, gateway);
    await letters.remove(gateway.gatewayId, letter.id);
  }

  async #summaryOf(head: LetterHead, gateway: GatewayRecord): Promise<LetterSummary> {
    const isShown = registrationOf(head, gateway.incarnation) === 'current' && head.bytes <= MAX_PREVIEWED_BYTES;
    const letter = isShown ? await this.#options.letters.get(gateway.gatewayId, head.id) : undefined;
    return summaryOf(head, gateway, letter);
  }

  async #latestGateway(workspace: string, gatewayId: string): Promise<GatewayRecord> {
    return ofWorkspace(workspace, await this.#options.gateways.latest(gatewayId)).value;
  }

  #note(action: LetterAction, { workspace, gatewayId }: GatewayRecord, letters: number, details: object): void {
    if (letters === 0) return;
    this.#options.onDone(action, letters);
    this.#options.log.info({ workspace, gatewayId, letters, ...details }, `dead letters ${action}`);
  }
}

function summaryOf(head: LetterHead, gateway: GatewayRecord, letter: DeadLetter | undefined): LetterSummary {
  const { id, time, reason, kind, bytes } = head;
  const first = letter?.kind === 'messages' ? messagesIn(letter)?.[0] : undefined;
  return withoutUndefined({
    id,
    time: new Date(time).toISOString(),
    reason,
    kind,
    registration: registrationOf(head, gateway.incarnation),
    bytes,
    topic: first?.topic,
    preview: letter && previewOf(first?.payload ?? letter.body),
  });
}

function messagesIn({ body }: DeadLetter): MqttMessage[] | undefined {
  try {
    return decodeBatch(body);
  } catch (error) {
    if (isGatecastError(error, 'PAYLOAD_MALFORMED')) return undefined;
    throw error;
  }
}

function obstacleTo(head: LetterHead, gateway: GatewayRecord): Refusal | undefined {
  if (registrationOf(head, gateway.incarnation) === 'former') {
    return new Refusal('conflict', 'letter_of_former_registration', 'It belongs to a former registration');
  }
  return head.kind === 'unreadable'
    ? new Refusal('conflict', 'letter_unreadable', 'What it holds is not known; it can only be discarded')
    : undefined;
}

/** The encoder would drop it. */
function requireEnabled({ gatewayId, mqtt }: GatewayRecord): void {
  if (completeIntegration(gatewayId, mqtt).enabled) return;
  throw new Refusal('conflict', 'integration_disabled', 'Nothing is sent while the integration is disabled');
}

function parseCursor(cursor: string): number {
  const id = /^\d{1,15}$/.test(cursor) ? Number(cursor) : 0;
  if (id === 0) throw invalid([{ pointer: 'cursor', message: 'must be a nextCursor of an earlier answer' }]);
  return id;
}
