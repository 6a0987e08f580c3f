import { Director, readFields, DirectorSettings } from '../../lib/model';

const KEY = '-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXk\n-----END OPENSSH PRIVATE KEY-----\n';

test.each([KEY, KEY.replaceAll('\n', ' '), 'b3BlbnNzaC1rZXk\nAAAA', 'b3BlbnNzaC1rZXk\r'])(
  'what is in a key file is refused as its name, and not repeated',
  (identityFile) => {
    const { issues } = readFields(DirectorSettings, { host: 'lb1', identityFile });
    expect(issues).toEqual([{ path: ['identityFile'], message: 'is the name of a file, not what is in it' }]);
    expect(Director.safeParse({ name: 'lb1', host: 'lb1', identityFile }).success).toBe(false);
  },
);

test('a key in another field is not repeated either', () => {
  for (const field of [
    'name',
    'host',
    'user',
    'jump',
    'hostKey',
    'port',
    'owns',
    'persist',
    'sudo',
    'agent',
    'ignore',
    'tags',
  ]) {
    // prettier-ignore
    const { success, error } = Director.safeParse({ name: 'lb1', host: 'lb1', [field]: KEY });
    expect([field, success]).toEqual([field, false]);
    expect([field, JSON.stringify(error?.issues)]).toEqual([field, expect.not.stringContaining('b3BlbnNzaC1rZXk')]);
  }
});

test('names of files stay what they are', () => {
  for (const identityFile of ['~/.ssh/id_ed25519', 'C:\\keys\\my key', './-----odd'])
    expect(Director.parse({ name: 'lb1', host: 'lb1', identityFile }).identityFile).toBe(identityFile);
});
