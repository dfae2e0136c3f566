"""From samples to figures: medians over rounds, ratios paired inside a round, limits to reach.

A sample is one (round, case, target) measurement as cases.measure() returns it. Ratios are taken
inside a round, where the targets ran within seconds of one another, and only then over rounds, so
that a machine that drifts does not favour anybody.
"""

import dataclasses
import statistics

SUBJECT = "holdfast"
PEERS = ("nginx", "haproxy")
FLOOR = "relay"
# How the name of a case ends that is another one with HTTP/2 upstream, and who can speak that.
HTTP2_UPSTREAM = "-h2up"
SPEAKS_HTTP2_UPSTREAM = (SUBJECT, "haproxy")
GROWTH_CASES = ("proxied-kept-100", "proxied-kept-1000")
LOAD_FIELDS = ("cpu_us_per_request", "requests_per_second", "p50_us", "p99_us", "busy_percent")
IDLE_FIELDS = ("bytes_per_connection", "process_rss_bytes", "process_pss_bytes", "cpu_percent")


def spread(values):
    """Median and range, or None when nothing was measured."""
    values = list(values)
    if not values:
        return None
    return {"median": statistics.median(values), "min": min(values), "max": max(values)}


def by_round(samples, case, target):
    return {sample["round"]: sample for sample in samples
            if sample["case"] == case and sample["target"] == target}


def cpu_by_round(samples, case, target):
    return {number: sample["load"]["cpu_us_per_request"]
            for number, sample in by_round(samples, case, target).items() if "load" in sample}


def cheapest_by_round(samples, case, target):
    """As cpu_by_round, with the upstream's protocol that is cheaper for the target."""
    cheapest = cpu_by_round(samples, case, target)
    for number, cost in cpu_by_round(samples, case.removesuffix(HTTP2_UPSTREAM), target).items():
        cheapest[number] = min(cost, cheapest.get(number, cost))
    return cheapest


def ratio_to_best_peer(samples, case):
    """Per round, the subject's CPU per request over the better peer's; needs every peer. Where the
    upstream is of HTTP/2, a peer may as well speak HTTP/1.1 with its own."""
    subject = cpu_by_round(samples, case, SUBJECT)
    peers = [cheapest_by_round(samples, case, peer) for peer in PEERS]
    return spread(cost / min(peer[number] for peer in peers)
                  for number, cost in subject.items() if all(number in peer for peer in peers))


def ratio_to_nginx(samples, case):
    """Per round, the subject's CPU per request over nginx's."""
    theirs = cpu_by_round(samples, case, "nginx")
    return spread(cost / theirs[number]
                  for number, cost in cpu_by_round(samples, case, SUBJECT).items()
                  if number in theirs)


def ratio_to_floor(samples, case, target):
    """Per round, a target's CPU per request over that of the bare relay."""
    floor = cpu_by_round(samples, case, FLOOR)
    return spread(cost / floor[number]
                  for number, cost in cpu_by_round(samples, case, target).items()
                  if number in floor)


def growth(samples, few, many, target):
    """Per round, CPU per request in the case `many` over that in the case `few`."""
    base = cpu_by_round(samples, few, target)
    return {number: cost / base[number]
            for number, cost in cpu_by_round(samples, many, target).items() if number in base}


def growth_to_floor(samples, few, many):
    """Per round, how much faster the subject grows than the bare relay does."""
    floor = growth(samples, few, many, FLOOR)
    return spread(grown / floor[number]
                  for number, grown in growth(samples, few, many, SUBJECT).items()
                  if number in floor)


def kept_over_closed(samples, kind, connections, target):
    """Per round, requests per CPU second with kept connections over those with closed ones."""
    kept = cpu_by_round(samples, f"{kind}-kept-{connections}", target)
    closed = cpu_by_round(samples, f"{kind}-closed-{connections}", target)
    return spread(closed[number] / kept[number] for number in kept if number in closed)


def http2_over_http1_upstream(samples, case, target):
    """Per round, CPU per request with an upstream of HTTP/2 over that with one of HTTP/1.1."""
    http1 = cpu_by_round(samples, case.removesuffix(HTTP2_UPSTREAM), target)
    return spread(cost / http1[number]
                  for number, cost in cpu_by_round(samples, case, target).items()
                  if number in http1)


