import { exportJWK, generateKeyPair } from 'jose';

export interface SealingKeys {
  /** JWK Set for config-api. */
  publicJwks: string;
  /** JWK Set for publishers. */
  privateJwks: string;
}

/** A new pair of sealing keys. */
export async function generateSealingKeys(kid: string): Promise<SealingKeys> {
  const { publicKey, privateKey } = await generateKeyPair('ECDH-ES+A256KW', { crv: 'P-256', extractable: true });
  const set = async (key: Parameters<typeof exportJWK>[0]) =>
    JSON.stringify({ keys: [{ ...(await exportJWK(key)), kid }] });
  return { publicJwks: await set(publicKey), privateJwks: await set(privateKey) };
}
