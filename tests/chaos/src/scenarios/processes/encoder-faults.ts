import type { ServiceInstance } from '@gatecast/local-stack';
import { HANDOVER_MS, LEASE_TTL_MS, type Scenario, type ScenarioPromises, TAKEOVER_MS } from '../../scenario.ts';
import type { ScenarioRun } from '../../scenario-run.ts';

type Fault = (run: ScenarioRun, encoder: ServiceInstance) => Promise<void>;

/** Each encoder in turn, so that whoever has the work is hit. Its faults cost a broker no repeat at all. */
function encoderScenario(suffix: string, title: string, promises: ScenarioPromises, fault: Fault): Scenario {
  return {
    name: `encoder-${suffix}`,
    group: 'processes',
    title,
    promises,
    async faults(run) {
      for (const encoder of [...run.running('encoder'), ...run.running('encoder')]) {
        run.note(`${suffix} of ${encoder.instance}`);
        await fault(run, encoder);
        await run.flowing();
      }
    },
  };
}

export const encoderKill9 = encoderScenario(
  'kill9',
  'each encoder is killed (kill -9) and started again, twice',
  { worstGapMs: TAKEOVER_MS },
  async (run, { process }) => {
    await process.kill('SIGKILL');
    await run.flowing();
    await process.restart();
  },
);

export const encoderSigterm = encoderScenario(
  'sigterm',
  'each encoder is asked to stop (SIGTERM) and started again, twice',
  { worstGapMs: HANDOVER_MS },
  async (run, { process }) => {
    await process.stop();
    await run.flowing();
    await process.restart();
  },
);

export const encoderPaused = encoderScenario(
  'paused',
  'each encoder hangs for longer than its lease (SIGSTOP) and goes on (SIGCONT), twice',
  { worstGapMs: TAKEOVER_MS },
  async (run, { process }) => {
    await process.pause();
    await run.lasting(LEASE_TTL_MS * 1.5);
    await run.flowing();
    process.resume();
    await run.lasting(LEASE_TTL_MS / 2);
  },
);
