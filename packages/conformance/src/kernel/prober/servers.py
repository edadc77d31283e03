"""Everybody who listens in a lab: servers that answer, proxies that pass on."""
import json
import os
import select
import socket
import struct

from client import end
from namespaces import enter

IP_PKTINFO = 8


class Servers:
    def __init__(self):
        self.listeners = {}
        self.open = {}
        self.seen = []
        # Bytes of the message that comes by TCP: nobody answers a part of it.
        self.expected = 0

    def listen(self, name, namespace, listener):
        """Binds in the namespace this process is in; `namespace` is its open file, for a proxy's own connections."""
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
        self.listeners[s.fileno()] = (name, namespace, listener, s)

    def awaited(self):
        """What to wait for, by open file."""
        events = {fd: select.POLLIN for fd in self.listeners}
        events.update({fd: connection.awaits for fd, connection in self.open.items()})
        return events

    def act(self, fd):
        if fd in self.open:
            self.open[fd].act()
            self.open = {fd: c for fd, c in self.open.items() if not c.ended}
        elif fd in self.listeners:
            name, namespace, listener, server = self.listeners[fd]
            try:
                if listener['protocol'] == 'udp':
                    self.datagram(name, listener, server)
                else:
                    self.accept(name, namespace, listener, server)
            except OSError:
                pass

    def accept(self, name, namespace, listener, server):
        made, peer = server.accept()
        made.setblocking(False)
        resetting(made)
        if 'forward' in listener:
            front, back = proxied(made, namespace, listener['forward'])
            self.open[front.socket.fileno()] = front
            self.open[back.socket.fileno()] = back
            return
        seen = {'peer': end(peer), 'local': end(made.getsockname()), 'in': name}
        self.seen.append(seen)
        text = f'{json.dumps(seen)}\n'.encode() if listener.get('tellsEnds') else None
        self.open[made.fileno()] = Served(made, self.expected, text)

    def datagram(self, name, listener, server):
        data, control, _, peer = server.recvmsg(65536, 256)
        local = next(c[2][8:12] for c in control if c[1] == IP_PKTINFO)
        seen = {'peer': end(peer), 'local': f'{socket.inet_ntoa(local)}:{listener["port"]}', 'in': name}
        self.seen.append(seen)
        answer = json.dumps({**seen, 'len': len(data)}).encode() if listener.get('tellsEnds') else data
        server.sendmsg([answer], [(socket.IPPROTO_IP, IP_PKTINFO, struct.pack('i4s4s', 0, local, b'\0' * 4))], 0, peer)

    def reset(self):
        """Ends what is still open, as a program does that is killed."""
        for connection in self.open.values():
            connection.socket.close()
        self.open = {}

    def close(self):
        self.reset()
        for _, _, _, server in self.listeners.values():
            server.close()


class Served:
    """A connection to a server, which answers with the same or with a text of its own."""

    awaits = select.POLLIN

    def __init__(self, made, expected, text):
        self.socket = made
        self.expected = expected
        self.text = text
        self.data = b''
        self.ended = False

    def act(self):
        data = received(self.socket)
        if data:
            self.data += data
            if len(self.data) >= self.expected:
                self.socket.send(self.data if self.text is None else self.text)
                self.data = b''
            return
        self.ended = True
        if data is not None:
            resetting(self.socket, False)
        self.socket.close()


class Half:
    """One of a proxy's two connections; nothing is read before the farther one stands."""

    def __init__(self, made, awaits):
        self.socket = made
        self.awaits = awaits
        self.other = None
        self.finished = False
        self.ended = False

    def act(self):
        if self.awaits == select.POLLOUT:
            if self.socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) != 0:
                self.end_both()
            else:
                self.awaits = self.other.awaits = select.POLLIN
            return
        data = received(self.socket)
        if data is None:
            self.end_both()
        elif data:
            self.other.socket.send(data)
        else:
            self.finished = True
            self.awaits = 0
            self.other.socket.shutdown(socket.SHUT_WR)
            if self.other.finished:
                resetting(self.socket, False)
                resetting(self.other.socket, False)
                self.end_both()

    def end_both(self):
        for half in (self, self.other):
            half.ended = True
            half.socket.close()


def proxied(made, namespace, to):
    here = os.open('/proc/self/ns/net', os.O_RDONLY)
    enter(namespace)
    onward = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    enter(here)
    os.close(here)
    onward.setblocking(False)
    onward.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    resetting(onward)
    front, back = Half(made, 0), Half(onward, select.POLLOUT)
    front.other, back.other = back, front
    address, port = to.split(':')
    onward.connect_ex((address, int(port)))
    return front, back


def received(connection):
    """What came; empty at its end, None if it was reset."""
    try:
        return connection.recv(65536)
    except OSError:
        return None


def resetting(connection, yes=True):
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', int(yes), 0))
