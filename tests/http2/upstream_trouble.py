"""Client half: frames that are wrong, streams and connections that end, floods (4-6, 8.7, 10.5)."""

from typing import Callable, Optional

import frames
from cases import CLIENT
from exchange import BOTH, H1, ClientContext
from frames import Error, Setting, Type
from peer import Failed
from upstream import BODY, BROKEN, OK, Answer as Script, UpstreamConnection
from upstream_requests import at_once, expect
from upstream_responses import cut, refused

case = CLIENT.case

_BOMB_INDEXES = 10_000
_FLOOD = 100_000


def _expect_goaway(context: ClientContext, *codes: int) -> None:
    """Each connection on which something was wrong has been told so, or was just closed."""
    connections = {id(connection): connection
                   for connection, _ in context.upstream.requests(BROKEN)}
    for connection in connections.values():
        context.upstream.wait("the end of the connection",
                              lambda: connection.closed or connection.goaway is not None)
        if connection.goaway is not None and connection.goaway.error_code not in codes:
            raise Failed(f"expected GOAWAY({' or '.join(Error(code).name for code in codes)}), "
                         f"saw {connection.goaway}")


def _connection_error(section: str, title: str, octets: Callable[[UpstreamConnection, int], bytes],
                      *codes: int) -> None:
    """In place of a response comes something for which the connection must end."""
    def run(context: ClientContext) -> None:
        refused(context, lambda connection, stream: connection.send(octets(connection, stream)))
        _expect_goaway(context, *codes)
    CLIENT.add(section, title, run)


def _error(section: str, title: str, octets: bytes, *codes: int) -> None:
    _connection_error(section, title, lambda connection, stream: octets, *codes)


_error("4.2", "a frame above the gateway's SETTINGS_MAX_FRAME_SIZE",
       frames.frame(Type.DATA, 0, 1, b"", length=frames.LARGEST_FRAME_SIZE),
       Error.FRAME_SIZE_ERROR)
_connection_error("4.3", "a header block that cannot be decoded", lambda connection, stream:
                  frames.headers(stream, frames.indexed(0), end=True), Error.COMPRESSION_ERROR)
_connection_error("4.3", "a size update above SETTINGS_HEADER_TABLE_SIZE",
                  lambda connection, stream: frames.headers(
                      stream, frames.size_update(1 << 20) + connection.block(OK), end=True),
                  Error.COMPRESSION_ERROR)
_connection_error("4.3", "another frame inside a header block", lambda connection, stream:
                  frames.headers(stream, connection.block(OK), end=True, flags=0) + frames.ping(),
                  Error.PROTOCOL_ERROR)
_connection_error("5.1", "HEADERS on a stream that the gateway has not opened",
                  lambda connection, stream: frames.headers(
                      stream + 100, connection.block(OK), end=True), Error.PROTOCOL_ERROR)
_connection_error("5.1", "HEADERS on a stream of the upstream's own", lambda connection, stream:
                  frames.headers(2, connection.block(OK), end=True), Error.PROTOCOL_ERROR)
_connection_error("5.1", "DATA on a stream that the gateway has not opened",
                  lambda connection, stream: frames.data(stream + 100, BODY, end=True),
                  Error.PROTOCOL_ERROR, Error.STREAM_CLOSED)
_connection_error("5.1", "RST_STREAM on a stream that the gateway has not opened",
                  lambda connection, stream: frames.rst_stream(stream + 100), Error.PROTOCOL_ERROR)
_error("6.1", "DATA on stream 0", frames.data(0, BODY), Error.PROTOCOL_ERROR)
_connection_error("6.1", "DATA with more padding than payload", lambda connection, stream:
                  frames.headers(stream, b"", flags=frames.END_HEADERS | frames.PADDED)
                  + frames.data(stream, b"\xff1", flags=frames.PADDED),
                  Error.PROTOCOL_ERROR, Error.FRAME_SIZE_ERROR)
