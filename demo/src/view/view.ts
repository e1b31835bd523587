import type { Scene } from './frame.ts';

/** Where a person sees the demo. */
export interface View {
  /** A line that stays. */
  print(line: string): void;
  /** Called once a second. */
  show(scene: Scene): void;
  /** Nothing is shown after it; {@link print} goes on. */
  close(): void;
}
