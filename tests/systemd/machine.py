"""A machine with a real systemd and nginx: this machine's root, booted by systemd-nspawn.

All its writes go to memory. Its only network is the loopback interface. SYSTEMD_ROOT can name the
root of another distribution, made by debootstrap.
"""

import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from deploy.processes import answers, children
from tests.conftest import ROOT
from tests.deploy.running import is_running, workers
from tests.polling import wait_until

BASE = os.environ.get("SYSTEMD_ROOT", "/")
HOST = "petsage.example"
LIVE = f"etc/letsencrypt/live/{HOST}"
ENVIRONMENT = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/root"}
# Mounted into it: the clone, the wheels and the load client.
SHARED = "/mnt/petsage"
STEPS = ("build", "check", "start", "render", "switch", "ask", "clean")


@dataclass(frozen=True)
class Result:
    """install.sh's exit status, its report, and its messages for people."""

    exit_status: int
    report: dict[str, Any]
    stderr: str

    def outcome(self) -> tuple[int, str, str | None, str | None]:
        return (
            self.exit_status, self.report["outcome"], self.report["serving"],
            self.report["reason"],
        )  # fmt: skip


@dataclass
class Load:
    """The clients' results, available after the load has ended."""

    outcomes: dict[str, int] = field(default_factory=dict)
    reconnects: int = 0
    slowest: float = 0.0
    seconds: float = 0.0