def idle_change(samples, case, target):
    """Per round, the percentage by which the idle connections change CPU per request."""
    return spread(100 * (sample["beside"]["cpu_us_per_request"] /
                         sample["alone"]["cpu_us_per_request"] - 1)
                  for sample in by_round(samples, case, target).values())


def idle_ratio(samples, case, peer):
    """Per round, the subject's memory per idle connection over the peer's."""
    theirs = by_round(samples, case, peer)
    return spread(sample["idle"]["bytes_per_connection"] /
                  theirs[number]["idle"]["bytes_per_connection"]
                  for number, sample in by_round(samples, case, SUBJECT).items()
                  if number in theirs and theirs[number]["idle"]["bytes_per_connection"] > 0)


def errors_in(samples, case, target):
    """Socket errors, bad statuses and lost idle connections over all rounds."""
    total = 0
    for sample in by_round(samples, case, target).values():
        total += sum(sample[part]["errors"] for part in ("load", "alone", "beside")
                     if part in sample)
        total += sample.get("idle", {}).get("lost", 0)
    return total


def _summarise_target(samples, case, target):
    rounds = by_round(samples, case, target).values()
    summary = {"rounds": len(rounds), "errors": errors_in(samples, case, target)}
    for part, fields in (("load", LOAD_FIELDS), ("alone", LOAD_FIELDS), ("beside", LOAD_FIELDS),
                         ("idle", IDLE_FIELDS)):
        if any(part in sample for sample in rounds):
            summary[part] = {field: spread(sample[part][field] for sample in rounds)
                             for field in fields}
    if "idle" in summary:
        summary["idle"]["change_percent"] = idle_change(samples, case, target)
        if target == SUBJECT:
            summary["idle"]["ratio_to_nginx"] = idle_ratio(samples, case, "nginx")
    if "load" in summary:
        summary["ratio_to_floor"] = ratio_to_floor(samples, case, target)
    if target == SUBJECT and "load" in summary:
        summary["ratio_to_best_peer"] = ratio_to_best_peer(samples, case)
        summary["ratio_to_nginx"] = ratio_to_nginx(samples, case)
    return summary


def summarise(samples):
    """{"cases": {case: {target: ...}}, "kept_over_closed": {case pair: {target: spread}},
    "http2_over_http1_upstream": {case: {target: spread}}, "growth_to_floor": spread}"""
    cases, pairs, upstreams = {}, {}, {}
    for sample in samples:
        cases.setdefault(sample["case"], {}).setdefault(sample["target"], None)
    for case, of_case in cases.items():
        for target in of_case:
            of_case[target] = _summarise_target(samples, case, target)
        kind, _, connections = case.partition("-closed-")
        if connections:
            ratios = {target: kept_over_closed(samples, kind, connections, target)
                      for target in of_case}
            pairs[f"{kind}-{connections}"] = {t: r for t, r in ratios.items() if r is not None}
        if case.endswith(HTTP2_UPSTREAM):
            ratios = {target: http2_over_http1_upstream(samples, case, target)
                      for target in of_case if target in SPEAKS_HTTP2_UPSTREAM}
            upstreams[case] = {t: r for t, r in ratios.items() if r is not None}
    return {"cases": cases, "kept_over_closed": {p: r for p, r in pairs.items() if r},
            "http2_over_http1_upstream": {c: r for c, r in upstreams.items() if r},
            "growth_to_floor": growth_to_floor(samples, *GROWTH_CASES)}


@dataclasses.dataclass(frozen=True)
class Figure:
    """One limit: where the subject's median is found in the summary, and what it may be."""
    title: str
    cases: tuple          # the cases it rests on; an error in any of them fails it
    find: callable        # summary -> spread
    relation: str         # "<=", "<" or ">="
    limit: float
    unit: str = ""

    def holds(self, value):
        return {"<=": value <= self.limit, "<": value < self.limit,
                ">=": value >= self.limit}[self.relation]


def _subject(summary, case):
    return summary["cases"][case][SUBJECT]


def _ratio_figure(title, case, limit):
    return Figure(f"CPU per request against the better peer: {title}", (case,),
                  lambda summary: _subject(summary, case)["ratio_to_best_peer"], "<=", limit)


def _nginx_figure(title, case, limit):
    return Figure(f"CPU per request against nginx: {title}", (case,),
                  lambda summary: _subject(summary, case)["ratio_to_nginx"], "<=", limit)


