import { IntegrationFields } from '@gatecast/shared/model';
import Type from 'typebox';
import { closed, DateTime, mergePatchOf } from '../schemas.ts';

const MAX_SECRET_CHARACTERS = 65_535;

/** A secret in a full replacement: absent keeps the stored one, since nobody can read it back to send it again. */
const secret = (description: string) =>
  Type.Unsafe<string | null>({
    type: ['string', 'null'],
    minLength: 1,
    maxLength: MAX_SECRET_CHARACTERS,
    writeOnly: true,
    description: `${description} Write-only. Absent: the stored one stays. null: it is removed.`,
  });

const CertificateFingerprint = Type.Object({
  sha256: Type.String({ description: 'Over the DER, hex.' }),
  subject: Type.String(),
  notAfter: DateTime('When it expires.'),
});

export const Fingerprints = Type.Object(
  {
    caCertificate: Type.Optional(CertificateFingerprint),
    additionalCaCertificates: Type.Optional(Type.Array(CertificateFingerprint)),
    clientCertificate: Type.Optional(CertificateFingerprint),
    clientKey: Type.Optional(Type.Object({ sha256: Type.String({ description: 'Over the SPKI, hex.' }) })),
  },
  { readOnly: true },
);

const writableFields = {
  ...IntegrationFields,
  tls: Type.Optional(
    Type.Object(
      {
        ...IntegrationFields.tls.properties,
        clientKey: Type.Optional(secret('PEM, without a passphrase: the private key of clientCertificate.')),
      },
      closed,
    ),
  ),
  password: Type.Optional(secret('Password for the broker.')),
};

const ignored = 'Read-only: ignored on write, so that what was read can be sent back.';

/** PUT: everything, at once. */
export const IntegrationReplacementBody = Type.Object(
  {
    ...writableFields,
    passwordSet: Type.Optional(Type.Boolean({ readOnly: true, description: ignored })),
    fingerprints: Type.Optional(Type.Unsafe<object>({ type: 'object', readOnly: true, description: ignored })),
  },
  closed,
);

/** PATCH: what changes. */
export const IntegrationPatchBody = mergePatchOf(Type.Object(writableFields, closed), {
  description: 'JSON merge patch (RFC 7396): absent fields stay as they are, null removes (the default applies again).',
});

/** What may be read back: the settings as they were given; what is absent has its default. */
export const IntegrationResult = Type.Object({
  ...IntegrationFields,
  passwordSet: Type.Boolean({ readOnly: true, description: 'Whether a password is stored.' }),
  fingerprints: Fingerprints,
});
