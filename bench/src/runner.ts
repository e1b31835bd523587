import type { BenchOptions } from './arguments.ts';
import type { RenderedSection } from './reporting/report.ts';
import type { Section, SectionName } from './section.ts';

export interface SectionOutcome {
  name: SectionName;
  seconds: number;
  /** Everything that was measured; undefined when the section failed. */
  result: unknown;
  rendered: RenderedSection;
}

/** Any section: whoever runs one hands its own result back to it. */
// biome-ignore lint/suspicious/noExplicitAny: a section's result goes to that section alone
export type AnySection = Section<any>;

const QUICK_SHARE = 3;
/** How long processes may take to stop after a section. */
const STOP_DEADLINE_MS = 60_000;

/** Runs sections one after another, none of which can hold up the rest. */
export async function runSections(
  sections: readonly AnySection[],
  options: BenchOptions,
  log: (line: string) => void,
): Promise<SectionOutcome[]> {
  const outcomes: SectionOutcome[] = [];
  for (const section of sections) {
    log(`${section.name} …`);
    const outcome = await runSection(section, options, (line) => log(`${section.name}: ${line}`));
    outcomes.push(outcome);
  }
  return outcomes;
}

async function runSection(
  section: AnySection,
  options: BenchOptions,
  log: (line: string) => void,
): Promise<SectionOutcome> {
  const { name, title } = section;
  const began = performance.now();
  const resources = new AsyncDisposableStack();
  const seconds = () => (performance.now() - began) / 1000;
  try {
    const deadlineMs = options.quick ? section.deadlineMs / QUICK_SHARE : section.deadlineMs;
    const running = section.run({ options, resources, log });
    const result: unknown = await within(deadlineMs, running, `${name} was not over after ${deadlineMs / 1000} s`);
    return {
      name,
      seconds: seconds(),
      result,
      rendered: { title, seconds: seconds(), report: section.render(result) },
    };
  } catch (error) {
    const failed = error instanceof Error ? error.message : String(error);
    log(`failed: ${error instanceof Error ? error.stack : failed}`);
    return { name, seconds: seconds(), result: undefined, rendered: { title, seconds: seconds(), report: { failed } } };
  } finally {
    const stopping = resources.disposeAsync();
    await within(STOP_DEADLINE_MS, stopping, 'its processes did not stop').catch((error: unknown) =>
      log(String(error)),
    );
  }
}

async function within<T>(ms: number, work: Promise<T>, message: string): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const deadline = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error(message)), ms);
  });
  work.catch(() => undefined); // what fails after the deadline has nobody to tell
  try {
    return await Promise.race([work, deadline]);
  } finally {
    clearTimeout(timer);
  }
}
