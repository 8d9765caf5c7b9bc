"""A real SLURM of two nodes on this host: SLURM's and munge's own daemons, in a folder and on ports of their own."""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar

T = TypeVar("T")

MAY_INSTALL = "LIGHTNING_GANS_INSTALL_SLURM"
"""The variable with which ``make test-cluster`` says that packages may be installed."""

PACKAGES = ("slurmctld", "slurmd", "slurm-client", "munge")
PROGRAMS = ("slurmctld", "slurmd", "munged", "sbatch", "srun", "scancel", "scontrol", "squeue", "sinfo")

NODES = ("node1", "node2")
GPUS = 4
"""GPUs that each node claims to have: files in their place, which is all that SLURM looks at."""

ENDED = ("COMPLETED", "FAILED", "CANCELLED", "TIMEOUT", "NODE_FAIL", "OUT_OF_MEMORY")

CONFIG = """
ClusterName=test
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={ports[0]}
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
CredType=cred/munge
MpiDefault=none
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
ReturnToService=2
StateSaveLocation={folder}/state
SlurmctldPidFile={folder}/slurmctld.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdSpoolDir={folder}/%n
SlurmdPidFile={folder}/%n.pid
SlurmdLogFile={folder}/%n.log
# Else a node is held to the cores that the host has.
SlurmdParameters=config_overrides
SchedulerType=sched/backfill
SchedulerParameters=sched_interval=2,bf_interval=2
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
JobAcctGatherType=jobacct_gather/none
KillWait=10
GresTypes=gpu
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
PartitionName=test Nodes={nodes} Default=YES MaxTime=INFINITE State=UP PriorityTier=1 GraceTime=60
PartitionName=urgent Nodes={nodes} MaxTime=INFINITE State=UP PriorityTier=2 PreemptMode=OFF
"""
NODE = "NodeName={name} NodeHostname={host} NodeAddr=127.0.0.1 Port={port} CPUs=16 RealMemory=4000 Gres=gpu:{gpus}\n"


def missing() -> list[str]:
    """The programs that are not on the path."""
    return [program for program in PROGRAMS if shutil.which(program) is None]


def why_not() -> str:
    """Why there can be no SLURM here; empty if there can. Installs it, if it may and must."""
    if os.geteuid() != 0:
        return "SLURM's daemons run as root here"
    if not missing():
        return ""
    if os.environ.get(MAY_INSTALL) != "1" or shutil.which("apt-get") is None:
        return f"{', '.join(missing())} not found; `make test-cluster` installs SLURM on Debian"
    say(f"installing {' '.join(PACKAGES)}")
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    install = ["apt-get", "install", "-y", "--no-install-recommends", *PACKAGES]
    for command in (install, ["apt-get", "update"], install):
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        if not missing():
            return ""
    return f"apt-get could not install SLURM: {done.stderr.strip().splitlines()[-1:]}"


def say(what: str) -> None:
    """Tell whoever waits, with the time."""
    print(f"{time.strftime('%H:%M:%S')} {what}", flush=True)


def wait_for(what: str, look: Callable[[], T | None], seconds: float, every: float = 0.1) -> T:
    """Look until there is something to see.

    Raises:
        TimeoutError: if there is nothing in time.
    """
    deadline = time.monotonic() + seconds
    while not (seen := look()):
        if time.monotonic() > deadline:
            raise TimeoutError(f"waited {seconds:.0f} s for {what}")
        time.sleep(every)
    return seen


