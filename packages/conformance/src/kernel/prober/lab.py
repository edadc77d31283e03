"""A lab in real namespaces: its servers, its probes, everything that passes, and what the traffic left behind."""
import os
import select
import socket
import struct
import time

from build import build
from client import Client, end
from frames import frame_text
from namespaces import HOME, enter, run
from neighbours import neighbours

QUIET = 0.030
LONGEST = 1.0
IP_PKTINFO, SO_RCVBUFFORCE = 8, 33


class Lab:
    def __init__(self, lab):
        self.lab = lab
        self.sizes = any("TCPMSS" in ns.get("iptables", "") for ns in lab["namespaces"])
        self.fds = {}
        self.taps = {}
        self.servers = {}
        self.open = {}
        self.packets = {}
        self.seen = []

    def build(self):
        self.fds = build(self.lab)
        for ns in self.lab['namespaces']:
            enter(self.fds[ns['name']])
            self.tap(ns['name'])
            self.listen(ns)
        self.pump(time.monotonic() + 0.002)

    def tap(self, name):
        tap = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
        tap.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 1 << 22)
        tap.setblocking(False)
        self.taps[tap.fileno()] = (name, tap)


    def listen(self, ns):
        for listener in ns.get('listeners', []):
            at = (listener.get('address', '0.0.0.0'), listener['port'])
            if listener['protocol'] == 'tcp':
                s = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
                s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                s.bind(at)
                s.listen(8)
            else:
                s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
                s.setsockopt(socket.IPPROTO_IP, IP_PKTINFO, 1)
                s.bind(at)
            s.setblocking(False)
            self.servers[s.fileno()] = (ns['name'], listener['protocol'], s)

    def pump(self, until, client=None):
        """Serves everybody until nothing has happened for a while; `client` is told of its events."""
        last = time.monotonic()
        while True:
            now = time.monotonic()
            quiet = last + QUIET
            if now > until or (client is not None and now > quiet) or (client is not None and client.verdict is not None):
                break
            poller = select.poll()
            for fd in (*self.taps, *self.servers, *self.open):
                poller.register(fd, select.POLLIN)
            if client is not None and client.events:
                poller.register(client.fd, client.events)
            wait = min(until, quiet if client is not None else until) - now
            ready = poller.poll(max(1, int(wait * 1000) + 1))
            for fd, event in ready:
                last = time.monotonic()
                if fd in self.taps:
                    self.capture(fd)
                elif fd in self.servers:
                    self.serve(fd)
                elif fd in self.open:
                    self.answer(fd)
                elif client is not None and fd == client.fd:
                    client.act(event)

    def capture(self, fd):
        name, tap = self.taps[fd]
        while True:
            try:
                frame, address = tap.recvfrom(65536)
            except BlockingIOError:
                return
            text = frame_text(frame, self.sizes)
            if text is not None:
                way = 'out' if address[2] == 4 else 'in'
                self.packets.setdefault(f'{name}/{address[0]}', []).append(f'{way} {text}')

    def serve(self, fd):
        name, protocol, server = self.servers[fd]
        if protocol == 'tcp':
            try:
                made, peer = server.accept()
            except OSError:
                return
            made.setblocking(False)
            made.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))
            self.open[made.fileno()] = made
            self.seen.append({'in': name, 'peer': end(peer), 'local': end(made.getsockname())})
            return
        try:
            data, control, _, peer = server.recvmsg(65536, 256)
        except OSError:
            return
        local = next(c[2][8:12] for c in control if c[1] == IP_PKTINFO)
        self.seen.append({'in': name, 'peer': end(peer), 'local': f'{socket.inet_ntoa(local)}:{server.getsockname()[1]}'})
        info = struct.pack('i4s4s', 0, local, b'\0' * 4)
        try:
            server.sendmsg([data], [(socket.IPPROTO_IP, IP_PKTINFO, info)], 0, peer)
        except OSError:
            pass

    def answer(self, fd):
        made = self.open[fd]
        try:
            data = made.recv(65536)
        except OSError:
            data = None
        if data:
            made.send(data)
            return
        del self.open[fd]
        if data is not None:
            made.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 0, 0))
        made.close()

    def probe(self, probe):
        self.packets, self.seen = {}, []
        enter(self.fds[probe['from']])
        client = Client(probe)
        start = time.monotonic()
        if client.verdict is None:
            self.pump(start + LONGEST, client)
        verdict = client.verdict or 'timeout'
        client.close()
        self.pump(time.monotonic() + 0.002)
        for made in self.open.values():
            made.close()
        self.open = {}
        self.pump(time.monotonic() + 0.001)
        for fd in list(self.taps):
            self.capture(fd)
        return {'verdict': verdict, 'reply': client.reply, 'seen': self.seen, 'packets': self.packets}

    def tables(self, name):
        enter(self.fds[name])
        ns = next(n for n in self.lab['namespaces'] if n['name'] == name)
        with open('/proc/self/net/nf_conntrack') as file:
            connections = file.read().splitlines()
        save = run(['iptables-legacy-save', '-c']) if ns.get('iptables') else ''
        fdb = []
        if any(link['type'] in ('bridge', 'vxlan') for link in ns['links']):
            fdb = [line for line in run(['bridge', 'fdb', 'show']).splitlines() if 'permanent' not in line]
        return {'conntrack': connections, 'save': save, 'fdb': fdb, 'neighbours': neighbours()}

    def answer_all(self):
        self.build()
        probes = [self.probe(probe) for probe in self.lab['probes']]
        return {'probes': probes, 'tables': {name: self.tables(name) for name in self.fds}}

    def close(self):
        for _, tap in self.taps.values():
            tap.close()
        for _, _, server in self.servers.values():
            server.close()
        for made in self.open.values():
            made.close()
        enter(HOME)
        for fd in self.fds.values():
            os.close(fd)
