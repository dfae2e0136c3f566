"""Server half: states, identifiers and number of streams, priority, errors (5.1-5.4, 7)."""

from typing import Callable

from hyperframe.frame import RstStreamFrame

import frames
from cases import SERVER
from client import BIG, ECHO, IGNORED, Client, Context, goaway, refuses, reset
from frames import Error, Setting
from peer import Failed, Skipped

case = SERVER.case

# More streams than a case opens.
_MOST_STREAMS = 1_000


def _on_idle(octets: bytes) -> Callable[[Context], None]:
    @refuses(goaway(Error.PROTOCOL_ERROR))
    def run(client: Client) -> None:
        client.send(octets)
    return run


SERVER.add("5.1", "DATA on an idle stream", _on_idle(frames.data(1, b"1", end=True)))
SERVER.add("5.1", "RST_STREAM on an idle stream", _on_idle(frames.rst_stream(1)))
SERVER.add("5.1", "WINDOW_UPDATE on an idle stream", _on_idle(frames.window_update(1, 100)))
SERVER.add("5.1", "CONTINUATION on an idle stream", _on_idle(
    frames.continuation(1, frames.indexed(frames.STATIC_GET), last=True)))


def _half_closed(send: Callable[[Client, int], None], *allowed: list) -> Callable:
    """A request has been sent, its response waits for window."""
    def run(context: Context) -> None:
        client = context.connect({Setting.INITIAL_WINDOW_SIZE: 0})
        stream = client.get(BIG)
        send(client, stream)
        # The next request's response needs window.
        client.send(frames.settings({Setting.INITIAL_WINDOW_SIZE: frames.DEFAULT_WINDOW}))
        client.expect(stream, *allowed, answered=True)
    return run


_CLOSED_CODES = (reset(Error.STREAM_CLOSED), goaway(Error.STREAM_CLOSED))
SERVER.add("5.1", "DATA after END_STREAM", _half_closed(
    lambda client, stream: client.send(frames.data(stream, b"1")), *_CLOSED_CODES))
SERVER.add("5.1", "HEADERS after END_STREAM", _half_closed(
    lambda client, stream: client.send(
        frames.headers(stream, client.block([("x-late", "1")]), end=True)), *_CLOSED_CODES))
SERVER.add("5.1", "CONTINUATION after END_STREAM", _half_closed(
    lambda client, stream: client.send(
        frames.continuation(stream, client.block([("x-late", "1")]), last=True)),
    goaway(Error.PROTOCOL_ERROR, Error.STREAM_CLOSED)))
SERVER.add("5.1", "WINDOW_UPDATE and PRIORITY after END_STREAM are no error", _half_closed(
    lambda client, stream: client.send(frames.window_update(stream, 10), frames.priority(stream)),
    IGNORED))

# A closed stream may also be ignored, as long as nothing on it is acted on.
_AFTER_CLOSE = (goaway(Error.STREAM_CLOSED, Error.PROTOCOL_ERROR), reset(Error.STREAM_CLOSED),
                IGNORED)


def _after_own_reset(send: Callable[[Client, int], None], *allowed: list) -> Callable:
    def run(context: Context) -> None:
        client = context.connect()
        stream = client.post()
        client.send(frames.rst_stream(stream))
        client.barrier()
        send(client, stream)
        client.expect(stream, *allowed)
    return run


def _whole_request(client: Client, stream: int) -> None:
    client.send(frames.headers(stream, client.block(client.request()), end=True))


SERVER.add("5.1", "DATA after the client's own RST_STREAM", _after_own_reset(
    lambda client, stream: client.send(frames.data(stream, b"1", end=True)), *_AFTER_CLOSE))
SERVER.add("5.1", "HEADERS after the client's own RST_STREAM open no new request",
          _after_own_reset(_whole_request, *_AFTER_CLOSE))
SERVER.add("5.1", "CONTINUATION after the client's own RST_STREAM", _after_own_reset(
    lambda client, stream: client.send(frames.continuation(stream, b"", last=True)),
    goaway(Error.PROTOCOL_ERROR, Error.STREAM_CLOSED)))
SERVER.add("5.1", "WINDOW_UPDATE, RST_STREAM and PRIORITY on a closed stream are no error",
          _after_own_reset(lambda client, stream: client.send(
              frames.window_update(stream, 1), frames.rst_stream(stream),
              frames.priority(stream)), IGNORED))


def _after_response(send: Callable[[Client, int], None], *allowed: list) -> Callable:
    def run(context: Context) -> None:
        client = context.connect()
        stream = client.get()
        client.response(stream)
        heads = len(client.message(stream).heads)
        send(client, stream)
        client.expect(stream, *allowed, answered=True)
        if len(client.message(stream).heads) != heads:
            raise Failed("a second response came on a closed stream")
    return run


SERVER.add("5.1", "DATA after the response", _after_response(
    lambda client, stream: client.send(frames.data(stream, b"1", end=True)), *_AFTER_CLOSE))
SERVER.add("5.1", "a second request on the same stream after the response",
          _after_response(_whole_request, *_AFTER_CLOSE))


@case("5.1.1", "a stream with an even identifier")
@refuses(goaway(Error.PROTOCOL_ERROR))
def even_stream(client: Client) -> None:
    _whole_request(client, 2)


# Who does not remember which of the lower streams were never used takes it for one that it has
# closed, and may ignore it.
@case("5.1.1", "a stream below one that was opened before")
@refuses(goaway(Error.PROTOCOL_ERROR, Error.STREAM_CLOSED), IGNORED)
def decreasing_stream(client: Client) -> int:
    client.skip_streams(3)
    client.response(client.get())
    _whole_request(client, 5)
    return 5