def free_ports(count: int) -> list[int]:
    """Ports that nobody listens on."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [int(one.getsockname()[1]) for one in sockets]
    for one in sockets:
        one.close()
    return ports


class Slurm:
    """The cluster, while it is entered; commands of SLURM find it by ``SLURM_CONF``."""

    def __init__(self) -> None:
        # Not pytest's folder: a socket's path must be shorter than 108 characters.
        self.folder = Path(tempfile.mkdtemp(prefix="slurm-"))
        # What a job of whoever runs the tests says of itself is not said of ours.
        inherited = {key: value for key, value in os.environ.items() if not key.startswith(("SLURM", "SBATCH"))}
        self.environment = {**inherited, "SLURM_CONF": str(self.folder / "slurm.conf")}
        self._daemons: list[subprocess.Popen[bytes]] = []

    def __enter__(self) -> Self:
        """Start all daemons and wait for both nodes."""
        try:
            self._configure()
            self._start("munged", "--foreground", "--force", *self._munge_files())
            wait_for("munge", (self.folder / "munge.socket").exists, 10)
            self._start("slurmctld", "-D")
            for name in NODES:
                self._start("slurmd", "-D", "-N", name)
            wait_for("both nodes to be idle", lambda: self._idle() == len(NODES), 30)
        except BaseException:
            print(self.logs())
            self._end()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End all jobs and daemons."""
        self._end()

    def run(self, *command: str, cwd: Path | None = None, **environment: str) -> str:
        """What one of SLURM's commands says."""
        done = subprocess.run(
            command,
            cwd=cwd,
            env={**self.environment, **environment},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, f"{' '.join(command)}: {done.stderr}"
        return done.stdout.strip()

    def submit(self, *arguments: str, cwd: Path, **environment: str) -> str:
        """Submit a job.

        Returns:
            Its number.
        """
        return self.run("sbatch", "--parsable", *arguments, cwd=cwd, **environment)

    def job(self, job: str) -> dict[str, str]:
        """What SLURM knows of a job."""
        shown = self.run("scontrol", "--oneliner", "show", "job", job)
        return dict(word.split("=", 1) for word in shown.split() if "=" in word)

    def wait_for_state(self, job: str, states: Sequence[str], seconds: float) -> dict[str, str]:
        """Wait until a job is in one of these states; if it ends in another, that is a failure."""

        def look() -> dict[str, str] | None:
            known = self.job(job)
            state = known["JobState"]
            assert state in states or state not in ENDED, f"job {job} is {state}, expected {states}"
            return known if state in states else None

        return wait_for(f"job {job} to be {' or '.join(states)}", look, seconds)

    def logs(self) -> str:
        """The ends of all daemons' logs."""
        return "\n".join(f"{path.name}:\n{path.read_text()[-2000:]}" for path in sorted(self.folder.glob("*.log")))

    def _configure(self) -> None:
        host = socket.gethostname().partition(".")[0]
        ports = free_ports(1 + len(NODES))
        nodes = "".join(
            NODE.format(name=name, host=host, port=port, gpus=GPUS) for name, port in zip(NODES, ports[1:], strict=True)
        )
        text = CONFIG.format(host=host, ports=ports, folder=self.folder, nodes=",".join(NODES))
        # Nodes stand before the partition that has them.
        head, mark, tail = text.partition("PartitionName=test")
        (self.folder / "slurm.conf").write_text(head + nodes + mark + tail)
        (self.folder / "cgroup.conf").write_text("CgroupAutomount=no\n")
        for number in range(GPUS):
            (self.folder / f"gpu{number}").symlink_to("/dev/null")
        (self.folder / "gres.conf").write_text(f"Name=gpu File={self.folder}/gpu[0-{GPUS - 1}]\n")
        key = self.folder / "munge.key"
        key.write_bytes(secrets.token_bytes(128))
        key.chmod(0o400)
        for name in ("state", *NODES):
            (self.folder / name).mkdir()

    def _munge_files(self) -> list[str]:
        files = {"key-file": "key", "socket": "socket", "pid-file": "pid", "log-file": "log", "seed-file": "seed"}
        return [f"--{option}={self.folder}/munge.{suffix}" for option, suffix in files.items()]

    def _start(self, *command: str) -> None:
        with (self.folder / f"{command[0]}-{len(self._daemons)}.out.log").open("wb") as out:
            daemon = subprocess.Popen(command, env=self.environment, stdout=out, stderr=out, start_new_session=True)
        self._daemons.append(daemon)

    def _idle(self) -> int:
        return self._said("sinfo", "--Node", "--partition=test", "--noheader", "--format=%T").split().count("idle")

    def _said(self, *command: str) -> str:
        """What one of SLURM's commands says; nothing if there is no SLURM to ask."""
        try:
            done = subprocess.run(
                command, env=self.environment, capture_output=True, text=True, timeout=20, check=False
            )
        except subprocess.TimeoutExpired:
            return ""
        return done.stdout

    def _end(self) -> None:
        """End jobs by SLURM, daemons by ourselves, and what they may have left."""
        self._said("scancel", "--user=root")
        deadline = time.monotonic() + 20
        while self._said("squeue", "--noheader") and time.monotonic() < deadline:
            time.sleep(0.2)
        for daemon in reversed(self._daemons):
            daemon.terminate()
            try:
                daemon.wait(10)
            except subprocess.TimeoutExpired:
                daemon.kill()
                daemon.wait()
        for process in self._left():
            os.kill(process, signal.SIGKILL)
        shutil.rmtree(self.folder, ignore_errors=True)

    def _left(self) -> list[int]:
        """Processes of this cluster beside its daemons: each has its ``SLURM_CONF``."""
        mark, own = f"SLURM_CONF={self.folder}/".encode(), {daemon.pid for daemon in self._daemons}
        found = []
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit() and int(entry.name) not in own:
                try:
                    if mark in (entry / "environ").read_bytes():
                        found.append(int(entry.name))
                except OSError:  # it has ended, or is not ours to look at
                    continue
        return found
