import { type ApiClient, ApiError } from '@gatecast/local-stack';
import type { StatusClass } from '@gatecast/shared/model';

export interface BoardRow {
  readonly gatewayId: string;
  readonly host: string;
  readonly format: string;
  readonly code: string;
  /** Undefined where `code` is not a status. */
  readonly class: StatusClass | undefined;
  readonly delivered: number;
  /** Ms since the epoch. */
  readonly lastDeliveredAt: number | undefined;
  readonly backlog: number;
  readonly lost: number;
}

export interface Board {
  readonly rows: readonly BoardRow[];
  /** Of the gateways without a row: how many have which status code. */
  readonly others: ReadonlyMap<string, number>;
  /** Why the rows are not fresh. */
  readonly problem: string | undefined;
}

type Api = Pick<ApiClient, 'status' | 'getIntegration' | 'listGateways'>;

/** Gateways that are looked at one by one. */
const MAX_ROWS = 20;

/** What the API says of the gateways. */
export class StatusBoard {
  readonly #api: Api;
  readonly #shown: readonly string[];
  readonly #hidden: ReadonlySet<string>;
  #last: Board = { rows: [], others: new Map(), problem: 'not asked yet' };

  constructor(api: Api, gatewayIds: readonly string[]) {
    this.#api = api;
    this.#shown = gatewayIds.slice(0, MAX_ROWS);
    this.#hidden = new Set(gatewayIds.slice(MAX_ROWS));
  }

  /** As it was at the last {@link refresh}. */
  get board(): Board {
    return this.#last;
  }

  /** Asks the API. Where it does not answer, the rows stay as they were, and the board says so. */
  async refresh(): Promise<Board> {
    try {
      const [rows, others] = await Promise.all([
        Promise.all(this.#shown.map((gatewayId) => this.#row(gatewayId))),
        this.#countOthers(),
      ]);
      this.#last = { rows, others, problem: undefined };
    } catch (error) {
      const problem = error instanceof Error ? error.message : String(error);
      this.#last = { ...this.#last, problem: `the API does not answer: ${problem}` };
    }
    return this.#last;
  }

  async #row(gatewayId: string): Promise<BoardRow> {
    try {
      const [status, { value: integration }] = await Promise.all([
        this.#api.status(gatewayId),
        this.#api.getIntegration(gatewayId),
      ]);
      const { host = '–', port, format = 'json' } = integration;
      return {
        gatewayId,
        host: port === undefined ? host : `${host.includes(':') ? `[${host}]` : host}:${port}`,
        format,
        code: status.code,
        class: status.class,
        delivered: status.delivered,
        lastDeliveredAt: status.lastDeliveredAt === undefined ? undefined : Date.parse(status.lastDeliveredAt),
        backlog: status.backlog.messages,
        lost: status.backlog.lost,
      };
    } catch (error) {
      if (!(error instanceof ApiError && error.status === 404)) throw error;
      return deleted(gatewayId);
    }
  }

  async #countOthers(): Promise<Map<string, number>> {
    const counts = new Map<string, number>();
    if (this.#hidden.size === 0) return counts;
    for (const { gatewayId, status } of await this.#api.listGateways()) {
      if (this.#hidden.has(gatewayId)) counts.set(status.code, (counts.get(status.code) ?? 0) + 1);
    }
    return counts;
  }
}

function deleted(gatewayId: string): BoardRow {
  const nothing = { delivered: 0, lastDeliveredAt: undefined, backlog: 0, lost: 0 };
  return { gatewayId, host: '–', format: '–', code: 'deleted', class: undefined, ...nothing };
}
