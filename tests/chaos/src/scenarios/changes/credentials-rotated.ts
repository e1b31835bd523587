import type { Scenario } from '../../scenario.ts';

const BAD_USER_NAME_OR_PASSWORD = 0x86;
const password = (round: number) => `secret-${round}`;

export const credentialsRotated: Scenario = {
  name: 'credentials-rotated',
  group: 'changes',
  title: 'a broker changes its password and ends all sessions; the new one is set a moment later; three times',
  setup: { brokers: [{ mqtt: { username: 'gatecast', password: password(0) } }] },
  async faults(run) {
    const { faultable } = run.broker;
    for (let round = 1; round <= 3; round += 1) {
      faultable.faults.connackCode = ({ packet }) =>
        String(packet.password) === password(round) ? undefined : BAD_USER_NAME_OR_PASSWORD;
      run.sessionLost('new password at the broker');
      faultable.dropConnections();
      await run.lasting(1_500);
      await Promise.all(run.gateways.map(({ client }) => client.patch({ password: password(round) })));
      await run.flowing();
    }
  },
};
