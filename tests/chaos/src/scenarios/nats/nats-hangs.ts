import { LEASE_TTL_MS, type Scenario } from '../../scenario.ts';

export const natsHangs: Scenario = {
  name: 'nats-hangs',
  group: 'nats',
  title: 'NATS hangs for longer than a lease (SIGSTOP) and goes on (SIGCONT)',
  promises: { connects: 2 },
  async faults(run) {
    run.crashed('NATS hangs');
    await run.stack.nats.pause();
    await run.lasting(LEASE_TTL_MS * 2);
    run.stack.nats.resume();
    await run.flowing();
  },
};
