import { sha256 } from './canonical';

/** 16 hexadecimal digits: enough to tell two states of one entry apart. */
const DIGEST_LENGTH = 16;

/** A short hash of plain data. Equal data give equal hashes, in whatever order the fields of its objects come. */
export function digest(data: unknown): string {
  return sha256(data).slice(0, DIGEST_LENGTH);
}
