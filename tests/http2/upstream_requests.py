"""Client half: what the gateway sends, and that it obeys the upstream's settings and windows."""

from concurrent.futures import ThreadPoolExecutor
from typing import Callable

from hyperframe.frame import DataFrame, SettingsFrame

import frames
from cases import CLIENT
from client import AUTHORITY
from exchange import BOTH, H1, H2, Answer, ClientContext
from frames import Error, Secret, Setting
from peer import Failed
from upstream import BODY, BROKEN, OK, UpstreamConnection

case = CLIENT.case


def expect(answer: Answer, status: int = 200, body: bytes = BODY) -> None:
    """The whole of that response."""
    if (answer.status, answer.body, answer.complete) != (status, body, True):
        raise Failed(f"expected status {status} with {len(body)} octets, saw {answer}")


@case("3.4", "a connection begins with the preface and SETTINGS, and with no push enabled")
def preface(context: ClientContext) -> None:
    expect(context.ask())
    connection = context.upstream.connections[0]
    first = connection.frames[0]
    if not isinstance(first, SettingsFrame) or "ACK" in first.flags:
        raise Failed(f"the first frame is {first}")
    if connection.settings.get(Setting.ENABLE_PUSH, 1) != 0:
        raise Failed("SETTINGS_ENABLE_PUSH is not 0")


@case("3.4", "the first request does not wait for the upstream's SETTINGS")
def request_at_once(context: ClientContext) -> None:
    def script(connection: UpstreamConnection) -> None:
        connection.take(len(frames.PREFACE))
        connection.answers_settings = False  # that would have to come after its own
        connection.until("a request", lambda: bool(connection.streams))
        connection.send(frames.settings(), frames.settings_ack())
        connection.serve()

    context.upstream.on_connection = script
    expect(context.ask())


@case("6.5.3", "SETTINGS are acknowledged, also those that come later")
def settings_acknowledged(context: ClientContext) -> None:
    def answer(connection: UpstreamConnection, stream: int) -> None:
        connection.send(frames.settings({Setting.MAX_CONCURRENT_STREAMS: 50, 0xFF00: 1}))
        connection.until("two acknowledgements", lambda: connection.settings_acks == 2)
        connection.answer(stream)

    context.upstream.on_request = answer
    expect(context.ask())
    context.expect_next()


@case("6.7", "PING is answered")
def ping(context: ClientContext) -> None:
    def answer(connection: UpstreamConnection, stream: int) -> None:
        connection.barrier()
        connection.answer(stream)

    context.upstream.on_request = answer
    expect(context.ask())


@case("8.3.1", "a request is well-formed, whatever the client's version")
def request_fields(context: ClientContext) -> None:
    expect(context.ask(H1, more=[
        ("Connection", "keep-alive, X-Hop, TE"), ("X-Hop", "1"), ("Keep-Alive", "timeout=5"),
        ("Proxy-Connection", "keep-alive"), ("TE", "trailers, gzip"), ("X-Upper", "Kept")]))
    expect(context.ask(H2, more=[("x-upper", "Kept"), ("te", "trailers")]))
    for connection, stream in context.upstream.requests(BROKEN):
        _check_head(connection.message(stream).heads[0], context.path(BROKEN))


_BARRED = {"connection", "keep-alive", "proxy-connection", "transfer-encoding", "upgrade", "x-hop"}


def _check_head(head: list[tuple[str, str]], path: str) -> None:
    names = [name for name, _ in head]
    pseudo = [name for name in names if name.startswith(":")]
    if names[:len(pseudo)] != pseudo or len(set(pseudo)) != len(pseudo):
        raise Failed(f"the fields are {names}")
    fields = dict(head)
    if (fields[":method"], fields[":path"]) != ("GET", path):
        raise Failed(f"the request is {head[:4]}")
    if fields[":scheme"] not in ("http", "https"):
        raise Failed(f":scheme is {fields[':scheme']}")
    if found := [name for name in names if name in _BARRED or name != name.lower()]:
        raise Failed(f"the request has {found}")
    if fields.get("te", "trailers") != "trailers":
        raise Failed(f"te is {fields['te']}")
    if fields.get("x-upper") != "Kept":
        raise Failed("x-upper is missing")
    # Of the authority HTTP/2 is told in :authority, also when it came in Host.
    if fields.get(":authority") != AUTHORITY or fields.get("host", AUTHORITY) != AUTHORITY:
        raise Failed(f"the request is {head}")