_error("6.5", "SETTINGS of 5 octets", frames.frame(Type.SETTINGS, 0, 0, bytes(5)),
       Error.FRAME_SIZE_ERROR)
_error("6.5.2", "SETTINGS_ENABLE_PUSH of 1 from a server",
       frames.settings({Setting.ENABLE_PUSH: 1}), Error.PROTOCOL_ERROR)
_error("6.5.2", "SETTINGS_INITIAL_WINDOW_SIZE of 2^31",
       frames.settings({Setting.INITIAL_WINDOW_SIZE: 1 << 31}), Error.FLOW_CONTROL_ERROR)
_error("6.5.2", "SETTINGS_MAX_FRAME_SIZE of 1", frames.settings({Setting.MAX_FRAME_SIZE: 1}),
       Error.PROTOCOL_ERROR)
_connection_error("6.6", "PUSH_PROMISE although push is disabled", lambda connection, stream:
                  frames.push_promise(stream, 2, connection.block(OK)), Error.PROTOCOL_ERROR)
_error("6.7", "PING of 7 octets", frames.ping(bytes(7)), Error.FRAME_SIZE_ERROR)
_error("6.9", "WINDOW_UPDATE of 0 on the connection", frames.window_update(0, 0),
       Error.PROTOCOL_ERROR)
_error("6.9.1", "a connection's window above 2^31 - 1",
       frames.window_update(0, frames.LARGEST_WINDOW), Error.FLOW_CONTROL_ERROR)
_connection_error("6.10", "CONTINUATION without HEADERS", lambda connection, stream:
                  frames.continuation(stream, connection.block(OK), last=True),
                  Error.PROTOCOL_ERROR)


@case("6.9.1", "a stream's window above 2^31 - 1")
def stream_overflow(context: ClientContext) -> None:
    refused(context, lambda connection, stream: connection.send(
        frames.window_update(stream, frames.LARGEST_WINDOW)))


@case("6.9.1", "more DATA than the gateway's windows have room for")
def beyond_window(context: ClientContext) -> None:
    def script(connection: UpstreamConnection, stream: int) -> None:
        connection.head(stream)
        part = frames.data(stream, bytes(frames.DEFAULT_FRAME_SIZE))
        for _ in range(64):
            connection.send(part * 32)

    context.upstream.on_request = script
    context.ask(H1, leaves=True)
    context.expect_next()
    connection, stream = context.upstream.requests(BROKEN)[0]
    context.upstream.wait("the end of the stream", lambda: connection.closed
                          or connection.message(stream).reset is not None
                          or connection.goaway is not None)


def _first_bytes(context: ClientContext, octets: Optional[bytes], ends: bool = False) -> None:
    """What upstreams say that do not speak HTTP/2. Then one comes back that does."""
    def script(connection: UpstreamConnection) -> None:
        connection.take(len(frames.PREFACE))
        if octets is not None:
            connection.send(octets)
        if not ends:
            connection.until_closed()

    serves = context.upstream.on_connection
    for via in BOTH:
        context.upstream.on_connection = script
        answer = context.ask(via)
        if not context.failed(answer):
            raise Failed(f"{via}: expected status 502, saw {answer}")
        context.upstream.on_connection = serves
        context.expect_next(via)
        for connection in context.upstream.connections:
            connection.send(frames.goaway(frames.LARGEST_WINDOW))
            connection.hang_up()


