"""The cases: what is asked, over how many connections, and whether they are kept."""

import contextlib
import dataclasses

import figures
import load
import machine
import targets

IDLE_CONNECTIONS = 5000
IDLE_TLS_CONNECTIONS = 1000
IDLE_H2_CONNECTIONS = 1000
SELF_PATH = "/self"


@dataclasses.dataclass(frozen=True)
class Case:
    name: str
    title: str
    path: str
    connections: int
    close: bool = False
    idle: int = 0
    tls: bool = False
    resumed: bool = False  # one client after the other, each with the session of the first
    full: bool = False     # no client resumes a session
    streams: int = 0  # at a time on each connection, over HTTP/2 in clear; 0 for HTTP/1.1
    upstream_http2: bool = False  # where the target can
    gzip: bool = False  # one client asks for it, and pauses

    @property
    def http2(self):
        return self.streams > 0

    def suits(self, target):
        """The relay answers nothing itself, does not know what asks for a connection's end, speaks
        neither TLS nor HTTP/2, and encodes nothing."""
        return target != targets.FLOOR or not (self.path == SELF_PATH or self.close or self.tls or
                                               self.http2 or self.upstream_http2 or self.gzip)

    def speech_of(self, target):
        return targets.Speech(self.tls, self.http2,
                              self.upstream_http2 and target in figures.SPEAKS_HTTP2_UPSTREAM,
                              gzip=self.gzip)


def _all_cases():
    cases = []
    kinds = (("proxied", "/small", "proxied"), ("self", SELF_PATH, "self-answered"))
    for kind, path, words in kinds:
        cases += [Case(f"{kind}-kept-{n}", f"{words}, {n} kept", path, n) for n in (10, 100, 1000)]
        cases += [Case(f"{kind}-closed-{n}", f"{words}, {n} closed", path, n, close=True)
                  for n in (100, 1000)]
    cases.append(Case("large-kept-100", "100 KiB bodies, 100 kept", "/large", 100))
    cases.append(Case("gzip-1", "100 KiB of JSON made smaller, 1 kept", "/json", 1, gzip=True))
    cases.append(Case(f"idle-{IDLE_CONNECTIONS}", f"100 kept beside {IDLE_CONNECTIONS} idle",
                      "/small", 100, idle=IDLE_CONNECTIONS))
    cases += [
        Case("tls-kept-100", "TLS: proxied, 100 kept", "/small", 100, tls=True),
        Case("tls-full-100", "TLS: full handshakes, 100 closed", SELF_PATH, 100, close=True,
             tls=True, full=True),
        Case("tls-resumed-1", "TLS: resumed handshakes, 1 closed", SELF_PATH, 1, close=True,
             tls=True, resumed=True),
        Case("tls-huge-20", "TLS: 1 MiB bodies, 20 kept", "/huge", 20, tls=True),
        Case(f"tls-idle-{IDLE_TLS_CONNECTIONS}",
             f"TLS: 100 kept beside {IDLE_TLS_CONNECTIONS} idle", "/small", 100,
             idle=IDLE_TLS_CONNECTIONS, tls=True),
        Case("h2-10x10", "h2: proxied, 10 of 10 streams", "/small", 10, streams=10),
        Case(f"h2-idle-{IDLE_H2_CONNECTIONS}", f"h2: 10 of 10 beside {IDLE_H2_CONNECTIONS} idle",
             "/small", 10, streams=10, idle=IDLE_H2_CONNECTIONS),
        Case("h1-100", "h1: proxied, 100 kept", "/small", 100),
    ]
    # Directly behind the case that is the same over HTTP/1.1.
    for name in ("h1-100", "h2-10x10"):
        place = next(i for i, case in enumerate(cases) if case.name == name)
        cases.insert(place + 1, dataclasses.replace(
            cases[place], name=name + figures.HTTP2_UPSTREAM, upstream_http2=True,
            title=cases[place].title + ", h2 upstream"))
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
    http2_origin_port: int = 0

    def start(self, name, case, wrapper=()):
        speech = case.speech_of(name)
        origin = self.http2_origin_port if speech.upstream_http2 else self.origin_port
        return targets.start_target(name, self.binaries[name], origin, self.target_core,
                                    self.directory, self.descriptors, wrapper, speech)

    def load(self):
        return load.Load(self.binaries, self.target_core)


def tools_for(chosen):
    """The programs that the load and the origins of these cases take."""
    tools = {load.generator_of(case) for case in chosen}
    if tools & {"ab", "openssl"}:
        tools.add("wrk")  # which warms the target up
    if any(case.upstream_http2 for case in chosen):
        tools.add("nghttpd")
    return sorted(tools)


@contextlib.contextmanager
def origins(binaries, core, directory):
    """The origins, that of HTTP/2 if there is one: {field of Bench: port}."""
    with contextlib.ExitStack() as running:
        http1 = running.enter_context(targets.start_origin(binaries["origin"], core, directory))
        ports = {"origin_port": http1.port}
        if "nghttpd" in binaries:
            http2 = targets.start_http2_origin(binaries["nghttpd"], core, directory)
            ports["http2_origin_port"] = running.enter_context(http2).port
        yield ports


def measure(bench, case, name, round_number):
    """One sample: a fresh process of the target, probed, warmed up and measured."""
    sample = {"round": round_number, "case": case.name, "target": name}
    if not case.idle:
        with bench.start(name, case) as target:
            bench.load().probe(target, case)
            sample["load"] = bench.load().measure(target, case, bench.seconds)
        return sample
    # Which of the two comes first alternates, so that drift does not look like a cost.
    steps = [_busy_alone, _busy_beside_idle]
    for step in steps if round_number % 2 else reversed(steps):
        sample.update(step(bench, case, name))
    return sample


def _busy_alone(bench, case, name):
    with bench.start(name, case) as target:
        bench.load().probe(target, case)
        return {"alone": bench.load().measure(target, case, bench.seconds)}


def _busy_beside_idle(bench, case, name):
    with bench.start(name, case) as target:
        bench.load().probe(target, case)
        before = machine.memory(target.pid)
        with load.IdleConnections(target, case) as idle:
            quiet = load.measure_idle(target, before, case.idle, bench.idle_seconds)
            beside = bench.load().measure(target, case, bench.seconds)
            quiet["lost"] = idle.lost()
    return {"idle": quiet, "beside": beside}
