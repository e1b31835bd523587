import mqtt, { type IClientOptions, type IConnackPacket, type MqttClient } from 'mqtt';
import { onTestFinished } from 'vitest';

export type MqttVersion = 4 | 5;

/** A MQTT.js client that is ended with the test. It never reconnects by itself. */
export function createClient(url: string, options: IClientOptions = {}): MqttClient {
  const client = mqtt.connect(url, { reconnectPeriod: 0, connectTimeout: 5_000, ...options });
  client.on('error', () => undefined);
  onTestFinished(() => void client.end(true));
  return client;
}

/** The same, once it is connected. */
export async function connectClient(
  url: string,
  options: IClientOptions = {},
): Promise<{ client: MqttClient; connack: IConnackPacket }> {
  const client = createClient(url, options);
  const connack = await new Promise<IConnackPacket>((resolve, reject) => {
    client.once('connect', resolve);
    client.once('error', reject);
  });
  return { client, connack };
}

/** The error with which connecting fails. */
export async function connectError(url: string, options: IClientOptions = {}): Promise<Error & { code?: unknown }> {
  return await new Promise((resolve) => createClient(url, options).once('error', resolve));
}

/** Resolves with the reason code of the broker's DISCONNECT (MQTT 5), or undefined without one. */
export async function closed(client: MqttClient): Promise<number | undefined> {
  let reasonCode: number | undefined;
  client.once('disconnect', (packet) => {
    reasonCode = packet.reasonCode;
  });
  await new Promise<void>((resolve) => client.once('close', resolve));
  return reasonCode;
}
