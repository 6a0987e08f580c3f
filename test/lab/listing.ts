/** After so many readings it can't be another director's doing. */
const READS = 20;

/**
 * What a director's tools list, and not what they listed for a moment. All directors of a lab share one kernel, which
 * counts its place in a listing over the tables of all of them: while another one changes, an entry may be listed twice or
 * not at all (ip_vs_genl_dump_services). So it counts what is listed alike two times running, or is as expected.
 *
 * @throws Error when no two readings are alike
 */
export async function settled(
  read: () => Promise<string>,
  isExpected: (listing: string) => boolean = () => false,
): Promise<string> {
  let last: string | undefined;
  for (let reads = 1; reads <= READS; reads++) {
    const next = await read();
    if (next === last || isExpected(next)) return next;
    last = next;
  }
  throw new Error(`the director does not come to rest:\n${last ?? ''}`);
}
