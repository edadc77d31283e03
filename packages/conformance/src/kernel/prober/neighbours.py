"""The neighbours of the namespace this process is in, as `ip neigh show` prints them."""
import socket
import struct

from netlink import attributes, dump

GET_NEIGHBOUR, DESTINATION, ADDRESS = 30, 1, 2
STATES = {1: 'INCOMPLETE', 2: 'REACHABLE', 4: 'STALE', 8: 'DELAY', 16: 'PROBE', 32: 'FAILED', 128: 'PERMANENT'}


def neighbours():
    """A line for each entry but those of loopback and broadcast (NOARP)."""
    messages = dump(GET_NEIGHBOUR, struct.pack('=BBHiHBB', socket.AF_INET, 0, 0, 0, 0, 0, 0))
    return [line for line in map(line_of, messages) if line is not None]


def line_of(message):
    device, state = struct.unpack('=iH', message[4:10])
    if state not in STATES:
        return None
    found = attributes(message[12:])
    address = ''
    if ADDRESS in found:
        address = f'lladdr {":".join(f"{b:02x}" for b in found[ADDRESS])} '
    return f'{socket.inet_ntoa(found[DESTINATION])} dev {socket.if_indextoname(device)} {address}{STATES[state]}'