@case("3.4", "an upstream that answers in HTTP/1.1")
def old_upstream(context: ClientContext) -> None:
    _first_bytes(context, b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")


@case("3.4", "an upstream whose first frame is not SETTINGS")
def no_settings(context: ClientContext) -> None:
    _first_bytes(context, frames.ping())


@case("3.4", "an upstream that closes at once")
def closesat_once(context: ClientContext) -> None:
    _first_bytes(context, None, ends=True)


def _once(script: Script) -> Script:
    """Breaks the first request, and answers those that are sent again."""
    def run(connection: UpstreamConnection, stream: int) -> None:
        if len(connection.upstream.requests(BROKEN)) == 1:
            script(connection, stream)
        else:
            connection.answer(stream)
    return run


def _repeated(context: ClientContext, script: Script, via: str) -> None:
    """The proof that it was not processed is enough for any method, with its body."""
    context.upstream.on_request = _once(script)
    expect(context.ask(via, method="POST", body=b"12345"))
    (_, _), (connection, stream) = context.upstream.requests(BROKEN)
    if connection.message(stream).body != b"12345":
        raise Failed(f"the body was sent again as {connection.message(stream).body}")
    context.expect_next(via)


for _via in BOTH:
    def _refused_stream(context: ClientContext, via: str = _via) -> None:
        _repeated(context, lambda connection, stream: connection.refuse(stream), via)

    def _goaway_below(context: ClientContext, via: str = _via) -> None:
        def script(connection: UpstreamConnection, stream: int) -> None:
            connection.send(frames.goaway(0))
            connection.hang_up()

        _repeated(context, script, via)
        if len({connection.number for connection, _ in context.upstream.requests(BROKEN)}) != 2:
            raise Failed("it was sent again on the connection that was going away")

    CLIENT.add("8.7", f"POST of {_via} is repeated after REFUSED_STREAM", _refused_stream)
    CLIENT.add("8.7", f"POST of {_via} is repeated elsewhere after GOAWAY below its stream",
               _goaway_below)


@case("8.7", "REFUSED_STREAM again and again is an error at last")
def always_refused(context: ClientContext) -> None:
    refused(context, lambda connection, stream: connection.refuse(stream), (502, 503))


@case("6.8", "a request at or below GOAWAY's stream is answered, the next goes elsewhere")
def goaway_above(context: ClientContext) -> None:
    def script(connection: UpstreamConnection, stream: int) -> None:
        connection.send(frames.goaway(stream))
        connection.barrier()
        connection.answer(stream)

    context.upstream.on_request = script
    expect(context.ask())
    context.expect_next()
    numbers = [connection.number for connection, _ in context.upstream.requests()]
    if numbers != [0, 1]:
        raise Failed(f"the requests came on the connections {numbers}")


@case("6.8", "GOAWAY in two steps, first with the largest stream, ends without a failed request")
def goaway_in_two_steps(context: ClientContext) -> None:
    def script(connection: UpstreamConnection, stream: int) -> None:
        connection.send(frames.goaway(frames.LARGEST_WINDOW))
        connection.barrier()
        connection.send(frames.goaway(stream))
        connection.answer(stream)
        connection.hang_up()

    context.upstream.on_request = script
    for via in BOTH:
        expect(context.ask(via))
        context.expect_next(via)


@case("6.8", "GOAWAY with an error ends the connection, not the requests that come next")
def goaway_with_error(context: ClientContext) -> None:
    def script(connection: UpstreamConnection, stream: int) -> None:
        connection.send(frames.goaway(stream, Error.INTERNAL_ERROR, b"broken"))
        connection.close()

    refused(context, script)


@case("6.4", "RST_STREAM before the response")
def resetat_once(context: ClientContext) -> None:
    for code in (Error.INTERNAL_ERROR, Error.CANCEL, 0xDEADBEEF):
        refused(context, lambda connection, stream: connection.refuse(stream, code),
                method="POST", body=b"1")


def _begun(context: ClientContext, then: Callable[[UpstreamConnection, int], None]) -> None:
    """The head and the body come, and then something else than the end."""
    def script(connection: UpstreamConnection, stream: int) -> None:
        connection.send(frames.headers(stream, connection.block(OK)), frames.data(stream, BODY))
        then(connection, stream)

    cut(context, script)


@case("8.1", "RST_STREAM in the middle of a body is never its end, whatever the code")
def reset_in_body(context: ClientContext) -> None:
    for code in (Error.INTERNAL_ERROR, Error.CANCEL, Error.NO_ERROR, Error.REFUSED_STREAM):
        _begun(context, lambda connection, stream: connection.refuse(stream, code))


@case("8.1", "a connection that closes in the middle of a body is never the body's end")
def close_in_body(context: ClientContext) -> None:
    _begun(context, lambda connection, stream: connection.close())


@case("8.1", "a connection that ends with GOAWAY in the middle of a body is never the body's end")
def goaway_in_body(context: ClientContext) -> None:
    def then(connection: UpstreamConnection, stream: int) -> None:
        connection.send(frames.goaway(stream))
        connection.close()

    _begun(context, then)


@case("5.4.2", "a malformed response ends its stream, the others of the connection go on")
def others_go_on(context: ClientContext) -> None:
    names = [f"/{number}{BROKEN}" for number in range(6)]
    waiting: list[tuple[UpstreamConnection, int]] = []

    def script(connection: UpstreamConnection, stream: int) -> None:
        with context.upstream.changed:
            waiting.append((connection, stream))
            whole = len(waiting) == len(names)
        if whole:
            for other, number in waiting:
                if "/0" in other.path(number):
                    other.head(number, [*OK, ("X-Upper", "1")], end=True)
            for other, number in waiting:
                if "/0" not in other.path(number):
                    other.answer(number)

    # One connection that has streams enough for all.
    context.expect_next()
    context.upstream.on_request = script
    first, *others = at_once(context, names)
    if not context.failed(first):
        raise Failed(f"expected status 502, saw {first}")
    for answer in others:
        expect(answer)


def _flood(section: str, title: str, octets: Callable[[UpstreamConnection, int], bytes],
           whole: bool = False) -> None:
    """Something that costs the upstream little. The request fails, or if it is answered after all
    of that (`whole`) may as well be served; the next one is."""
    def run(context: ClientContext) -> None:
        def script(connection: UpstreamConnection, stream: int) -> None:
            connection.answers_settings = connection.answers_pings = False
            connection.send(octets(connection, stream))
            if whole:
                connection.answer(stream)

        refused(context, script, (200, 502) if whole else (502,))
    CLIENT.add(section, title, run)


_flood("10.5", "a flood of PING", lambda connection, stream: frames.ping() * _FLOOD, whole=True)
_flood("10.5", "a flood of SETTINGS", lambda connection, stream: frames.settings() * _FLOOD,
       whole=True)
_flood("10.5", "a flood of PRIORITY", lambda connection, stream: frames.priority(stream) * _FLOOD,
       whole=True)
_flood("10.5", "a flood of WINDOW_UPDATE",
       lambda connection, stream: frames.window_update(0, 1) * _FLOOD, whole=True)
_flood("10.5", "a flood of interim responses", lambda connection, stream: frames.headers(
    stream, connection.block([(":status", "103"), ("x-a", "1")])) * 10_000)
_flood("10.5.1", "a header block without an end", lambda connection, stream: frames.headers(
    stream, connection.block(OK), flags=0) + frames.continuation(
        stream, connection.block([("x-part", "y" * 1_000)] * 16)) * 256)
_flood("10.5.1", "a large field that is named 10,000 times", lambda connection, stream:
       frames.headers(stream, connection.block(OK) + frames.added(b"x-bomb", b"y" * 4_000)
                      + frames.indexed(frames.FIRST_DYNAMIC) * _BOMB_INDEXES, end=True))
_flood("10.5.1", "5,000 fields", lambda connection, stream: b"".join(connection.block_frames(
    stream, connection.block([*OK, *((f"x-{number}", "1") for number in range(5_000))]))))


@case("10.5", "a flood of empty DATA")
def empty_data(context: ClientContext) -> None:
    def script(connection: UpstreamConnection, stream: int) -> None:
        connection.head(stream)
        connection.send(frames.data(stream) * _FLOOD)
        connection.send(frames.data(stream, BODY, end=True))

    context.upstream.on_request = script
    for via in BOTH:
        answer = context.ask(via)
        if answer.complete and (answer.status, answer.body) != (200, BODY) and answer.status != 502:
            raise Failed(f"{via}: saw {answer}")
        context.expect_next(via)
