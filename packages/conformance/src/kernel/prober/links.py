"""The links of the namespace this process is in that are up and do not work yet."""
import socket
import struct
import time

from netlink import attributes, dump

GET_LINK, UP = 18, 1
QUEUE, INFO, CARRIER = 6, 18, 33
PORT, STATE, FORWARDING = 5, 1, 3
# Seconds after which it is taken as it is.
PATIENCE = 10


def await_links():
    """A link sends, and a bridge's port forwards, once the kernel has noticed that its pair is up, in its own time."""
    end = time.monotonic() + PATIENCE
    while not all(works(link) for link in links()) and time.monotonic() < end:
        time.sleep(0.002)


def links():
    return dump(GET_LINK, struct.pack('=BBHiII', socket.AF_UNSPEC, 0, 0, 0, 0, 0))


def works(link):
    flags, = struct.unpack('=I', link[8:12])
    found = attributes(link[16:])
    if not flags & UP or not found[CARRIER][0]:
        return True
    port = attributes(attributes(found.get(INFO, b'')).get(PORT, b''))
    return found[QUEUE] != b'noop\0' and port.get(STATE, b'\3')[0] == FORWARDING
