#!/usr/bin/env python3
"""Looks at the real window, as a user would: on a screen of its own, by the names that a screen reader reads.

    .ci/window.py BINARY          built with `--features inspection`; needs Xvfb

eframe's `inspection` feature listens where EGUI_INSPECTION says. After a handshake (`eins`, a version) each message is a
length (4 bytes, big endian) and MessagePack: a request is a name or a map of one name to its arguments. Nothing but
Python's own library is used, so the few MessagePack types that occur are read and written here.
"""
import contextlib
import os
import shutil
import sqlite3
import socket
import struct
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SAMPLES = ROOT / "assets/samples"
SHOTS = ROOT / "target/ci"

# What the window calls things.
SESSION = "Two harbours with the same name"  # a session of the samples, in the list on the left
OTHER_SESSIONS = ["Departures are an hour late", "函館の潮見表が一日ずれる"]
TABS = ["Overview", "Messages", "Tasks", "Findings", "Tables"]
MESSAGES_TAB = "Messages"
MESSAGE = "Strange one. Search finds"  # how that session begins
MISSING = "no-such-store.db"  # named in the sentence about it
CLOCK = "2026-11-21T10:00:00Z"

SIZE = (1440, 900)
PATIENCE = 90  # seconds for anything to appear: a debug build, drawn without a graphics card
IDLE_SECONDS = 3
LIVE_ROWS = 10
IDLE_TICKS = 2


class Failure(Exception):
    """A check that did not hold."""


# --- MessagePack, as much of it as occurs

def pack(value):
    if value is None:
        return b"\xc0"
    if isinstance(value, bool):
        return b"\xc3" if value else b"\xc2"
    if isinstance(value, int):
        return b"\xd3" + struct.pack(">q", value)
    if isinstance(value, float):
        return b"\xcb" + struct.pack(">d", value)
    if isinstance(value, str):
        data = value.encode()
        return b"\xdb" + struct.pack(">I", len(data)) + data
    if isinstance(value, (list, tuple)):
        return b"\xdd" + struct.pack(">I", len(value)) + b"".join(map(pack, value))
    return b"\xdf" + struct.pack(">I", len(value)) + b"".join(pack(k) + pack(v) for k, v in value.items())


NUMBERS = {0xCA: ">f", 0xCB: ">d", 0xCC: ">B", 0xCD: ">H", 0xCE: ">I", 0xCF: ">Q", 0xD0: ">b", 0xD1: ">h", 0xD2: ">i", 0xD3: ">q"}
CONSTANTS = {0xC0: None, 0xC2: False, 0xC3: True}
# Tag: kind and how many bytes its length has.
SIZED = {0xC4: ("bytes", 1), 0xC5: ("bytes", 2), 0xC6: ("bytes", 4), 0xD9: ("text", 1), 0xDA: ("text", 2), 0xDB: ("text", 4),
         0xDC: ("list", 2), 0xDD: ("list", 4), 0xDE: ("map", 2), 0xDF: ("map", 4)}


def unpack(data, at=0):
    """One value and where it ends."""
    tag = data[at]
    at += 1
    if tag < 0x80 or tag >= 0xE0:
        return (tag if tag < 0x80 else tag - 256), at
    if tag in CONSTANTS:
        return CONSTANTS[tag], at
    if tag in NUMBERS:
        return struct.unpack_from(NUMBERS[tag], data, at)[0], at + struct.calcsize(NUMBERS[tag])
    if tag < 0xC0:
        kind, length = ("map", tag & 15) if tag < 0x90 else ("list", tag & 15) if tag < 0xA0 else ("text", tag & 31)
    elif tag in SIZED:
        kind, size = SIZED[tag]
        length, at = int.from_bytes(data[at:at + size], "big"), at + size
    else:
        raise Failure(f"the window answered with an unknown MessagePack type {tag:#x}")
    if kind in ("bytes", "text"):
        piece = data[at:at + length]
        return (piece.decode("utf-8", "replace") if kind == "text" else bytes(piece)), at + length
    values = []
    for _ in range(length * (2 if kind == "map" else 1)):
        value, at = unpack(data, at)
        values.append(value)
    return (dict(zip(map(plain, values[::2]), values[1::2])) if kind == "map" else values), at


def plain(key):
    return tuple(key) if isinstance(key, list) else key


# --- The screen and the window

