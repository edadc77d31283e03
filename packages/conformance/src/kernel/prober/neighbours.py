"""The neighbours of the namespace this process is in, as `ip neigh show` prints them, asked by netlink."""
import socket
import struct

GET_NEIGHBOUR, REQUEST_DUMP, DONE = 30, 0x301, 3
DESTINATION, ADDRESS = 1, 2
STATES = {1: 'INCOMPLETE', 2: 'REACHABLE', 4: 'STALE', 8: 'DELAY', 16: 'PROBE', 32: 'FAILED', 128: 'PERMANENT'}


def neighbours():
    """A line for each entry but those of loopback and broadcast (NOARP)."""
    ask = struct.pack('=IHHII', 28, GET_NEIGHBOUR, REQUEST_DUMP, 1, 0) + struct.pack('=BBHiHBB', socket.AF_INET, 0, 0, 0, 0, 0, 0)
    lines = []
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE) as link:
        link.send(ask)
        while True:
            data = link.recv(1 << 16)
            while data:
                size, kind = struct.unpack('=IH', data[:6])
                if kind == DONE:
                    return lines
                line = line_of(data[16:size])
                if line is not None:
                    lines.append(line)
                data = data[(size + 3) & ~3:]


def line_of(message):
    device, state = struct.unpack('=iH', message[4:10])
    if state not in STATES:
        return None
    found = {}
    rest = message[12:]
    while len(rest) >= 4:
        size, kind = struct.unpack('=HH', rest[:4])
        found[kind] = rest[4:size]
        rest = rest[(size + 3) & ~3:]
    address = ''
    if ADDRESS in found:
        address = f'lladdr {":".join(f"{b:02x}" for b in found[ADDRESS])} '
    return f'{socket.inet_ntoa(found[DESTINATION])} dev {socket.if_indextoname(device)} {address}{STATES[state]}'
