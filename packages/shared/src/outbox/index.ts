export { decodeBatch, encodeBatch, encodedSize, type MqttMessage } from './batch-codec.ts';
