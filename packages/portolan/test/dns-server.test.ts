import { Buffer } from 'node:buffer';
import { createSocket } from 'node:dgram';
import { connect } from 'node:net';
import { DcosCluster, type DnsReply, formatIp, messageSize, printData } from '@portolan/dcos';
import { type Answer, decode, encode, type Packet } from 'dns-packet';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type DnsServer, serveDns } from '../src/cli/dns-server.ts';
import { readQuery, writeReply } from '../src/cli/dns-wire.ts';

const NAME = 'httpi.marathon.l4lb.thisdcos.directory';

function ask(name: string, type: string, id = 7, edns = false): Buffer {
  const opt = {
    type: 'OPT',
    name: '.',
    udpPayloadSize: 1232,
    extendedRcode: 0,
    ednsVersion: 0,
    flags: 0,
    flag_do: false,
    options: [],
  };
  const additionals = edns ? [opt as unknown as Answer] : [];
  return Buffer.from(encode({ type: 'query', id, flags: 0x100, questions: [{ name, type: type as 'A' }], additionals }));
}

const cluster = DcosCluster.create({ seed: 7, agents: 5 });
let server: DnsServer;

beforeAll(async () => {
  cluster.marathon.add({
    id: '/httpi',
    instances: 20,
    cpus: 0.1,
    mem: 32,
    networks: [{ mode: 'container/bridge' }],
    container: {
      type: 'DOCKER',
      docker: { image: 'dcoslabs/httpi' },
      portMappings: [{ containerPort: 0, name: 'http', labels: { VIP_0: '/httpi:3141' } }],
    },
  });
  cluster.settle();
  server = await serveDns((question) => cluster.master().query(question), '127.0.0.1', 0);
});

afterAll(() => server.close());

function overUdp(message: Buffer): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const socket = createSocket('udp4');
    socket.once('error', reject);
    socket.once('message', (reply) => {
      socket.close();
      resolve(reply);
    });
    socket.send(message, server.port, '127.0.0.1');
  });
}

function overTcp(message: Buffer): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    let received = Buffer.alloc(0);
    const socket = connect(server.port, '127.0.0.1', () => {
      const length = Buffer.alloc(2);
      length.writeUInt16BE(message.length);
      // In two pieces, as a stream may bring it.
      socket.write(Buffer.concat([length, message.subarray(0, 5)]));
      setTimeout(() => socket.write(message.subarray(5)), 20);
    });
    socket.once('error', reject);
    socket.on('data', (part) => {
      received = Buffer.concat([received, Buffer.from(part)]);
      if (received.length < 2 || received.length < 2 + received.readUInt16BE(0)) return;
      socket.destroy();
      resolve(received.subarray(2));
    });
  });
}

test('a client of the library gets the VIP of the post over UDP', async () => {
  const reply = decode(await overUdp(ask(NAME, 'A')));
  expect(reply).toMatchObject({ id: 7, type: 'response', rcode: 'NOERROR', flag_aa: true, flag_ra: false });
  expect(reply.answers).toMatchObject([{ name: NAME, type: 'A', ttl: 5, data: '11.249.78.219' }]);
});

test('what does not fit into 512 bytes is truncated; over TCP all of it comes', async () => {
  const question = ask('_httpi._tcp.marathon.mesos', 'SRV');
  const udp = await overUdp(question);
  expect(udp.length).toBe(485);
  expect(decode(udp).flag_tc).toBe(true);
  expect(decode(udp).answers).toHaveLength(9);
  const tcp = await overTcp(question);
  expect(tcp.length).toBe(1344);
  expect(decode(tcp).answers).toHaveLength(20);
});

test('unknown zones are refused, the OPT record comes back, rubbish is passed over', async () => {
  expect(decode(await overUdp(ask('x.nosuch.thisdcos.directory', 'A', 9, true)))).toMatchObject({ id: 9, rcode: 'REFUSED' });
  const withOpt = decode(await overUdp(ask(NAME, 'A', 1, true)));
  expect(withOpt.additionals).toMatchObject([{ type: 'OPT', udpPayloadSize: 1232 }]);
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 80 }), (bytes) => {
      const query = readQuery(Buffer.from(bytes), 'udp');
      if (query !== undefined) expect(typeof query.question.name).toBe('string');
    }),
    { numRuns: 2000 },
  );
});

/** The same facts of a packet and of an answer. */
function recordsOf(packet: Packet): readonly unknown[] {
  return [...(packet.answers ?? []), ...(packet.authorities ?? []), ...(packet.additionals ?? [])];
}

test('every kind of record survives the wire, in exactly the bytes that sizes are reckoned by', () => {
  const questions = [
    [NAME, 'A'],
    ['HttpI.marathon.L4LB.thisdcos.directory', 'A'],
    ['l4lb.thisdcos.directory', 'ANY'],
    ['nosuch.l4lb.thisdcos.directory', 'AAAA'],
    ['_httpi._tcp.marathon.mesos', 'SRV'],
    ['_httpi._tcp.marathon.mesos.thisdcos.directory', 'SRV'],
    ['httpi.marathon.mesos', 'ANY'],
    ['nosuch.mesos', 'ANY'],
    ['ready.spartan', 'A'],
    ['example.com', 'A'],
  ] as const;
  for (const [name, type] of questions) {
    const query = readQuery(ask(name, type), 'tcp');
    if (query === undefined) throw new Error('no query');
    const reply = cluster.master().query(query.question) as DnsReply;
    const message = writeReply(reply, query);
    expect(message.length).toBe(messageSize(reply));
    const records = [...reply.answers, ...reply.authority, ...reply.additional].map(({ name: owner, ttl, data }) => {
      const host = owner.slice(0, -1);
      if (data.type === 'A' || data.type === 'AAAA') return { name: host, ttl, type: data.type, data: formatIp(data.address) };
      if (data.type === 'SRV')
        return { name: host, ttl, type: 'SRV', data: { port: data.port, weight: data.weight, target: data.target.slice(0, -1) } };
      if (data.type === 'SOA') return { name: host, ttl, type: 'SOA', data: { serial: data.serial, minimum: data.minimum } };
      return { name: host, ttl, type: data.type, data: printData(data).slice(0, -1) };
    });
    expect(recordsOf(decode(message))).toMatchObject(records);
  }
});