@case("8.1", "a body arrives whole, with or without a length")
def request_bodies(context: ClientContext) -> None:
    for via in BOTH:
        expect(context.ask(via, method="POST", body=b"12345"))
    expect(context.ask(method="POST", more=[("transfer-encoding", "chunked")], body=b"12345"))
    seen = [bytes(c.message(s).body) for c, s in context.upstream.requests(BROKEN)]
    if seen != [b"12345"] * 3:
        raise Failed(f"the upstream saw {seen}")
    for connection, stream in context.upstream.requests(BROKEN):
        length = dict(connection.message(stream).heads[0]).get("content-length", "5")
        if length != "5":
            raise Failed(f"content-length is {length}")


@case("hpack-6.2.3", "fields of a request that are never indexed stay such")
def never_indexed(context: ClientContext) -> None:
    for _ in range(2):
        expect(context.ask(H2, method="POST", body=b"1", trailers=[("x-end", Secret("2")),
                                                                   ("x-sum", "6")],
                           more=[("x-key", Secret("1")), ("x-open", "1")]))
    for connection, stream in context.upstream.requests(BROKEN):
        if connection.message(stream).never_indexed != {"x-key", "x-end"}:
            raise Failed(f"never indexed: {connection.message(stream).never_indexed}")


@case("8.1", "a request's trailers arrive")
def request_trailers(context: ClientContext) -> None:
    expect(context.ask(H2, method="POST", body=b"123", trailers=[("x-sum", "6")]))
    connection, stream = context.upstream.requests(BROKEN)[0]
    message = connection.message(stream)
    if message.body != b"123" or message.trailers != [("x-sum", "6")]:
        raise Failed(f"the upstream saw {message}")


def _warm(context: ClientContext, values: frames.Settings) -> None:
    """Makes a connection whose settings the gateway knows and whose windows do not open."""
    def script(connection: UpstreamConnection) -> None:
        connection.opens_window = False
        connection.start(values)
        connection.until("the acknowledgement", lambda: connection.settings_acks > 0)
        connection.early = set(connection.streams)
        if Setting.HEADER_TABLE_SIZE in dict(values):
            connection.decoder.max_allowed_table_size = dict(values)[Setting.HEADER_TABLE_SIZE]
        connection.serve()

    context.upstream.on_connection = script
    context.expect_next()