class Screen:
    """A screen that nobody looks at."""

    def __enter__(self):
        read, write = os.pipe()
        self.process = subprocess.Popen(
            ["Xvfb", "-displayfd", str(write), "-screen", "0", f"{SIZE[0]}x{SIZE[1]}x24", "-nolisten", "tcp"],
            pass_fds=[write], stderr=subprocess.DEVNULL)
        os.close(write)
        with os.fdopen(read) as answer:  # Xvfb chooses a free number and says it when it is ready
            number = answer.readline().strip()
        if not number:
            raise Failure("Xvfb did not start")
        self.name = f":{number}"
        return self

    def __exit__(self, *_):
        stop(self.process)


class Window:
    def __init__(self, screen, binary, *arguments):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        self.home = tempfile.mkdtemp(prefix="sessionscope-ci-")
        environment = dict(os.environ, DISPLAY=screen.name, EGUI_INSPECTION=f"127.0.0.1:{port}", SESSIONSCOPE_NOW=CLOCK,
                           SESSIONSCOPE_DATA_DIR=f"{self.home}/data", XDG_CONFIG_HOME=f"{self.home}/config",
                           XDG_DATA_HOME=f"{self.home}/share", XDG_RUNTIME_DIR=self.home)
        environment.pop("WAYLAND_DISPLAY", None)
        self.process = subprocess.Popen([binary, *map(str, arguments)], env=environment)
        try:
            self.socket = self.connect(port)
            self.socket.settimeout(PATIENCE)
            if self.read(8)[:4] != b"eins":
                raise Failure("what listens there is not the window")
        except BaseException:
            self.__exit__()
            raise

    def connect(self, port):
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            self.check_alive()
            try:
                return socket.create_connection(("127.0.0.1", port), 5)
            except OSError:
                time.sleep(0.05)
        raise Failure("the window does not listen; was it built with --features inspection?")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        stop(self.process)
        shutil.rmtree(self.home, ignore_errors=True)

    def check_alive(self):
        if self.process.poll() is not None:
            raise Failure(f"the window has closed, with status {self.process.returncode}")

    def read(self, count):
        data = bytearray()
        while len(data) < count:
            piece = self.socket.recv(count - len(data))
            if not piece:
                time.sleep(0.5)
                self.check_alive()
                raise Failure("the window closed the connection")
            data += piece
        return bytes(data)

    def ask(self, request):
        message = pack(request)
        self.socket.sendall(struct.pack(">I", len(message)) + message)
        return unpack(self.read(struct.unpack(">I", self.read(4))[0]))[0]

    def things(self):
        """What is on the screen: role, name and place of each."""
        nodes = [(key, node[0], node[-1]) for key, node in self.ask("GetTree")["Tree"][2][0]]
        texts = {plain(key): properties for key, _, properties in nodes}
        found = []
        for _, role, properties in nodes:
            name = properties.get("label")
            if name is None and properties.get("labelledBy"):
                name = " ".join(str(texts.get(plain(key), {}).get("value", "")) for key in properties["labelledBy"])
            if name is None:
                name = properties.get("value")
            if name:
                found.append((role, str(name), properties.get("bounds")))
        return found

    def wait(self, part):
        """Waits until something whose name has this part is on the screen: its place, a control's before a label's."""
        end = time.monotonic() + PATIENCE
        while True:
            things = self.things()
            hits = [(role in ("label", "textRun"), name != part, place) for role, name, place in things if part in name and place]
            if hits:
                return min(hits, key=lambda hit: hit[:2])[2]
            if time.monotonic() > end:
                names = "\n  ".join(dict.fromkeys(name[:100] for _, name, _ in things))
                raise Failure(f"{part!r} does not appear; on the screen are:\n  {names}")
            self.check_alive()
            time.sleep(0.1)

    def click(self, part):
        left, top, right, bottom = self.wait(part)
        place, held = [(left + right) / 2, (top + bottom) / 2], [False] * 5
        self.ask({"ApplyEvents": [[{"PointerMoved": place}]]})
        for down in (True, False):
            self.ask({"ApplyEvents": [[{"PointerButton": [place, "Primary", down, held]}]]})

    def settle(self, part):
        """Waits until something stays in its place."""
        place = None
        while (now := self.wait(part)) != place:
            place = now
            time.sleep(0.3)

    def shot(self, name):
        SHOTS.mkdir(parents=True, exist_ok=True)
        picture = self.ask({"GetScreenshot": [None]})["Screenshot"][1]
        picture = bytes(picture)
        if not picture.startswith(b"\x89PNG"):
            raise Failure("the screenshot is no PNG")
        (SHOTS / name).write_bytes(picture)

    def ticks(self):
        """Processor time used so far, in clock ticks."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return int(fields[11]) + int(fields[12])

    def check_idle(self):
        # What was asked last may still be drawn or read.
        for _ in range(10):
            time.sleep(1)
            before = self.ticks()
            time.sleep(IDLE_SECONDS)
            used = self.ticks() - before
            if used <= IDLE_TICKS:
                return used
        raise Failure(f"the idle window uses the processor: {used} ticks in {IDLE_SECONDS} s")


def stop(process):
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def test_samples(screen, binary, folder):
    # A copy: opening a database in write-ahead mode leaves a -shm file beside it.
    samples = Path(folder) / "samples"
    shutil.copytree(SAMPLES, samples)
    with Window(screen, binary, samples) as window:
        window.wait(SESSION)
        for name in OTHER_SESSIONS:
            window.wait(name)
        window.click(SESSION)
        for tab in TABS:
            window.wait(tab)
        window.click(MESSAGES_TAB)
        window.wait(MESSAGE)
        window.shot("samples.png")
        return f"idle: {window.check_idle()} ticks in {IDLE_SECONDS} s"


def test_missing_file(screen, binary, folder):
    with Window(screen, binary, Path(folder) / MISSING) as window:
        window.wait(MISSING)
        window.shot("missing.png")
        time.sleep(1)
        window.check_alive()
        return "the window stays"


def test_repair(screen, binary, folder):
    """A prune is looked at, done and taken back; the database is asked each time."""
    database = Path(folder) / "repair.db"
    shutil.copy(SAMPLES / "claude-hooks.db", database)

    def keys():
        with contextlib.closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as connection:
            return connection.execute("SELECT * FROM claude_sdk_sessions ORDER BY key").fetchall()

    before = keys()
    with Window(screen, binary, database) as window:
        # The cards above it come one by one, and move it down.
        window.wait("Migrations: 2 in place")
        window.settle("Prune…")
        window.click("Prune…")
        window.wait("Undo stays available in Operations.")
        window.shot("prune.png")
        if keys() != before:
            raise Failure("looking at a plan has changed the database")
        window.click("Delete 32 sessions")
        window.wait("Deleted 32 sessions")
        if len(keys()) != len(before) - 32:
            raise Failure(f"{len(keys())} of {len(before)} sessions are left")
        window.click("Undo…")
        window.click("Take back 32 changes")
        window.wait("Took back 32 changes")
        if keys() != before:
            raise Failure("the undo has not brought every row back")
        window.click("Operations")
        window.wait("undone by 2")
        window.shot("operations.png")
    return "32 sessions deleted and back"


def test_live(screen, binary, folder):
    """A row that another program commits shows within a second, and keeps no one waiting."""
    database = Path(folder) / "live.db"
    shutil.copy(SAMPLES / "mcp_state.db", database)
    with contextlib.closing(sqlite3.connect(database, isolation_level=None)) as writer:
        writer.execute("PRAGMA journal_mode = WAL")
        writer.execute("CREATE TABLE arrivals (id INTEGER PRIMARY KEY, word TEXT)")
        with Window(screen, binary, database) as window:
            # Numbers come to the tabs one by one, and move them.
            window.wait("Watching")
            window.settle("Tables")
            window.click("Tables")
            window.click("arrivals")
            waited = []
            for number in range(LIVE_ROWS):
                started = time.monotonic()
                writer.execute("INSERT INTO arrivals (word) VALUES (?)", (f"arrival {number}",))
                while not any(name == f"arrival {number}" for _, name, _ in window.things()):
                    if time.monotonic() - started > PATIENCE:
                        raise Failure(f"row {number} does not show")
                waited.append(time.monotonic() - started)
                time.sleep(0.3)
            busy = writer.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
            if busy:
                raise Failure("the log cannot be emptied")
            window.wait("Live")
            window.shot("live.png")
            waited.sort()
            middle = waited[len(waited) // 2]
            if middle > 1:
                raise Failure(f"a row shows only after {middle:.2f} s")
            return f"shows after {middle * 1000:.0f} ms, at most {waited[-1] * 1000:.0f} ms; idle: {window.check_idle()} ticks in {IDLE_SECONDS} s"


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    failed = 0
    tests = [test_samples, test_missing_file, test_repair, test_live]
    with Screen() as screen, tempfile.TemporaryDirectory() as folder:
        for test in tests:
            try:
                print(f"test window::{test.__name__} ... ok ({test(screen, sys.argv[1], folder)})", flush=True)
            except (Failure, OSError) as error:
                failed += 1
                print(f"test window::{test.__name__} ... FAILED\n{error}", flush=True)
    print(f"window result: {'FAILED' if failed else 'ok'}. {len(tests) - failed} passed; {failed} failed", flush=True)
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
