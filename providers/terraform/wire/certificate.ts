import { KeyObject, webcrypto } from 'node:crypto';
// The X.509 library needs it, and needs it first.
import 'reflect-metadata';
import {
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  SubjectAlternativeNameExtension,
  X509CertificateGenerator,
} from '@peculiar/x509';

const KEY = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;
const CLOCK_SKEW_MS = 30_000;
const LIFETIME_MS = 24 * 3600 * 1000;

export interface OneOffCertificate {
  /** What core is told to trust, and nothing else. */
  der: Buffer;
  certPem: string;
  keyPem: string;
}

/**
 * A self-signed P-256 certificate for `localhost` with a key of its own, valid for a day. It lives in memory and dies
 * with the process. P-256 because it is quick and every build of OpenSSL and Go takes it.
 */
export async function makeCertificate(now = Date.now()): Promise<OneOffCertificate> {
  const keys = await webcrypto.subtle.generateKey(KEY, true, ['sign', 'verify']);
  const certificate = await X509CertificateGenerator.createSelfSigned(
    {
      name: 'CN=localhost',
      notBefore: new Date(now - CLOCK_SKEW_MS),
      notAfter: new Date(now + LIFETIME_MS),
      signingAlgorithm: KEY,
      keys,
      extensions: [
        new BasicConstraintsExtension(true),
        new ExtendedKeyUsageExtension([ExtendedKeyUsage.serverAuth, ExtendedKeyUsage.clientAuth]),
        new SubjectAlternativeNameExtension([{ type: 'dns', value: 'localhost' }]),
      ],
    },
    webcrypto,
  );
  return {
    der: Buffer.from(certificate.rawData),
    certPem: certificate.toString('pem'),
    keyPem: KeyObject.from(keys.privateKey).export({ type: 'pkcs8', format: 'pem' }).toString(),
  };
}
