import { LEASE_TTL_MS, type Scenario } from '../../scenario.ts';

export const natsRestart: Scenario = {
  name: 'nats-restart',
  group: 'nats',
  title: 'NATS is killed (kill -9) and comes back: at once, then after longer than a lease',
  short: true,
  // An outage of NATS must not become a storm of reconnects: sessions are kept, or move once.
  promises: { connects: 3 },
  async faults(run) {
    run.crashed('kill -9 of NATS');
    await run.stack.nats.restart({ signal: 'SIGKILL' });
    await run.flowing();
    run.crashed('kill -9 of NATS, for longer');
    await run.stack.nats.kill('SIGKILL');
    await run.lasting(LEASE_TTL_MS * 1.5);
    await run.stack.nats.restart();
    await run.flowing();
  },
};