@case("5.1.1", "identifiers may be left out")
def skipped_streams(context: Context) -> None:
    client = context.connect()
    for gap in (1, 5, 1_000_000):
        client.skip_streams(gap)
        client.response(client.get())


@case("5.1.1", "the last identifier of all is served")
def last_stream(context: Context) -> None:
    client = context.connect()
    _whole_request(client, frames.LARGEST_WINDOW)
    client.response(frames.LARGEST_WINDOW)


@case("5.1.2", "a stream above SETTINGS_MAX_CONCURRENT_STREAMS is refused")
def too_many_streams(context: Context) -> None:
    client = context.connect()
    most = client.settings.get(Setting.MAX_CONCURRENT_STREAMS, _MOST_STREAMS + 1)
    if most > _MOST_STREAMS:
        raise Skipped(f"the server allows more than {_MOST_STREAMS} streams")
    streams = [client.post() for _ in range(most)]
    surplus = client.message(client.get())
    client.until("the surplus stream's refusal", lambda: surplus.reset is not None
                 or surplus.status is not None or client.goaway is not None)
    if client.goaway is not None:  # a stream's error may be the connection's, 5.4.1
        if client.goaway.error_code != Error.PROTOCOL_ERROR:
            raise Failed(f"expected GOAWAY(PROTOCOL_ERROR), saw {client.goaway}")
        client.until_closed()
        return
    if surplus.reset not in (Error.REFUSED_STREAM, Error.PROTOCOL_ERROR):
        raise Failed(f"expected RST_STREAM(REFUSED_STREAM), saw {surplus}")
    client.send(*(frames.data(stream, b"1", end=True) for stream in streams))
    for stream in streams:
        client.response(stream)
    client.expect_served()


@case("5.1.2", "as many streams as SETTINGS_MAX_CONCURRENT_STREAMS are served, again and again")
def all_streams(context: Context) -> None:
    client = context.connect()
    most = min(client.settings.get(Setting.MAX_CONCURRENT_STREAMS, 100), 100)
    for _ in range(3):
        streams = [client.post() for _ in range(most)]
        client.send(*(frames.data(stream, b"1", end=True) for stream in streams))
        for stream in streams:
            client.response(stream)


@case("5.2", "streams interleaved frame by frame do not mix")
def interleaved(context: Context) -> None:
    client = context.connect()
    streams = [client.post([("content-length", str(3 * (place + 1)))]) for place in range(10)]
    for part in range(3):
        client.send(*(frames.data(stream, b"x" * (place + 1), end=part == 2)
                      for place, stream in enumerate(streams)))
    for stream in streams:
        client.response(stream)


def _harmless(octets: Callable[[Client], bytes], *others: list) -> Callable:
    @refuses(IGNORED, *others)
    def run(client: Client) -> None:
        client.send(octets(client))
    return run


SERVER.add("5.3", "PRIORITY on an idle stream is no error",
          _harmless(lambda client: frames.priority(1) + frames.priority(99, 1)))
SERVER.add("5.3", "PRIORITY that depends on itself ends the stream or the connection at most",
          _harmless(lambda client: frames.priority(1, 1), goaway(Error.PROTOCOL_ERROR),
                    reset(Error.PROTOCOL_ERROR)))
SERVER.add("5.3", "PRIORITY_UPDATE (RFC 9218) is used or ignored",
          _harmless(lambda client: frames.frame(frames.Type.PRIORITY_UPDATE, 0, 0,
                                                frames.u32(1) + b"u=1, i")))


@case("5.3", "HEADERS with priority fields are a request like others")
def headers_with_priority(context: Context) -> None:
    client = context.connect()
    stream = client.new_stream()
    client.send(frames.headers(stream, frames.priority_fields() + client.block(
        client.request(more=[("priority", "u=1, i")])), end=True,
        flags=frames.END_HEADERS | frames.PRIORITY_FLAG))
    client.response(stream)


@case("5.4.1", "GOAWAY names the last stream that was acted on")
def last_stream_named(context: Context) -> None:
    client = context.connect()
    client.response(client.get())
    client.response(client.get())
    client.send(frames.data(0, b"1"))
    client.expect(0, goaway(Error.PROTOCOL_ERROR))
    if client.goaway is None or client.goaway.last_stream_id != 3:
        raise Failed(f"expected last-stream-id 3, saw {client.goaway}")


@case("5.4.2", "RST_STREAM is not answered with RST_STREAM")
def no_reset_for_reset(context: Context) -> None:
    client = context.connect()
    stream = client.post()
    client.send(frames.rst_stream(stream), frames.window_update(stream, 1))
    client.expect_served()
    client.barrier()
    if any(isinstance(f, RstStreamFrame) for f in client.frames):
        raise Failed("the server sent RST_STREAM for a stream that the client has reset")


@case("5.4.2", "a stream's error leaves the others alone")
def others_go_on(context: Context) -> None:
    client = context.connect()
    first, second = client.post(), client.post()
    client.send(frames.data(first, b"1"),
                frames.headers(second, client.block([(":path", ECHO)]), end=True))
    refused = client.message(second)
    client.until("the second stream's refusal", lambda: refused.reset is not None
                 or refused.status is not None)
    client.send(frames.data(first, b"2", end=True))
    client.response(first)


@case("7", "unknown error codes have no effect of their own")
def unknown_codes(context: Context) -> None:
    client = context.connect()
    stream = client.post()
    client.send(frames.rst_stream(stream, 0xDEADBEEF))
    client.expect(0, IGNORED)
