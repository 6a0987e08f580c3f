import { Estimate } from '../../lib/cli/estimate';

test('a canary of 10 s, then two waves of four: another two rounds', () => {
  const estimate = new Estimate(9, 64);
  estimate.wave(1, 3);
  estimate.begin('lb1', 0);
  expect(estimate.secondsLeft()).toBeUndefined();
  estimate.end('lb1', 10);
  expect(estimate.secondsLeft()).toBe(20);
});

test('a wave that is wider than what runs at once takes several rounds', () => {
  const estimate = new Estimate(101, 10);
  estimate.wave(1, 2);
  estimate.begin('lb1', 0);
  estimate.end('lb1', 3);
  expect(estimate.secondsLeft()).toBe(30);
  estimate.wave(2, 2);
  for (let at = 2; at <= 11; at++) estimate.begin(`lb${at}`, 3);
  for (let at = 2; at <= 11; at++) estimate.end(`lb${at}`, 6);
  expect(estimate.secondsLeft()).toBe(27);
});

test('nothing is left to estimate at the end', () => {
  const estimate = new Estimate(1, 1);
  estimate.wave(1, 1);
  estimate.begin('lb1', 0);
  estimate.end('lb1', 3);
  expect(estimate.secondsLeft()).toBeUndefined();
});
