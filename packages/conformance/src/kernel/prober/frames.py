"""Captured frames as text, in the words of frame-text.ts."""
import socket
import struct

NAMES = {6: 'tcp', 17: 'udp', 1: 'icmp'}


def mac(data):
    return ':'.join(f'{b:02x}' for b in data)


def frame_text(frame, sizes=False):
    if len(frame) < 14:
        return None
    kind = struct.unpack('>H', frame[12:14])[0]
    macs = f'[{mac(frame[6:12])} > {mac(frame[0:6])}]'
    if kind == 0x0806:
        op = struct.unpack('>H', frame[20:22])[0]
        sender, target = socket.inet_ntoa(frame[28:32]), socket.inet_ntoa(frame[38:42])
        return f'arp who-has {target} tell {sender} {macs}' if op == 1 else f'arp {sender} is-at {mac(frame[22:28])} {macs}'
    if kind != 0x0800:
        return None
    return f'{packet_text(frame[14:], sizes)} {macs}'


def packet_text(p, sizes=False):
    size = (p[0] & 15) * 4
    length, _, fragment = struct.unpack('>HHH', p[2:8])
    ttl, protocol = p[8], p[9]
    source, destination = socket.inet_ntoa(p[12:16]), socket.inet_ntoa(p[16:20])
    rest = p[size:length]
    tail = f'ttl {ttl} len {length}{" DF" if fragment & 0x4000 else ""}'
    if fragment & 0x3fff:
        more = '+' if fragment & 0x2000 else ''
        tail += f' frag {(fragment & 0x1fff) * 8}{more}'
    if fragment & 0x1fff:
        return f'{NAMES.get(protocol, protocol)} {source} > {destination} {tail}'
    if protocol == 6:
        sp, dp = struct.unpack('>HH', rest[0:4])
        flags = rest[13]
        marks = ''.join(m for bit, m in ((2, 'S'), (1, 'F'), (4, 'R'), (8, 'P'), (16, '.')) if flags & bit)
        size = segment_size(rest) if sizes and flags & 2 else ''
        return f'tcp {source}:{sp} > {destination}:{dp} {marks} {tail}{size}'
    if protocol == 17:
        sp, dp = struct.unpack('>HH', rest[0:4])
        inner = ''
        if dp == 64000 and len(rest) > 30:
            inner = f' {{{frame_text(rest[16:], sizes)}}}'
        return f'udp {source}:{sp} > {destination}:{dp} {tail}{inner}'
    if protocol == 1:
        t, c, _, identifier, low = struct.unpack('>BBHHH', rest[0:8])
        if t in (3, 11, 12, 5):
            mtu = f' mtu {low}' if (t, c) == (3, 4) else f' to {socket.inet_ntoa(rest[4:8])}' if t == 5 else ''
            return f'icmp {source} > {destination} type {t} code {c}{mtu} ({quoted_text(rest[8:])}) {tail}'
        return f'icmp {source} > {destination} type {t} code {c} id {identifier} {tail}'
    return f'proto {protocol} {source} > {destination} {tail}'


def quoted_text(p):
    source, destination = socket.inet_ntoa(p[12:16]), socket.inet_ntoa(p[16:20])
    if p[9] in (6, 17):
        sp, dp = struct.unpack('>HH', p[20:24])
        return f'{NAMES[p[9]]} {source}:{sp} > {destination}:{dp} ttl {p[8]}'
    if p[9] == 1:
        return f'icmp {source} > {destination} type {p[20]} id {struct.unpack(">H", p[24:26])[0]} ttl {p[8]}'
    return f'proto {p[9]} {source} > {destination} ttl {p[8]}'


def segment_size(segment):
    """The maximum segment size that a SYN's options tell."""
    options = segment[20:(segment[12] >> 4) * 4]
    while options and options[0] != 0:
        if options[0] == 1:
            options = options[1:]
        elif options[0] == 2:
            return f' mss {struct.unpack(">H", options[2:4])[0]}'
        else:
            options = options[options[1]:]
    return ''
