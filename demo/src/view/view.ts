import type { Scene } from './frame.ts';

/** Where a person sees the demo. */
export interface View {
  /** A line that stays. */
  print(line: string): void;
  /** Called once a second, and when the time is over. */
  show(scene: Scene): void;
  /** What was shown last stays to be read. Nothing is shown after it; {@link print} goes on. */
  close(): void;
}
