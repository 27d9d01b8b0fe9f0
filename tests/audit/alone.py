"""`unshare -rn python alone.py FILE COMMAND...`: runs the command where no address but loopback can be reached.

FILE gets the number of times that it, or a process of it, looked for a way out: the kernel counts them, so that
native code counts too. The exit status is the command's.
"""

import fcntl
import socket
import struct
import subprocess
import sys
from pathlib import Path

SIOCSIFFLAGS = 0x8914
IFF_UP = 1


def raise_loopback() -> None:
    """A new network namespace has its loopback, but down."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        fcntl.ioctl(any_socket, SIOCSIFFLAGS, struct.pack("16sh22x", b"lo", IFF_UP))


def lost() -> int:
    """How many packets and connections of this namespace found no route so far."""
    names, values = [line.split() for line in Path("/proc/net/snmp").read_text().splitlines() if line.startswith("Ip:")]
    lines = [line.split() for line in Path("/proc/net/snmp6").read_text().splitlines()]
    return int(dict(zip(names, values, strict=True))["OutNoRoutes"]) + int(dict(lines).get("Ip6OutNoRoutes", "0"))


if __name__ == "__main__":
    raise_loopback()
    before = lost()
    status = subprocess.run(sys.argv[2:], check=False).returncode
    Path(sys.argv[1]).write_text(str(lost() - before), encoding="utf-8")
    sys.exit(status)
