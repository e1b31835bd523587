import { CompactEncrypt, type CryptoKey, compactDecrypt, decodeProtectedHeader, importJWK, type JWK } from 'jose';
import { GatecastError } from '../errors/index.ts';
import type { SecretField } from '../model/index.ts';

const ALG = 'ECDH-ES+A256KW';
const ENC = 'A256GCM';
/** Version of the binding in the protected header. */
const VERSION = 1;

/** Seals secrets for the publishers; holds only public keys. */
export interface Sealer {
  /** JWE (compact) of `secret`, bound to its gateway and field: copied elsewhere it does not open. */
  seal(gatewayId: string, field: SecretField, secret: string): Promise<string>;
}

/** Opens what a Sealer sealed; holds the private keys, by `kid`. */
export interface Opener {
  /** @throws {GatecastError} `SECRET_UNREADABLE` */
  open(gatewayId: string, field: SecretField, sealed: string): Promise<string>;
}

/**
 * @param jwks JWK Set (JSON) of P-256 public keys; the first one is sealed to.
 * @throws {GatecastError} `CONFIG_INVALID`
 */
export async function createSealer(jwks: string): Promise<Sealer> {
  const [first] = await importKeys(jwks);
  if (!first) throw new GatecastError('CONFIG_INVALID', 'the sealing key set holds no key');
  const [kid, key] = first;
  return {
    seal: (gatewayId, field, secret) =>
      new CompactEncrypt(new TextEncoder().encode(secret))
        .setProtectedHeader({ alg: ALG, enc: ENC, kid, gw: gatewayId, fld: field, v: VERSION })
        .encrypt(key),
  };
}

/**
 * @param jwks JWK Set (JSON) of P-256 private keys: the current one and, during a rotation, former ones.
 * @throws {GatecastError} `CONFIG_INVALID`
 */
export async function createOpener(jwks: string): Promise<Opener> {
  const byKid = new Map(await importKeys(jwks));
  return {
    async open(gatewayId, field, sealed) {
      try {
        const { plaintext, protectedHeader } = await compactDecrypt(
          sealed,
          (header) => {
            const key = byKid.get(header.kid ?? '');
            if (!key) throw new Error(`no key "${header.kid}"`);
            return key;
          },
          { keyManagementAlgorithms: [ALG], contentEncryptionAlgorithms: [ENC] },
        );
        const { gw, fld, v } = protectedHeader as { gw?: unknown; fld?: unknown; v?: unknown };
        if (gw !== gatewayId || fld !== field || v !== VERSION) throw new Error('sealed for something else');
        return new TextDecoder().decode(plaintext);
      } catch (error) {
        throw new GatecastError('SECRET_UNREADABLE', `${field} of gateway ${gatewayId} cannot be opened`, {
          cause: error,
        });
      }
    },
  };
}

/** The `kid` of the key that opens what was sealed; undefined: it is nothing that a Sealer made. */
export function sealedTo(sealed: string): string | undefined {
  try {
    return decodeProtectedHeader(sealed).kid;
  } catch {
    return undefined;
  }
}

async function importKeys(jwks: string): Promise<[string, CryptoKey][]> {
  try {
    const { keys } = JSON.parse(jwks) as { keys: JWK[] };
    return await Promise.all(
      keys.map(async (jwk): Promise<[string, CryptoKey]> => {
        const key = await importJWK(jwk, ALG);
        if (!jwk.kid || key instanceof Uint8Array) throw new Error('a key has no kid, or is not an EC key');
        return [jwk.kid, key];
      }),
    );
  } catch (error) {
    throw new GatecastError('CONFIG_INVALID', 'the sealing key set is not a JWK Set of P-256 keys with kid', {
      cause: error,
    });
  }
}
