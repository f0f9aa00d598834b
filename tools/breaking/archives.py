"""Hostile archives: what `polybench data download` finds where it keeps what it fetched before."""

import io
import os
import stat
import tarfile
import zipfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

from breaking.entries import unpack_command
from breaking.material import Bench
from breaking.report import Case, Faults, refused

MEMBER = "set/1.png"
OUTSIDE = "outside.txt"


def zipped(path: Path, members: dict[str, bytes], kind: int = stat.S_IFREG, flags: int = 0) -> None:
    """Write a zip archive whose members are of a kind, with flags in their headers."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            info = zipfile.ZipInfo()
            info.filename, info.create_system, info.compress_type = name, 3, zipfile.ZIP_DEFLATED
            info.external_attr = (kind | 0o644) << 16
            archive.writestr(info, data)
    if flags:
        raw = bytearray(path.read_bytes())
        for sign, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
            at = raw.find(sign)
            raw[at + offset] |= flags
        path.write_bytes(bytes(raw))


def tarred(path: Path, name: str, kind: bytes, target: str = "") -> None:
    """Write a tar archive with one ordinary member and one of a kind."""
    with tarfile.open(path, "w") as archive:
        plain = tarfile.TarInfo(MEMBER)
        plain.size = 3
        archive.addfile(plain, io.BytesIO(b"one"))
        odd = tarfile.TarInfo(name)
        odd.type, odd.linkname = kind, target
        archive.addfile(odd)


def bomb(path: Path) -> None:
    """A zip archive of 200 MB of zeros."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive, archive.open(MEMBER, "w") as member:
        for _ in range(200):
            member.write(bytes(1 << 20))


def twice(path: Path) -> None:
    """Two members of one name."""
    zipped(path, {MEMBER: b"one", "set/2.png": b"two"})
    path.write_bytes(path.read_bytes().replace(b"set/2.png", MEMBER.encode()))


def cut(path: Path) -> None:
    """A zip archive without its end."""
    zipped(path, {MEMBER: os.urandom(5000)})
    path.write_bytes(path.read_bytes()[:3000])


def wrong_bytes(path: Path) -> None:
    """A zip archive of which a stored byte is another."""
    zipped(path, {MEMBER: os.urandom(5000)})
    data = bytearray(path.read_bytes())
    data[2500] ^= 1
    path.write_bytes(bytes(data))


ARCHIVES: dict[str, tuple[str, Callable[[Path], object]]] = {
    "a name with ..": ("set.zip", lambda path: zipped(path, {MEMBER: b"one", f"../{OUTSIDE}": b"x"})),
    "a name with .. in its middle": ("set.zip", lambda path: zipped(path, {f"set/../../{OUTSIDE}": b"x"})),
    "a name with .. and backslashes": ("set.zip", lambda path: zipped(path, {f"set\\..\\..\\{OUTSIDE}": b"x"})),
    "an absolute name": ("set.zip", lambda path: zipped(path, {f"{path.parent.parent}/{OUTSIDE}": b"x"})),
    "a symbolic link": ("set.zip", lambda path: zipped(path, {"set": b"/etc"}, stat.S_IFLNK)),
    "an encrypted member": ("set.zip", lambda path: zipped(path, {MEMBER: b"one"}, flags=1)),
    "a bomb": ("set.zip", bomb),
    "a name given twice": ("set.zip", twice),
    "two names that differ in case": ("set.zip", lambda path: zipped(path, {"set/a.png": b"1", "set/A.png": b"2"})),
    "an archive cut short": ("set.zip", cut),
    "a wrong byte": ("set.zip", wrong_bytes),
    "text instead of an archive": ("set.zip", lambda path: path.write_bytes(b"<html>please log in</html>")),
    "a name with .. in a tar": ("set.tar", lambda path: tarred(path, f"../{OUTSIDE}", tarfile.REGTYPE)),
    "a link in a tar": ("set.tar", lambda path: tarred(path, "set/link", tarfile.SYMTYPE, "/etc/passwd")),
    "a hard link in a tar": ("set.tar", lambda path: tarred(path, "set/link", tarfile.LNKTYPE, "../../secret")),
    "a pipe in a tar": ("set.tar", lambda path: tarred(path, "set/pipe", tarfile.FIFOTYPE)),
    "a device in a tar": ("set.tar", lambda path: tarred(path, "set/null", tarfile.CHRTYPE)),
}


def hostile_archives(bench: Bench) -> list[Case]:
    """A case for each archive, and for links that stand in the target already."""
    cases = [Case(name, partial(_attack, bench, *made)) for name, made in ARCHIVES.items()]
    for place in ("target/set", "target/set/1.png", "target"):
        cases.append(Case(f"a link that stands at {place}", partial(_attack_link, bench, place)))
    return cases


def _attack(bench: Bench, name: str, make: Callable[[Path], object]) -> Faults:
    folder = bench.folder("archive")
    (folder / "kept").mkdir()
    make(folder / "kept" / name)
    ended = bench.server.call(folder, lambda: unpack_command(folder / "kept" / name, folder / "target"))
    left = sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())
    left = [one for one in left if one != f"kept/{name}" and not one.endswith(".lock")]
    return refused(ended, names=(name,)) + ([f"left: {', '.join(left)}"] if left else [])


def _attack_link(bench: Bench, place: str) -> Faults:
    """A link in the target leads to a folder, or a file, elsewhere, which must stay as it is."""
    folder = bench.folder("archive")
    elsewhere = folder / "elsewhere"
    elsewhere.mkdir()
    if place.endswith(".png"):
        (elsewhere / "mine").write_bytes(b"mine")
    link = folder / place
    link.parent.mkdir(parents=True, exist_ok=True)
    link.symlink_to(elsewhere / "mine" if place.endswith(".png") else elsewhere)
    zipped(folder / "set.zip", {MEMBER: b"one"})
    before = {path.name: path.read_bytes() for path in elsewhere.iterdir()}
    ended = bench.server.call(folder, lambda: unpack_command(folder / "set.zip", folder / "target"))
    after = {path.name: path.read_bytes() if path.is_file() else b"" for path in elsewhere.iterdir()}
    if place == "target":  # a user's own way to say where the data lies
        return refused(ended) if ended.code else []
    return (["written through a link: elsewhere has changed"] if before != after else []) or refused(ended)
