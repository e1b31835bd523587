export {
  AedesBroker,
  type AedesBrokerOptions,
  type AedesCredentials,
  type AedesMessage,
  type AedesRefusal,
} from './aedes-broker.ts';
export {
  type ClientCertificateOptions,
  expired,
  type IssuedCertificate,
  type ServerCertificateOptions,
  TestCertificateAuthority,
  type Validity,
} from './certificates.ts';
export { mosquittoImage, natsImage, nodeImage, serviceImage } from './container-images.ts';
export { TESTING_ERROR_CODES, TestingError, type TestingErrorCode } from './errors.ts';
export { type BrokerRestartOptions, FaultableBroker, type FaultableBrokerOptions } from './faultable-broker/broker.ts';
export type { BrokerConnection, ClientTls } from './faultable-broker/connection.ts';
export { type CodeChoice, type Condition, type Faults, fromClient, onTopic } from './faultable-broker/faults.ts';
export type {
  BrokerMessage,
  PacketOf,
  PacketRecord,
  Recording,
  Violation,
  ViolationRule,
} from './faultable-broker/records.ts';
export type { Authenticate, Capabilities } from './faultable-broker/state.ts';
export { InMemoryKv, InMemoryKvView } from './in-memory-kv.ts';
export { freePort } from './listen.ts';
export { ManualClock, type ManualClockOptions } from './manual-clock.ts';
export {
  findMosquitto,
  Mosquitto,
  type MosquittoOptions,
  type MosquittoRestartOptions,
  mosquittoOrSkip,
} from './mosquitto.ts';
export { type MosquittoConfig, type MosquittoTls, passwordFile } from './mosquitto-config.ts';
export { type CollectedMessage, MqttCollector, type MqttCollectorOptions } from './mqtt-collector.ts';
export { NatsCluster, type NatsClusterOptions } from './nats-cluster.ts';
export { NatsServer, type NatsServerOptions, type RestartOptions } from './nats-server.ts';
export { NATS_USERS, type NatsCredentials, type NatsUser, NatsUsers } from './nats-users.ts';
export { OtlpReceiver, type ReceivedSpan } from './otlp-receiver.ts';
export { ManagedProcess, type ProcessOptions } from './processes.ts';
export { recordedSpans } from './recorded-spans.ts';
export type { ProcessExit, RunningProcess, StopProcessOptions, WaitForLineOptions } from './running-process.ts';
export { type ContainerVariant, type StartProcessOptions, startProcess } from './start-process.ts';
export { backUpStream, restoreStream, type StreamBackup } from './stream-backup.ts';
export { type ProxyTarget, TcpProxy, type TcpProxyOptions } from './tcp-proxy.ts';
export { TempDir } from './temp-dir.ts';
export { type TestProvider, testProvider } from './test-provider.ts';
export { topicMatches } from './topic-filter.ts';
export { type WaitForOptions, waitFor } from './wait-for.ts';
