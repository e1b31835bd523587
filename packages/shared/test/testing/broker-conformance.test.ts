import { AedesBroker } from '../../src/testing/aedes-broker.ts';
import { FaultableBroker } from '../../src/testing/faultable-broker/broker.ts';
import { Mosquitto, mosquittoOrSkip } from '../../src/testing/mosquitto.ts';
import { brokerConformance } from './broker-conformance.ts';

brokerConformance({
  name: 'the faultable broker',
  versions: [4, 5],
  start: ({ withUsers }) =>
    FaultableBroker.start({
      authenticate: ({ packet }) =>
        !withUsers || (packet.username === 'gw' && packet.password?.toString() === 'secret'),
    }),
});

brokerConformance({
  name: 'aedes',
  versions: [4],
  start: ({ withUsers }) =>
    AedesBroker.start({
      authenticate: ({ username, password }) =>
        !withUsers || (username === 'gw' && password === 'secret') || 'bad user name or password',
    }),
});

const binary = mosquittoOrSkip();
if (binary !== undefined) {
  brokerConformance({
    name: 'mosquitto',
    versions: [4, 5],
    start: ({ withUsers }) => Mosquitto.start({ binary, ...(withUsers && { users: { gw: 'secret' } }) }),
  });
}
