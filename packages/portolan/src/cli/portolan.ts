/** The command `portolan`. `portolan dns` starts a real name server on this machine that answers as a node of a simulated cluster. */
import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { Refusal } from '@portolan/core';
import { DcosCluster, type DnsQuestion, type DnsReply } from '@portolan/dcos';
import { serveDns } from './dns-server.ts';

const USAGE = `Usage: portolan dns [--port N] [--address IP] [--seed N] [--mesos-dns] [--example] [APP.json...]

Starts a cluster with the apps and answers DNS questions at the address, over UDP and TCP, as dcos-dns on its master does;
with --mesos-dns as the Mesos-DNS that it asks about zone mesos. --example adds the post's app with a VIP.

  dig @127.0.0.1 -p 5353 httpi.marathon.l4lb.thisdcos.directory
`;

/** The post's app: bridge mode with a VIP. */
const EXAMPLE = {
  id: '/httpi',
  instances: 5,
  cpus: 0.1,
  mem: 32,
  networks: [{ mode: 'container/bridge' }],
  container: {
    type: 'DOCKER',
    docker: { image: 'dcoslabs/httpi' },
    portMappings: [{ containerPort: 0, hostPort: 0, name: 'http', protocol: 'tcp', labels: { VIP_0: '/httpi:3141' } }],
  },
} as const;

async function main(args: readonly string[]): Promise<number> {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      port: { type: 'string', default: '5353' },
      address: { type: 'string', default: '127.0.0.1' },
      seed: { type: 'string', default: '7' },
      'mesos-dns': { type: 'boolean', default: false },
      example: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  const [command, ...files] = positionals;
  if (values.help || command !== 'dns') {
    process[values.help ? 'stdout' : 'stderr'].write(USAGE);
    return values.help ? 0 : 2;
  }
  const cluster = DcosCluster.create({ seed: Number(values.seed), agents: 5 });
  if (values.example) cluster.marathon.add(EXAMPLE);
  for (const file of files) cluster.marathon.add(JSON.parse(readFileSync(file, 'utf8')));
  cluster.settle();
  const answer = (question: DnsQuestion): DnsReply | undefined =>
    values['mesos-dns'] ? cluster.mesosDns.answer(question) : cluster.master().query(question);
  const { address, port } = await serveDns(answer, values.address, Number(values.port));
  process.stdout.write(`listening at ${address}#${port}\n`);
  return 0;
}

main(process.argv.slice(2)).then(
  (code) => {
    process.exitCode = code;
  },
  (error: unknown) => {
    const message = error instanceof Refusal || error instanceof Error ? error.message : String(error);
    process.stderr.write(`portolan: ${message}\n`);
    process.exitCode = 2;
  },
);
