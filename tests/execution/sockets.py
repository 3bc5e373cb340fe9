"""Who listens where, as the kernel tells."""

import ipaddress
from pathlib import Path


def listening(ancestor: int) -> dict[str, set[str]]:
    """Address -> names of the processes below this one that wait for connections there."""
    inodes = {}
    for table in ("tcp", "tcp6"):
        path = Path("/proc/net") / table
        for line in path.read_text().splitlines()[1:] if path.exists() else []:
            fields = line.split()
            if fields[3] == "0A":
                inodes[fields[9]] = address(fields[1].split(":")[0])
    found: dict[str, set[str]] = {}
    for process in descendants(ancestor):
        for opened in Path(f"/proc/{process}/fd").glob("*"):
            try:
                target = str(opened.readlink())
            except OSError:
                continue
            inode = target.removeprefix("socket:[").rstrip("]")
            if target.startswith("socket:[") and inode in inodes:
                found.setdefault(inodes[inode], set()).add(Path(f"/proc/{process}/comm").read_text().strip())
    return found


def address(hexadecimal: str) -> str:
    """Of the kernel's notation: 32-bit words, each with its lowest byte first."""
    words = [bytes.fromhex(hexadecimal[i : i + 8])[::-1] for i in range(0, len(hexadecimal), 8)]
    found = ipaddress.ip_address(b"".join(words))
    return str(getattr(found, "ipv4_mapped", None) or found)


def descendants(process: int) -> list[int]:
    parents = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            # The name, in brackets, may hold blanks.
            parents[int(path.parent.name)] = int(path.read_text().rpartition(")")[2].split()[1])
        except OSError:
            continue
    below = [process]
    for each in below:
        below += [child for child, parent in parents.items() if parent == each]
    return below


def processes_of(found: dict[str, set[str]]) -> set[str]:
    """Their names."""
    return {name for processes in found.values() for name in processes}


def beyond_loopback(found: dict[str, set[str]]) -> dict[str, set[str]]:
    """Those that others can reach."""
    return {where: who for where, who in found.items() if not ipaddress.ip_address(where).is_loopback}