def _pair_figure(kind, connections):
    pair = f"{kind}-{connections}"
    return Figure(f"requests per CPU second, kept over closed: {kind}, {connections} connections",
                  (f"{kind}-kept-{connections}", f"{kind}-closed-{connections}"),
                  lambda summary: summary["kept_over_closed"][pair][SUBJECT], ">=", 2.0)


def _idle_figure(title, field, relation, limit, unit, case="idle-5000"):
    return Figure(title, (case,), lambda summary: _subject(summary, case)["idle"][field],
                  relation, limit, unit)


TLS_IDLE = "tls-idle-1000"

FIGURES = (
    _ratio_figure("proxied, 100 kept", "proxied-kept-100", 0.85),
    _ratio_figure("proxied, 1000 kept", "proxied-kept-1000", 0.85),
    _ratio_figure("self-answered, 100 kept", "self-kept-100", 0.80),
    _ratio_figure("self-answered, 1000 kept", "self-kept-1000", 0.80),
    _ratio_figure("100 KiB bodies", "large-kept-100", 0.85),
    *(_ratio_figure(f"{words}, {n} closed", f"{kind}-closed-{n}", 0.90)
      for kind, words in (("proxied", "proxied"), ("self", "self-answered")) for n in (100, 1000)),
    _nginx_figure("100 KiB of JSON in gzip", "gzip-1", 1.0),
    Figure("growth from 100 to 1000 connections against the bare relay's", GROWTH_CASES,
           lambda summary: summary["growth_to_floor"], "<=", 1.05),
    *(_pair_figure(kind, n) for kind in ("proxied", "self") for n in (100, 1000)),
    _idle_figure("change of CPU per request by 5000 idle connections",
                 "change_percent", "<", 10, "%"),
    _idle_figure("CPU with 5000 idle connections and nothing to do", "cpu_percent", "<", 0.1, "%"),
    _idle_figure("user memory per idle kept connection",
                 "bytes_per_connection", "<=", 320, " B"),
    _idle_figure("whole process (RSS) with 5000 idle connections",
                 "process_rss_bytes", "<=", 16 * 1024 * 1024, " B"),
    _ratio_figure("TLS, 100 kept", "tls-kept-100", 0.85),
    _ratio_figure("TLS, full handshakes", "tls-full-100", 0.95),
    _ratio_figure("TLS, resumed handshakes", "tls-resumed-1", 0.90),
    _ratio_figure("TLS, 1 MiB bodies", "tls-huge-20", 0.90),
    Figure("user memory per idle TLS connection against nginx's", (TLS_IDLE,),
           lambda summary: _subject(summary, TLS_IDLE)["idle"]["ratio_to_nginx"], "<=", 0.8),
    _ratio_figure("HTTP/2, 10 clients of 10 streams", "h2-10x10", 0.85),
    _ratio_figure("HTTP/2, 10 clients of 10 streams, HTTP/2 upstream", "h2-10x10-h2up", 0.85),
    _ratio_figure("100 HTTP/1 clients, HTTP/2 upstream", "h1-100-h2up", 0.60),
    Figure("CPU per request with HTTP/2 upstream against HTTP/1's, 100 HTTP/1 clients",
           ("h1-100", "h1-100-h2up"),
           lambda summary: summary["http2_over_http1_upstream"]["h1-100-h2up"][SUBJECT],
           "<=", 0.70),
    _idle_figure("user memory per idle HTTP/2 connection", "bytes_per_connection", "<=", 8192,
                 " B", "h2-idle-1000"),
)


def check(summary):
    """[{title, value, limit, unit, relation, errors, verdict}] with PASS, FAIL or NOT MEASURED."""
    rows = []
    for figure in FIGURES:
        try:
            found = figure.find(summary)
        except KeyError:
            found = None  # a case that was not run
        errors = sum(summary["cases"].get(case, {}).get(SUBJECT, {}).get("errors", 0)
                     for case in figure.cases)
        row = {"title": figure.title, "relation": figure.relation, "limit": figure.limit,
               "unit": figure.unit, "value": found and found["median"], "errors": errors}
        if found is None:
            row["verdict"] = "NOT MEASURED"
        else:
            row["verdict"] = "PASS" if figure.holds(found["median"]) and not errors else "FAIL"
        rows.append(row)
    return rows
