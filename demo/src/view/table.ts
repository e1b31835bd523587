import type { Board, BoardRow } from '../status-board.ts';
import { type Paint, styleOf } from './paint.ts';
import { clip, count, duration } from './text.ts';

interface Column {
  readonly title: string;
  readonly align: 'left' | 'right';
  /** The lower, the longer it stays when there is no room for all. */
  readonly rank: number;
  readonly cell: (row: BoardRow, now: number) => string;
  readonly paint?: (text: string, row: BoardRow, paint: Paint) => string;
}

const COLUMNS: readonly Column[] = [
  { title: 'GATEWAY', align: 'left', rank: 0, cell: (row) => row.gatewayId },
  { title: 'HOST', align: 'left', rank: 4, cell: (row) => clip(row.host, 40) },
  { title: 'FORMAT', align: 'left', rank: 6, cell: (row) => row.format },
  {
    title: 'STATUS',
    align: 'left',
    rank: 1,
    cell: (row) => row.code,
    paint: (text, row, paint) => paint(styleOf(row.class), text),
  },
  { title: 'DELIVERED', align: 'right', rank: 2, cell: (row) => count(row.delivered) },
  { title: 'LAST', align: 'right', rank: 3, cell: (row, now) => lastDelivery(row, now) },
  { title: 'BACKLOG', align: 'right', rank: 5, cell: (row) => backlog(row) },
];

const GAP = '  ';

/** Title and rows, none wider than `width`: columns that do not fit are left out, the least important first. Pure. */
export function renderTable(board: Board, width: number, now: number, paint: Paint): string[] {
  const { rows, others } = board;
  const columns = fitting(
    COLUMNS.map((column) => {
      const cells = rows.map((row) => column.cell(row, now));
      return { column, cells, width: Math.max(column.title.length, ...cells.map((cell) => cell.length)) };
    }),
    width,
  );
  const line = (cellOf: (sized: SizedColumn) => string) => columns.map(cellOf).join(GAP);
  return [
    paint('dim', clip(line(({ column, width }) => pad(column.title, width, column)).trimEnd(), width)),
    ...rows.map((row, index) =>
      line(({ column, cells, width: columnWidth }) => {
        const text = pad(cells[index] ?? '', Math.min(columnWidth, width), column);
        return column.paint ? column.paint(text, row, paint) : text;
      }),
    ),
    ...(others.size === 0 ? [] : [paint('dim', clip(`${GAP}${othersText(others)}`, width))]),
  ];
}

interface SizedColumn {
  readonly column: Column;
  readonly cells: readonly string[];
  readonly width: number;
}

function fitting(columns: readonly SizedColumn[], width: number): SizedColumn[] {
  const kept = [...columns];
  const total = () => kept.reduce((sum, column) => sum + column.width + GAP.length, -GAP.length);
  while (kept.length > 1 && total() > width) {
    const least = Math.max(...kept.map(({ column }) => column.rank));
    kept.splice(
      kept.findIndex(({ column }) => column.rank === least),
      1,
    );
  }
  return kept;
}

function pad(text: string, width: number, { align }: Column): string {
  const clipped = clip(text, width);
  return align === 'left' ? clipped.padEnd(width) : clipped.padStart(width);
}

function lastDelivery({ lastDeliveredAt }: BoardRow, now: number): string {
  return lastDeliveredAt === undefined ? '–' : `${duration(now - lastDeliveredAt)} ago`;
}

function backlog({ backlog: waiting, lost }: BoardRow): string {
  return lost === 0 ? count(waiting) : `${count(waiting)} (${count(lost)} lost)`;
}

function othersText(others: Board['others']): string {
  const total = [...others.values()].reduce((sum, gateways) => sum + gateways, 0);
  const codes = [...others].map(([code, gateways]) => `${count(gateways)} ${code}`);
  return `and ${count(total)} more: ${codes.join(', ')}`;
}
