import type { Scenario } from '../../scenario.ts';

export const clusterLeaderLost: Scenario = {
  name: 'cluster-leader-lost',
  group: 'nats',
  title: 'of three NATS servers the one that leads READINGS is killed, then the one that leads the outbox',
  setup: { natsServers: 3, instances: { 'mqtt-publisher': 2 }, deadlineMs: 200_000 },
  async faults(run) {
    for (const stream of ['READINGS', 'OUTBOX_default']) {
      const leader = await run.stack.natsCluster.leaderOf(stream);
      run.crashed(`kill -9 of the leader of ${stream}`);
      await leader.kill('SIGKILL');
      await run.flowing();
      await leader.restart();
      await run.stack.natsCluster.ready();
      await run.flowing();
    }
  },
};
