"""The cases: what is asked, over how many connections, and whether they are kept."""

import dataclasses

import load
import machine
import targets

IDLE_CONNECTIONS = 5000
SELF_PATH = "/self"


@dataclasses.dataclass(frozen=True)
class Case:
    name: str
    title: str
    path: str
    connections: int
    close: bool = False
    idle: int = 0

    def suits(self, target):
        """The relay answers nothing itself, and does not know what asks for a connection's end."""
        return target != targets.FLOOR or (self.path != SELF_PATH and not self.close)


def _all_cases():
    cases = []
    kinds = (("proxied", "/small", "proxied"), ("self", SELF_PATH, "self-answered"))
    for kind, path, words in kinds:
        cases += [Case(f"{kind}-kept-{n}", f"{words}, {n} kept", path, n) for n in (10, 100, 1000)]
        cases += [Case(f"{kind}-closed-{n}", f"{words}, {n} closed", path, n, close=True)
                  for n in (100, 1000)]
    cases.append(Case("large-kept-100", "100 KiB bodies, 100 kept", "/large", 100))
    cases.append(Case(f"idle-{IDLE_CONNECTIONS}", f"100 kept beside {IDLE_CONNECTIONS} idle",
                      "/small", 100, idle=IDLE_CONNECTIONS))
    return cases


CASES = {case.name: case for case in _all_cases()}


@dataclasses.dataclass(frozen=True)
class Bench:
    """What every measurement of a run shares."""
    binaries: dict
    origin_port: int
    target_core: int
    directory: str
    descriptors: int
    seconds: int
    idle_seconds: int

    def start(self, name, wrapper=()):
        return targets.start_target(name, self.binaries[name], self.origin_port, self.target_core,
                                    self.directory, self.descriptors, wrapper)

    def load(self):
        return load.Load(self.binaries["wrk"], self.target_core)


def measure(bench, case, name, round_number):
    """One sample: a fresh process of the target, probed, warmed up and measured."""
    sample = {"round": round_number, "case": case.name, "target": name}
    if not case.idle:
        with bench.start(name) as target:
            load.probe(target, case.path, case.close)
            sample["load"] = bench.load().measure(target, case, bench.seconds)
        return sample
    # Which of the two comes first alternates, so that drift does not look like a cost.
    steps = [_busy_alone, _busy_beside_idle]
    for step in steps if round_number % 2 else reversed(steps):
        sample.update(step(bench, case, name))
    return sample


def _busy_alone(bench, case, name):
    with bench.start(name) as target:
        load.probe(target, case.path, case.close)
        return {"alone": bench.load().measure(target, case, bench.seconds)}


def _busy_beside_idle(bench, case, name):
    with bench.start(name) as target:
        load.probe(target, case.path, case.close)
        before = machine.memory(target.pid)
        with load.IdleConnections(target, case.path, case.idle) as idle:
            quiet = load.measure_idle(target, before, case.idle, bench.idle_seconds)
            beside = bench.load().measure(target, case, bench.seconds)
            quiet["lost"] = idle.lost()
    return {"idle": quiet, "beside": beside}
