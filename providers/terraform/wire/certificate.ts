import { Ber, BerWriter } from 'asn1';
import { createSign, generateKeyPairSync, randomBytes } from 'node:crypto';

/** OIDs of what the certificate says. */
const OID = {
  ecdsaWithSha256: '1.2.840.10045.4.3.2',
  commonName: '2.5.4.3',
  subjectAltName: '2.5.29.17',
  basicConstraints: '2.5.29.19',
  extendedKeyUsage: '2.5.29.37',
  serverAuth: '1.3.6.1.5.5.7.3.1',
  clientAuth: '1.3.6.1.5.5.7.3.2',
} as const;

const VERSION_3 = 2;
const CLOCK_SKEW_MS = 30_000;
const LIFETIME_MS = 24 * 3600 * 1000;
const CONTEXT = 0xa0;

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
export function makeCertificate(now = Date.now()): OneOffCertificate {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const body = toBeSigned(publicKey.export({ type: 'spki', format: 'der' }), now);
  const signature = createSign('sha256').update(body).sign(privateKey);
  const writer = new BerWriter();
  within(writer, SEQUENCE, () => {
    raw(writer, body);
    algorithm(writer);
    bits(writer, signature);
  });
  const der = writer.buffer;
  const base64 = der.toString('base64').replace(/(.{64})(?=.)/g, '$1\n');
  return {
    der,
    certPem: `-----BEGIN CERTIFICATE-----\n${base64}\n-----END CERTIFICATE-----\n`,
    keyPem: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
  };
}

function toBeSigned(publicKey: Buffer, now: number): Buffer {
  const writer = new BerWriter();
  within(writer, SEQUENCE, () => {
    within(writer, CONTEXT, () => {
      writer.writeInt(VERSION_3);
    });
    // A leading bit of 0 keeps the number positive; another one of 1 keeps its spelling minimal.
    writer.writeBuffer(Buffer.concat([Buffer.from([0x40]), randomBytes(15)]), Ber.Integer);
    algorithm(writer);
    name(writer);
    within(writer, SEQUENCE, () => {
      time(writer, now - CLOCK_SKEW_MS);
      time(writer, now + LIFETIME_MS);
    });
    name(writer);
    raw(writer, publicKey);
    within(writer, CONTEXT | 3, () => {
      within(writer, SEQUENCE, () => {
        extensions(writer);
      });
    });
  });
  return writer.buffer;
}

function extensions(writer: BerWriter): void {
  extension(writer, OID.basicConstraints, (value) => {
    value.writeBoolean(true);
  });
  extension(writer, OID.extendedKeyUsage, (value) => {
    value.writeOID(OID.serverAuth, Ber.OID);
    value.writeOID(OID.clientAuth, Ber.OID);
  });
  const dnsName = 0x82;
  extension(writer, OID.subjectAltName, (value) => {
    value.writeString('localhost', dnsName);
  });
}

function extension(writer: BerWriter, oid: string, write: (value: BerWriter) => void): void {
  within(writer, SEQUENCE, () => {
    writer.writeOID(oid, Ber.OID);
    const value = new BerWriter();
    within(value, SEQUENCE, () => {
      write(value);
    });
    writer.writeBuffer(value.buffer, Ber.OctetString);
  });
}

const SEQUENCE = Ber.Sequence | Ber.Constructor;

function name(writer: BerWriter): void {
  within(writer, SEQUENCE, () => {
    within(writer, Ber.Set | Ber.Constructor, () => {
      within(writer, SEQUENCE, () => {
        writer.writeOID(OID.commonName, Ber.OID);
        writer.writeString('localhost', Ber.Utf8String);
      });
    });
  });
}

function algorithm(writer: BerWriter): void {
  within(writer, SEQUENCE, () => {
    writer.writeOID(OID.ecdsaWithSha256, Ber.OID);
  });
}

/** `YYMMDDhhmmssZ`: good until 2049. */
function time(writer: BerWriter, at: number): void {
  const text = new Date(at).toISOString().replace(/[-:T]|\.\d+/g, '');
  writer.writeString(text.slice(2), Ber.UTCTime);
}

function bits(writer: BerWriter, content: Buffer): void {
  writer.writeBuffer(Buffer.concat([Buffer.from([0]), content]), Ber.BitString);
}

/** Something that is encoded already. */
function raw(writer: BerWriter, der: Buffer): void {
  const [tag = 0, length = 0] = der;
  // `writeBuffer` wants a tag and the content: skip both, and what a long length takes.
  const header = length < 0x80 ? 2 : 2 + (length & 0x7f);
  writer.writeBuffer(der.subarray(header), tag);
}

function within(writer: BerWriter, tag: number, write: () => void): void {
  writer.startSequence(tag);
  write();
  writer.endSequence();
}
