"""One probe's near end: a TCP exchange of one word, a datagram that is echoed, an echo request."""
import errno
import select
import socket
import struct

IP_RECVERR, IP_MTU_DISCOVER = 11, 10


class Client:
    """One probe's near end."""

    def __init__(self, probe):
        self.protocol = probe['protocol']
        self.verdict = None
        self.reply = None
        self.data = b'x' * probe.get('bytes', 4)
        self.missing = len(self.data)
        self.events = select.POLLIN
        self.identifier = probe.get('sourcePort', 1)
        kind = {'tcp': socket.SOCK_STREAM, 'udp': socket.SOCK_DGRAM, 'icmp': socket.SOCK_RAW}[self.protocol]
        self.socket = socket.socket(socket.AF_INET, kind, socket.IPPROTO_ICMP if self.protocol == 'icmp' else 0)
        self.fd = self.socket.fileno()
        self.socket.setblocking(False)
        if 'ttl' in probe:
            self.socket.setsockopt(socket.IPPROTO_IP, socket.IP_TTL, probe['ttl'])
        if probe.get('broadcast'):
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
        if 'fragment' in probe:
            self.socket.setsockopt(socket.IPPROTO_IP, IP_MTU_DISCOVER, 0 if probe['fragment'] else 2)
        if 'mark' in probe:
            self.socket.setsockopt(socket.SOL_SOCKET, 36, probe['mark'])
        try:
            self.start(probe)
        except OSError as problem:
            self.verdict = errno.errorcode[problem.errno]

    def start(self, probe):
        to = (probe['to'], probe.get('port', 0))
        if self.protocol == 'icmp':
            head = struct.pack('>BBHHH', 8, 0, 0, self.identifier, 1)
            total = checksum(head + self.data)
            self.socket.sendto(struct.pack('>BBHHH', 8, 0, total, self.identifier, 1) + self.data, to)
            return
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind((probe.get('source', '0.0.0.0'), probe['sourcePort']))
        if probe.get('connect'):
            self.socket.connect(to)
            self.socket.send(self.data)
            return
        if self.protocol == 'udp':
            self.socket.setsockopt(socket.IPPROTO_IP, IP_RECVERR, 1)
            self.socket.sendto(self.data, to)
            return
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            self.socket.connect(to)
        except BlockingIOError:
            pass
        self.events = select.POLLOUT
        self.connected = False

    def act(self, event):
        try:
            if self.protocol == 'tcp':
                self.act_tcp(event)
            elif self.protocol == 'udp':
                self.act_udp()
            else:
                self.act_icmp()
        except OSError as problem:
            self.verdict = errno.errorcode[problem.errno]

    def act_tcp(self, event):
        problem = self.socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if problem != 0:
            self.verdict = errno.errorcode[problem]
        elif not self.connected:
            self.connected = True
            self.reply = end(self.socket.getpeername())
            self.socket.send(self.data)
            self.events = select.POLLIN
        else:
            data = self.socket.recv(65536)
            self.missing -= len(data)
            if not data:
                self.verdict = 'ECONNRESET'
            elif self.missing <= 0:
                self.verdict = 'ok'

    def act_udp(self):
        data, peer = self.socket.recvfrom(65536)
        self.reply = end(peer)
        self.verdict = 'ok'

    def act_icmp(self):
        packet, _ = self.socket.recvfrom(65536)
        size = (packet[0] & 15) * 4
        message = packet[size:]
        if message[0] == 0 and struct.unpack('>H', message[4:6])[0] == self.identifier:
            self.reply = socket.inet_ntoa(packet[12:16])
            self.verdict = 'ok'
        elif message[0] in (3, 11, 12):
            quoted = message[8:]
            inner = quoted[(quoted[0] & 15) * 4:]
            if quoted[9] == 1 and struct.unpack('>H', inner[4:6])[0] == self.identifier:
                self.reply = socket.inet_ntoa(packet[12:16])
                self.verdict = f'icmp {message[0]}/{message[1]}'

    def close(self):
        if self.protocol == 'tcp' and self.verdict != 'ok':
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))
        self.socket.close()


def end(address):
    return f'{address[0]}:{address[1]}'


def checksum(data):
    if len(data) % 2:
        data += b'\0'
    total = sum(struct.unpack(f'>{len(data) // 2}H', data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff
