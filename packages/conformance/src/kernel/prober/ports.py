"""The bridge ports of the namespace this process is in that are up and do not forward yet."""
import socket
import struct
import time

from netlink import attributes, dump

GET_LINK, PORT, STATE, FORWARDING, UP = 18, 12, 1, 3, 1
# Seconds after which who does not forward never will: its pair is down.
PATIENCE = 0.5


def await_ports():
    """A port forwards once the kernel has noticed that its pair is up, which it does in its own time."""
    end = time.monotonic() + PATIENCE
    while not all(forwards(message) for message in links()) and time.monotonic() < end:
        time.sleep(0.002)


def links():
    return dump(GET_LINK, struct.pack('=BBHiII', socket.AF_BRIDGE, 0, 0, 0, 0, 0))


def forwards(message):
    flags, = struct.unpack('=I', message[8:12])
    port = attributes(message[16:]).get(PORT)
    return port is None or not flags & UP or attributes(port)[STATE][0] == FORWARDING
