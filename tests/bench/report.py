"""The summary as text."""

MIB = 1024 * 1024


def table(header, rows):
    """Columns as wide as their widest cell; the first two to the left, numbers to the right."""
    rows = [header, *rows]
    widths = [max(len(row[column]) for row in rows) for column in range(len(header))]
    lines = []
    for row in rows:
        cells = [cell.ljust(width) if column < 2 else cell.rjust(width)
                 for column, (cell, width) in enumerate(zip(row, widths))]
        lines.append("  ".join(cells).rstrip())
    lines.insert(1, "-" * max(len(line) for line in lines))
    return "\n".join(lines)


def _number(spread, scale=1.0, digits=2):
    return "-" if spread is None else f"{spread['median'] / scale:.{digits}f}"


def _latency(spread):
    """Milliseconds; not every load generator tells them."""
    return _number(spread, 1000) if spread and spread["median"] else "-"


def _ranged(spread):
    if spread is None:
        return "-"
    return f"{spread['median']:.2f} ({spread['min']:.2f}-{spread['max']:.2f})"


def _flag(errors):
    return f"{errors} !" if errors else "0"


def load_table(summary, cases):
    rows = []
    for name, case in cases.items():
        for target, found in summary["cases"].get(name, {}).items():
            if "load" in found:
                numbers = found["load"]
                rows.append((case.title, target, _number(numbers["cpu_us_per_request"]),
                             _ranged(found.get("ratio_to_best_peer")),
                             _number(found.get("ratio_to_floor")),
                             _number(numbers["requests_per_second"], digits=0),
                             _latency(numbers["p50_us"]), _latency(numbers["p99_us"]),
                             _number(numbers["busy_percent"], digits=0), _flag(found["errors"])))
    header = ("case", "target", "CPU us/req", "to better peer", "to relay", "req/s", "p50 ms",
              "p99 ms", "busy %", "errors")
    return table(header, rows) if rows else ""


def pair_table(summary):
    rows = [(pair.replace("-", ", "), target, _ranged(spread))
            for pair, of_pair in summary["kept_over_closed"].items()
            for target, spread in of_pair.items()]
    header = ("requests per CPU second", "target", "kept over closed")
    return table(header, rows) if rows else ""


def upstream_table(summary, cases):
    rows = [(cases[name].title, target, _ranged(spread))
            for name, of_case in summary.get("http2_over_http1_upstream", {}).items()
            for target, spread in of_case.items()]
    header = ("CPU us/req", "target", "over HTTP/1 upstream")
    return table(header, rows) if rows else ""


def idle_table(summary, cases):
    rows = []
    for name, case in cases.items():
        for target, found in summary["cases"].get(name, {}).items():
            if "idle" in found:
                idle = found["idle"]
                rows.append((case.title, target, _number(found["alone"]["cpu_us_per_request"]),
                             _number(found["beside"]["cpu_us_per_request"]),
                             _ranged(idle["change_percent"]),
                             _number(idle["cpu_percent"], digits=3),
                             _number(idle["bytes_per_connection"], digits=0),
                             _number(idle["process_rss_bytes"], MIB),
                             _number(idle["process_pss_bytes"], MIB), _flag(found["errors"])))
    header = ("case", "target", "alone us/req", "beside us/req", "change %", "idle CPU %",
              "B/idle conn", "RSS MiB", "PSS MiB", "errors")
    return table(header, rows) if rows else ""


def check_table(rows):
    lines = []
    for row in rows:
        value = "-" if row["value"] is None else f"{row['value']:.3g}{row['unit']}"
        if row["unit"] == " B" and row["value"] is not None:
            value = f"{row['value']:.0f}{row['unit']}"
        note = f"{row['errors']} errors" if row["errors"] else ""
        lines.append((row["verdict"], row["title"], value,
                      f"{row['relation']} {row['limit']}{row['unit']}", note))
    return table(("verdict", "figure", "measured", "limit", ""), lines)


def warnings(machine, settings, samples):
    """What makes the numbers less than what they seem."""
    lines = []
    if settings["target_core"] == settings["load_core"]:
        lines.append("only one core: target, origin and load share it; latencies mean little")
    if machine["load_average_at_start"] > 0.5:
        lines.append(f"the machine was not idle: load average "
                     f"{machine['load_average_at_start']:.2f} at the start")
    loads = [sample[part] for sample in samples for part in ("load", "alone", "beside")
             if part in sample]
    worst = max((load["steal_percent"] for load in loads), default=0)
    if worst > 2:
        lines.append(f"the hypervisor took up to {worst:.1f} % of the target's core in a run")
    failed = {f"{sample['case']} ({sample['target']})" for sample in samples
              if any(sample.get(part, {}).get("errors") for part in ("load", "alone", "beside"))
              or sample.get("idle", {}).get("lost")}
    if failed:
        lines.append(f"errors (!) make these numbers void: {', '.join(sorted(failed))}")
    return lines


def text(document, cases):
    machine, settings = document["machine"], document["settings"]
    parts = [f"{document['date']}  {machine['cpu']}, {machine['cpus']} CPUs"
             f"{' (virtual)' if machine['virtual'] else ''}, Linux {machine['kernel']}\n"
             + "; ".join(document["versions"].values()) +
             f"\n{settings['rounds']} rounds of {settings['duration_seconds']} s; target on core "
             f"{settings['target_core']}, origin and load on core {settings['load_core']}; "
             "medians, ratios paired inside a round (min-max)"]
    summary = document["summary"]
    parts += [load_table(summary, cases), pair_table(summary), upstream_table(summary, cases),
              idle_table(summary, cases)]
    parts += [f"warning: {line}" for line in warnings(machine, settings, document["samples"])]
    return "\n\n".join(part for part in parts if part)