class Machine:
    """A booted machine; `close()` powers it off and removes it."""

    def __init__(self, folder: Path, wheels: Path) -> None:
        self.folder = folder
        self.root = folder / "root"
        self.shared = folder / "shared"
        self.clone = self.shared / "clone"
        self._cleanup = ExitStack()
        self._commits = 0
        self._nspawn: subprocess.Popen[bytes] | None = None
        try:
            self._mount()
            self._prepare(wheels)
            self._cleanup.callback(self._power_off)
            self._boot()
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        self._cleanup.close()

    def run(self, *command: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run the command in the machine."""
        return subprocess.run(
            self._inside(command), env=ENVIRONMENT, capture_output=True, text=True, check=check,
            timeout=120,
        )  # fmt: skip

    def install(self, *arguments: str, clone: str = "clone") -> Result:
        """Run install.sh of a clone."""
        return finish(self.start_install(*arguments, clone=clone))

    def start_install(self, *arguments: str, clone: str = "clone") -> subprocess.Popen[str]:
        """Start install.sh in its own process group, as a terminal does."""
        return subprocess.Popen(
            self._inside([f"{SHARED}/{clone}/deploy/install.sh", *arguments]),
            env=ENVIRONMENT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            process_group=0,
        )  # fmt: skip

    @contextmanager
    def load(self, pause: float = 0.01) -> Iterator[Load]:
        """Run four clients until the block ends, with a pause after each response."""
        load = Load()
        with subprocess.Popen(
            self._inside(["python3", f"{SHARED}/load.py", str(pause)]), env=ENVIRONMENT,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        ) as clients:  # fmt: skip
            assert clients.stdout is not None
            # load.py prints a line when each client has its first response.
            clients.stdout.readline()
            try:
                yield load
            finally:
                printed, _ = clients.communicate()
        for name, value in json.loads(printed).items():
            setattr(load, name, value)

    def commit(self, *edits: tuple[str, str, str]) -> str:
        """Apply these edits (path, regular expression, text) to the first commit, and commit.

        Returns the release, which is new even without edits.
        """
        self.git("checkout", "-q", "first")
        for name, pattern, text in edits:
            path = self.clone / name
            changed, count = re.subn(
                pattern, text, path.read_text(), count=1, flags=re.MULTILINE | re.DOTALL
            )
            assert count == 1, (name, pattern)
            path.write_text(changed)
        # Without a different message, two commits in one second would be the same commit.
        self._commits += 1
        self.git("commit", "-qam", f"change {self._commits}", "--allow-empty")
        return self.git("rev-parse", "--short=12", "HEAD")

    def git(self, *arguments: str) -> str:
        identity = ("-c", "user.name=t", "-c", "user.email=t@t.example")
        command = ["git", "-C", str(self.clone), *identity, *arguments]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()

    def traces(self) -> set[str]:
        """Return what installations leave behind: units, links, releases, temporary files."""
        paths = [
            *self.root.glob("opt/petsage/*"),
            *self.root.glob("opt/petsage/releases/*"),
            *self.root.glob("etc/petsage/*"),
            *self.root.glob("etc/systemd/system/**/*petsage*"),
            *self.root.glob("etc/nginx/sites-*/*"),
        ]
        running = self.run(
            "systemctl", "list-units", "--all", "--plain", "--no-legend", "petsage*"
        )
        # An empty slice stays until systemd needs the memory.
        units = {line.split()[0] for line in running.stdout.splitlines()} - {"petsage.slice"}
        temporary = self.run(
            "sh", "-c", "ls -d /tmp/tmp.* /run/*.failures", check=False
        ).stdout.split()
        return {str(path.relative_to(self.root)) for path in paths} | units | set(temporary)

    def processes(self, unit: str) -> list[int]:
        """Return the unit's processes, main process first, as pids on this machine."""
        inside = self.run("systemctl", "show", "-P", "MainPID", unit).stdout.strip()
        mains = [pid for pid in descendants(self._leader() or 0) if _pid_inside(pid) == inside]
        return [pid for main in mains for pid in (main, *filter(is_running, workers(main)))]

    def serving(self) -> str:
        """Return the release that the link points to, or "" without a link."""
        link = self.root / "opt/petsage/current"
        return link.readlink().name if link.is_symlink() else ""

    def units(self) -> list[str]:
        """Return the units of the serving instances."""
        return [f"petsage-{self.serving()}@{i}.service" for i in (1, 2)]

    def sockets(self) -> list[Path]:
        """Return the sockets of the serving instances, as paths on this machine."""
        run = Path(f"/proc/{self._leader()}/root/run")
        return [run / f"petsage-{self.serving()}-{i}/app.sock" for i in (1, 2)]

    def wait_until_whole(self) -> None:
        """Wait until both instances respond on their own sockets."""

        def whole() -> bool:
            active = self.run("systemctl", "is-active", *self.units(), check=False)
            return active.stdout.split() == ["active", "active"] and all(
                answers(path, HOST, seconds=5) for path in self.sockets()
            )

        wait_until(whole, "both instances respond", seconds=40)

    @contextmanager
    def full_disk(self, free: int) -> Iterator[None]:
        """Leave only `free` bytes of space until the block ends."""
        memory = self.folder / "memory"
        used = shutil.disk_usage(memory).used
        subprocess.run(["mount", "-o", f"remount,size={used + free}", memory], check=True)
        try:
            yield
        finally:
            subprocess.run(["mount", "-o", "remount,size=50%", memory], check=True)

    def reboot(self) -> None:
        self.run("systemctl", "reboot", check=False)
        # Without its own unit, systemd-nspawn exits, and its caller must start it again.
        assert self._nspawn is not None
        self._nspawn.wait(timeout=30)
        self._boot()

    def _mount(self) -> None:
        for name in ("host", "memory", "root", "shared"):
            (self.folder / name).mkdir(exist_ok=True)
        host, memory = self.folder / "host", self.folder / "memory"
        self._mounted("--bind", BASE, host)
        subprocess.run(["mount", "--make-private", host], check=True)
        self._mounted("-t", "tmpfs", "tmpfs", memory)
        for name in ("upper", "work"):
            (memory / name).mkdir()
        layers = f"lowerdir={host},upperdir={memory}/upper,workdir={memory}/work"
        self._mounted("-t", "overlay", "overlay", "-o", layers, self.root)

    def _mounted(self, *arguments: str | Path) -> None:
        subprocess.run(["mount", *arguments], check=True)
        self._cleanup.callback(subprocess.run, ["umount", "--lazy", arguments[-1]], check=False)

    def _prepare(self, wheels: Path) -> None:
        # Remove this machine's services, sites and settings.
        remove = "etc/systemd/system/*.wants/* etc/rc?.d/* etc/init.d/* opt/petsage etc/petsage "
        remove += "etc/nginx/sites-enabled/* etc/letsencrypt root/.config/pip root/.pip"
        subprocess.run(f"rm -rf {remove}", shell=True, cwd=self.root, check=True)  # noqa: S602
        (self.root / "etc/nginx/sites-enabled/default").symlink_to(
            "/etc/nginx/sites-available/default"
        )
        pip = f"[global]\nno-index = true\nfind-links = {SHARED}/wheels\n"
        (self.root / "etc/pip.conf").write_text(pip)
        subprocess.run(["cp", "-rl", wheels, self.shared / "wheels"], check=True)
        load = Path(__file__).with_name("load.py")
        (self.shared / "load.py").write_bytes(load.read_bytes())
        self._copy_clone()

    def _copy_clone(self) -> None:
        # This clone's files, committed or not.
        listed = ["ls-files", "-z", "--cached", "--others", "--exclude-standard"]
        names = subprocess.check_output(["git", "-C", ROOT, *listed], text=True)
        for name in filter(None, names.split("\0")):
            if (ROOT / name).exists():
                target = self.clone / name
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes((ROOT / name).read_bytes())
                target.chmod((ROOT / name).stat().st_mode)
        self.git("init", "-q")
        self.git("add", "--all")
        self.git("commit", "-qm", "first")
        self.git("tag", "first")

    def _boot(self) -> None:
        log = self._cleanup.enter_context((self.folder / "console").open("ab"))
        self._nspawn = subprocess.Popen(
            [
                "systemd-nspawn", "--boot", "-D", self.root, f"--machine=petsage-{os.getpid()}",
                "--register=no", "--keep-unit", "--private-network", "--link-journal=no",
                "--console=read-only", f"--bind={self.shared}:{SHARED}",
                "systemd.unit=multi-user.target",
            ],
            env=os.environ | {"SYSTEMD_NSPAWN_UNIFIED_HIERARCHY": "1"},
            stdin=subprocess.DEVNULL, stdout=log, stderr=log, process_group=0,
        )  # fmt: skip
        self._wait_until_up()

    def _wait_until_up(self) -> None:
        def up() -> bool:
            if self._nspawn is None or self._nspawn.poll() is not None:
                raise AssertionError((self.folder / "console").read_text())
            if self._leader() is None:
                return False
            state = self.run("systemctl", "is-system-running", check=False).stdout.strip()
            return state in ("running", "degraded")

        wait_until(up, "the machine is up")

    def _leader(self) -> int | None:
        """Return the pid of the inner systemd."""
        started = children(self._nspawn.pid) if self._nspawn else []
        return started[-1] if started else None

    def _power_off(self) -> None:
        if self._nspawn is None:
            return
        if leader := self._leader():
            with contextlib.suppress(ProcessLookupError):
                os.kill(leader, signal.SIGRTMIN + 4)
        try:
            self._nspawn.wait(timeout=20)
        except subprocess.TimeoutExpired:
            os.killpg(self._nspawn.pid, signal.SIGKILL)
            self._nspawn.wait()

    def _inside(self, command: Sequence[str]) -> list[str]:
        namespaces = ["-m", "-u", "-i", "-n", "-p", "-C", "-r", "-w"]
        return ["nsenter", "-t", str(self._leader()), *namespaces, *command]


def traces(*releases: str, links: int = 1) -> set[str]:
    """Return the traces of a machine where the first of these releases serves."""
    serving = releases[0]
    units = {f"petsage-{serving}@{i}.service" for i in (1, 2)}
    wants = {f"etc/systemd/system/multi-user.target.wants/{unit}" for unit in units}
    return {
        *units, *wants, *(f"opt/petsage/{link}" for link in ["current", "former"][:links]),
        *(f"opt/petsage/releases/{release}" for release in releases),
        f"etc/systemd/system/petsage-{serving}@.service",
        "etc/nginx/sites-available/default",
        "etc/nginx/sites-enabled/petsage", "etc/petsage/petsage.env", "opt/petsage/releases",
    }  # fmt: skip


def _pid_inside(pid: int) -> str:
    """Return the process's pid in its own namespace; see proc(5)."""
    with contextlib.suppress(OSError):
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
        return next(line.split()[-1] for line in lines if line.startswith("NSpid:"))
    return ""


def descendants(pid: int) -> list[int]:
    """Return the process and all its descendants."""
    pids = [pid]
    for pid in pids:
        pids += children(pid)
    return pids


def names(process: subprocess.Popen[str]) -> list[str]:
    """Return the names of install.sh's processes."""
    commands = []
    for pid in descendants(process.pid):
        with contextlib.suppress(OSError):
            commands.append(Path(f"/proc/{pid}/comm").read_text().strip())
    return commands


def interrupt(process: subprocess.Popen[str]) -> None:
    """Interrupt install.sh and its children, as Ctrl-C does in a terminal, but not nsenter."""
    for pid in descendants(process.pid)[1:]:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGINT)


def wait_for_step(process: subprocess.Popen[str], step: str) -> None:
    """Return when the step begins, which is when the previous one has been reported."""
    former = STEPS[STEPS.index(step) - 1]
    assert process.stderr is not None
    for line in process.stderr:
        if line.startswith(f"install.sh: {former}:"):
            return
    raise AssertionError(f"install.sh ended before {step}")


def finish(process: subprocess.Popen[str]) -> Result:
    """Wait for install.sh; the last line of its standard output is the report."""
    output, error = process.communicate(timeout=180)
    return Result(process.returncode, json.loads(output.splitlines()[-1]), error)
