"""A lab in real namespaces: its servers, its probes, everything that passes, and what the traffic left behind."""
import os
import select
import socket
import time

from build import build
from client import Client
from frames import frame_text
from links import await_links
from namespaces import HOME, enter, run
from neighbours import neighbours
from servers import Servers

# Seconds without an event after which a probe is lost: longer than ARP takes to give up; and the most it may take.
QUIET, LONGEST = 0.080, 1.0
# The same for what follows of itself.
BREATH, MOMENT = 0.001, 0.050
SO_RCVBUFFORCE = 33


class Lab:
    def __init__(self, lab):
        self.lab = lab
        self.sizes = any("TCPMSS" in ns.get("iptables", "") for ns in lab["namespaces"])
        self.fds = {}
        self.taps = {}
        self.servers = Servers()
        self.packets = {}

    def build(self):
        self.fds = build(self.lab)
        for ns in self.lab['namespaces']:
            enter(self.fds[ns['name']])
            await_links()
            self.tap(ns['name'])
            for listener in ns.get('listeners', []):
                self.servers.listen(ns['name'], self.fds[ns['name']], listener)
        self.pump(BREATH, MOMENT)

    def tap(self, name):
        tap = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
        tap.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 1 << 22)
        tap.setblocking(False)
        self.taps[tap.fileno()] = (name, tap)

    def pump(self, quiet, longest, client=None):
        """Serves everybody until nothing has happened for a while, or `client`, who is told of its events, has its answer."""
        start = last = time.monotonic()
        while client is None or client.verdict is None:
            wait = min(start + longest, last + quiet) - time.monotonic()
            if wait < 0:
                break
            poller = select.poll()
            for fd in self.taps:
                poller.register(fd, select.POLLIN)
            for fd, events in self.servers.awaited().items():
                poller.register(fd, events)
            if client is not None and client.events:
                poller.register(client.fd, client.events)
            ready = poller.poll(max(1, int(wait * 1000) + 1))
            for fd, event in ready:
                last = time.monotonic()
                if fd in self.taps:
                    self.capture(fd)
                elif client is not None and fd == client.fd:
                    client.act(event)
                else:
                    self.servers.act(fd)

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

    def wait(self, seconds):
        """Lets time pass; what is seen meanwhile belongs to no probe."""
        self.packets = {}
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            self.pump(left, left)

    def probe(self, probe):
        self.wait(probe.get('wait', 0))
        self.packets, self.servers.seen = {}, []
        self.servers.expected = probe.get('bytes', 4)
        enter(self.fds[probe['from']])
        client = Client(probe)
        self.pump(QUIET, LONGEST, client)
        verdict = client.verdict or 'timeout'
        client.close()
        self.pump(BREATH, MOMENT)
        self.servers.reset()
        self.pump(BREATH, MOMENT)
        for fd in list(self.taps):
            self.capture(fd)
        return {'verdict': verdict, 'reply': client.reply, 'seen': self.servers.seen, 'packets': self.packets}

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
        self.servers.close()
        enter(HOME)
        for fd in self.fds.values():
            os.close(fd)