def _upload(context: ClientContext, script: Callable[[UpstreamConnection, int], None],
            size: int = 300_000, via: str = H1) -> None:
    """An upload; the script is told when its head is there and opens the windows at last."""
    def on_head(connection: UpstreamConnection, stream: int) -> None:
        script(connection, stream)
        connection.opens_window = True
        connection.send(frames.window_update(0, 1 << 25), frames.window_update(stream, 1 << 25))

    context.upstream.on_head = on_head
    body = bytes(range(256)) * (size // 256)
    expect(context.ask(via, method="POST", body=body))
    for connection, stream in context.upstream.requests(BROKEN):
        if bytes(connection.message(stream).body) != body:
            raise Failed("the upstream saw another body")


def _expect_size(connection: UpstreamConnection, stream: int, size: int) -> None:
    """So much of the body comes, and no more while a PING goes to and fro."""
    body = connection.message(stream).body
    connection.until(f"{size} octets of the body", lambda: len(body) >= size)
    connection.barrier()
    if len(body) != size:
        raise Failed(f"expected {size} octets of the body, saw {len(body)}")


@case("6.9.1", "an upload keeps to the stream's window, octet by octet")
def stream_window(context: ClientContext) -> None:
    def script(connection: UpstreamConnection, stream: int) -> None:
        _expect_size(connection, stream, 10_000)
        connection.send(frames.window_update(stream, 1))
        _expect_size(connection, stream, 10_001)

    _warm(context, {Setting.INITIAL_WINDOW_SIZE: 10_000})
    _upload(context, script)


@case("6.9.1", "an upload keeps to the connection's window")
def connection_window(context: ClientContext) -> None:
    _warm(context, {Setting.INITIAL_WINDOW_SIZE: 1 << 20})
    _upload(context, lambda connection, stream: _expect_size(connection, stream,
                                                             frames.DEFAULT_WINDOW), via=H2)


@case("6.9.2", "an upload waits while the window is zero and goes on when SETTINGS open it")
def zero_window(context: ClientContext) -> None:
    def script(connection: UpstreamConnection, stream: int) -> None:
        _expect_size(connection, stream, 0)
        connection.send(frames.settings({Setting.INITIAL_WINDOW_SIZE: 100}))
        _expect_size(connection, stream, 100)

    for via in BOTH:
        _warm(context, {Setting.INITIAL_WINDOW_SIZE: 0})
        _upload(context, script, via=via)
        for connection in context.upstream.connections:
            connection.send(frames.goaway(frames.LARGEST_WINDOW))
            connection.hang_up()


@case("6.9.2", "a smaller initial window makes the window of an upload negative")
def negative_window(context: ClientContext) -> None:
    def script(connection: UpstreamConnection, stream: int) -> None:
        _expect_size(connection, stream, 1_000)
        connection.send(frames.settings({Setting.INITIAL_WINDOW_SIZE: 100}),
                        frames.window_update(stream, 900))
        _expect_size(connection, stream, 1_000)
        connection.send(frames.window_update(stream, 1))
        _expect_size(connection, stream, 1_001)

    _warm(context, {Setting.INITIAL_WINDOW_SIZE: 1_000})
    _upload(context, script)


@case("4.2", "no frame is larger than the upstream's SETTINGS_MAX_FRAME_SIZE")
def frame_size(context: ClientContext) -> None:
    _warm(context, {Setting.INITIAL_WINDOW_SIZE: 1 << 24})
    _upload(context, lambda connection, stream: None)
    largest = max(f.body_len for connection in context.upstream.connections
                  for f in connection.frames if isinstance(f, DataFrame))
    if largest > frames.DEFAULT_FRAME_SIZE:
        raise Failed(f"DATA of {largest} octets")


@case("4.2", "17 MiB go to an upstream that takes frames of any size")
def largest_frames(context: ClientContext) -> None:
    _warm(context, {Setting.INITIAL_WINDOW_SIZE: 1 << 30,
                    Setting.MAX_FRAME_SIZE: frames.LARGEST_FRAME_SIZE})
    _upload(context, lambda connection, stream: None, size=17 << 20)


@case("hpack-4.2", "SETTINGS_HEADER_TABLE_SIZE of 0 is obeyed in requests")
def no_header_table(context: ClientContext) -> None:
    _warm(context, {Setting.HEADER_TABLE_SIZE: 0})
    for _ in range(3):
        context.expect_next()


def at_once(context: ClientContext, names: list[str]) -> list[Answer]:
    """Several clients ask at the same time."""
    with ThreadPoolExecutor(len(names)) as clients:
        return list(clients.map(lambda place: context.ask(BOTH[place % 2], names[place]),
                                range(len(names))))


@case("5.1.2", "SETTINGS_MAX_CONCURRENT_STREAMS of 1 is obeyed, and all requests are served")
def one_stream_at_a_time(context: ClientContext) -> None:
    def answer(connection: UpstreamConnection, stream: int) -> None:
        connection.barrier()
        waiting = [number for number in connection.streams
                   if number > stream and number not in connection.early]
        if waiting:
            raise Failed(f"streams {[stream, *waiting]} are open at once")
        connection.answer(stream)

    _warm(context, {Setting.MAX_CONCURRENT_STREAMS: 1})
    context.upstream.on_request = answer
    for result in at_once(context, [BROKEN] * 6):
        expect(result)


@case("5.1", "answers that come in another order reach those who asked")
def reverse_order(context: ClientContext) -> None:
    names = [f"/{number}{BROKEN}" for number in range(10)]
    waiting: list[tuple[UpstreamConnection, int]] = []

    def answer(connection: UpstreamConnection, stream: int) -> None:
        with context.upstream.changed:
            waiting.append((connection, stream))
            whole = len(waiting) == len(names)
        if whole:
            for other, number in reversed(waiting):
                other.answer(number, other.path(number).encode())

    context.upstream.on_request = answer
    for name, result in zip(names, at_once(context, names)):
        expect(result, body=context.path(name).encode())


@case("5.4.2", "a client that leaves ends only its stream, with CANCEL")
def cancelled(context: ClientContext) -> None:
    context.expect_next()
    for via in BOTH:
        context.upstream.on_request = lambda connection, stream: connection.send(
            frames.headers(stream, connection.block(OK)), frames.data(stream, BODY))
        context.ask(via, leaves=True)
    requests = context.upstream.requests(BROKEN)
    for connection, stream in requests:
        message = connection.message(stream)
        context.upstream.wait("RST_STREAM", lambda: message.reset is not None)
        if message.reset != Error.CANCEL:
            raise Failed(f"expected RST_STREAM(CANCEL), saw {message.reset}")
    context.expect_next()
    if len(context.upstream.connections) != 1:
        raise Failed(f"there are {len(context.upstream.connections)} connections, expected 1")
