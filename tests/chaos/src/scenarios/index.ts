import type { Scenario } from '../scenario.ts';
import { allDead } from './brokers/all-dead.ts';
import { brokerBlackholed } from './brokers/broker-blackholed.ts';
import { brokerForgets } from './brokers/broker-forgets.ts';
import { brokerKilled } from './brokers/broker-killed.ts';
import { brokerResets } from './brokers/broker-resets.ts';
import { pubackSwallowed } from './brokers/puback-swallowed.ts';
import { receiveMaximum } from './brokers/receive-maximum.ts';
import { slowAcks } from './brokers/slow-acks.ts';
import { tenthDead } from './brokers/tenth-dead.ts';
import { credentialsRotated } from './changes/credentials-rotated.ts';
import { fleetMoveAlive, fleetMoveDead, fleetMovePaused } from './changes/fleet-move.ts';
import { settingsEverySecond } from './changes/settings-every-second.ts';
import { backlog100000 } from './data/backlog-100000.ts';
import { gatewayRecreated } from './data/gateway-recreated.ts';
import { limitsReached } from './data/limits-reached.ts';
import { poison } from './data/poison.ts';
import { clusterLeaderLost } from './nats/cluster-leader-lost.ts';
import { natsHangs } from './nats/nats-hangs.ts';
import { natsRestart } from './nats/nats-restart.ts';
import { outboxFull } from './nats/outbox-full.ts';
import { publisherCutOff } from './nats/publisher-cut-off.ts';
import { readingsFull } from './nats/readings-full.ts';
import { encoderKill9, encoderPaused, encoderSigterm } from './processes/encoder-faults.ts';
import { ingestKill9 } from './processes/ingest-kill9.ts';
import { publisherKill9 } from './processes/publisher-kill9.ts';
import { publisherPaused } from './processes/publisher-paused.ts';
import { publisherSigterm } from './processes/publisher-sigterm.ts';
import { rollingRestart } from './processes/rolling-restart.ts';
import { scale } from './processes/scale.ts';
import { qos2BrokerRestarts, qos2Kill9, qos2Takeovers } from './qos2/qos2-crashes.ts';

/** In the order in which they run. */
export const SCENARIOS: readonly Scenario[] = [
  publisherKill9,
  publisherSigterm,
  publisherPaused,
  encoderKill9,
  encoderSigterm,
  encoderPaused,
  ingestKill9,
  scale,
  rollingRestart,
  natsRestart,
  natsHangs,
  clusterLeaderLost,
  publisherCutOff,
  readingsFull,
  outboxFull,
  brokerKilled,
  brokerBlackholed,
  brokerResets,
  brokerForgets,
  slowAcks,
  pubackSwallowed,
  receiveMaximum,
  tenthDead,
  allDead,
  poison,
  backlog100000,
  limitsReached,
  gatewayRecreated,
  fleetMoveAlive,
  fleetMoveDead,
  fleetMovePaused,
  credentialsRotated,
  settingsEverySecond,
  qos2Kill9,
  qos2Takeovers,
  qos2BrokerRestarts,
];
