import { formatIpv4, Refusal } from '@portolan/core';
import { expect, test } from 'vitest';
import { DcosCluster } from '../src/index.ts';

const cluster = DcosCluster.create({ agents: 2, publicAgents: 0 });

test('dcos node ssh runs a command on the leader, an agent or the node of an address', () => {
  const run = (line: string) => cluster.outside.shell(`dcos node ssh --master-proxy ${line}`).stdout;
  const link = (address: string) => expect.stringContaining(`inet ${address}/`);
  const leader = formatIpv4(cluster.master().address);
  expect(run('--leader --user=centos "ip -4 address show dev eth0"')).toEqual(link(leader));
  const [first] = cluster.agents();
  const address = first?.node.shell('ip -4 address show dev eth0').stdout;
  expect(run(`--mesos-id ${first?.id} 'ip -4 address show dev eth0'`)).toBe(address);
  expect(run(`--private-ip ${leader} "ip -4 address show dev eth0 | cat"`)).toEqual(link(leader));
  expect(run('--leader')).toBe('');
});

test.each([
  ['', 'usage'],
  ['--leader --mesos-id S0', 'usage'],
  ['--mesos-id S9', 'no-such-node'],
  ['--private-ip 10.9.9.9', 'no-such-node'],
  ['--leader --proxy-ip 1.2.3.4', 'not-modelled'],
  ['--frob', 'unknown-option'],
  ['--leader frob', 'command-not-found'],
])('dcos node ssh %s is refused', (rest, code) => {
  let thrown: unknown;
  try {
    cluster.outside.shell(`dcos node ssh ${rest}`);
  } catch (error) {
    thrown = error;
  }
  expect(thrown).toBeInstanceOf(Refusal);
  expect(thrown).toMatchObject({ code });
});
