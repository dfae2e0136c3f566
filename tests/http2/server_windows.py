"""Server half: flow control (6.9)."""

from typing import Callable

from hyperframe.frame import DataFrame

import frames
from cases import SERVER
from client import BIG, BIG_SIZE, CLOSED, IGNORED, Client, Context, goaway, refuses, reset
from frames import Error, Setting, Type
from peer import Failed

case = SERVER.case

# More than all buffers between a client and an origin that does not read.
_TOO_MUCH = 32 << 20


def _wrong(octets: bytes, *codes: int) -> Callable[[Context], None]:
    @refuses(goaway(*codes))
    def run(client: Client) -> None:
        client.send(octets)
    return run


def _on_stream(octets: Callable[[int], bytes], code: int) -> Callable[[Context], None]:
    @refuses(reset(code), goaway(code))
    def run(client: Client) -> int:
        stream = client.post()
        client.send(octets(stream))
        return stream
    return run


SERVER.add("6.9", "WINDOW_UPDATE of 0 on the connection",
          _wrong(frames.window_update(0, 0), Error.PROTOCOL_ERROR))
SERVER.add("6.9", "WINDOW_UPDATE of 0 on a stream",
          _on_stream(lambda stream: frames.window_update(stream, 0), Error.PROTOCOL_ERROR))
SERVER.add("6.9", "WINDOW_UPDATE of 3 octets", _wrong(
    frames.frame(Type.WINDOW_UPDATE, 0, 0, bytes(3)), Error.FRAME_SIZE_ERROR))
SERVER.add("6.9", "WINDOW_UPDATE of 5 octets", _wrong(
    frames.frame(Type.WINDOW_UPDATE, 0, 0, bytes(5)), Error.FRAME_SIZE_ERROR))
SERVER.add("6.9.1", "a connection's window above 2^31 - 1", _wrong(
    frames.window_update(0, frames.LARGEST_WINDOW), Error.FLOW_CONTROL_ERROR))
SERVER.add("6.9.1", "a stream's window above 2^31 - 1",
          _on_stream(lambda stream: frames.window_update(stream, frames.LARGEST_WINDOW),
                     Error.FLOW_CONTROL_ERROR))


@case("6.9.1", "the reserved bit of WINDOW_UPDATE is ignored")
def reserved_bit(context: Context) -> None:
    client = context.connect()
    client.send(frames.frame(Type.WINDOW_UPDATE, 0, 0, frames.u32(1 << 31 | 1)))
    client.expect(0, IGNORED)


def _received(client: Client, stream: int) -> int:
    return len(client.message(stream).body)


def _expect_body(client: Client, stream: int, size: int) -> None:
    """Exactly so much of the body comes, and then no more."""
    client.until(f"{size} octets of the body", lambda: _received(client, stream) >= size)
    client.barrier()
    if _received(client, stream) != size:
        raise Failed(f"expected {size} octets, saw {_received(client, stream)}")


@case("6.9.1", "no DATA beyond the stream's window, and then as much as it is opened for")
def stream_window(context: Context) -> None:
    client = context.connect({Setting.INITIAL_WINDOW_SIZE: 0})
    client.opens_window = False
    stream = client.get(BIG)
    client.until("the head", lambda: client.message(stream).status == 200)
    _expect_body(client, stream, 0)
    for size in (1, 2, 3):
        client.send(frames.window_update(stream, 1))
        _expect_body(client, stream, size)


@case("6.9.1", "no DATA beyond the connection's window")
def connection_window(context: Context) -> None:
    client = context.connect({Setting.INITIAL_WINDOW_SIZE: 1 << 20})
    client.opens_window = False
    first, second = client.get(BIG), client.get(BIG)

    def both() -> int:
        return _received(client, first) + _received(client, second)

    client.until("a full window", lambda: both() >= frames.DEFAULT_WINDOW)
    client.barrier()
    if both() != frames.DEFAULT_WINDOW:
        raise Failed(f"expected {frames.DEFAULT_WINDOW} octets, saw {both()}")
    client.send(frames.window_update(0, 1 << 20))
    for stream in (first, second):
        client.response(stream)
        if _received(client, stream) != BIG_SIZE:
            raise Failed(f"stream {stream} has {_received(client, stream)} octets")


@case("6.9.2", "a larger initial window opens the streams that there are")
def larger_initial_window(context: Context) -> None:
    client = context.connect({Setting.INITIAL_WINDOW_SIZE: 0})
    client.opens_window = False
    stream = client.get(BIG)
    client.until("the head", lambda: client.message(stream).status == 200)
    client.send(frames.settings({Setting.INITIAL_WINDOW_SIZE: 10}))
    _expect_body(client, stream, 10)


@case("6.9.2", "a smaller initial window can make a stream's window negative")
def negative_window(context: Context) -> None:
    client = context.connect({Setting.INITIAL_WINDOW_SIZE: 100})
    client.opens_window = False
    stream = client.get(BIG)
    _expect_body(client, stream, 100)
    client.send(frames.settings({Setting.INITIAL_WINDOW_SIZE: 10}),
                frames.window_update(stream, 90))  # -90, then 0
    _expect_body(client, stream, 100)
    client.send(frames.window_update(stream, 1))
    _expect_body(client, stream, 101)


@case("6.9.2", "an initial window that takes a stream's window above 2^31 - 1")
@refuses(goaway(Error.FLOW_CONTROL_ERROR), reset(Error.FLOW_CONTROL_ERROR))
def initial_window_overflow(client: Client) -> int:
    stream = client.post()
    client.send(frames.window_update(stream, frames.LARGEST_WINDOW - frames.DEFAULT_WINDOW))
    client.send(frames.settings({Setting.INITIAL_WINDOW_SIZE: frames.DEFAULT_WINDOW + 1}))
    return stream


@case("6.9.1", "more DATA than the windows have room for")
def beyond_our_window(context: Context) -> None:
    context.need_origin()
    client = context.connect()
    stream = client.post(path="/stall")
    part = frames.data(stream, bytes(frames.DEFAULT_FRAME_SIZE))
    for _ in range(_TOO_MUCH // frames.DEFAULT_FRAME_SIZE // 16):
        client.send(part * 16)
    # Closing with so much unread resets the connection, and GOAWAY may be lost with it.
    client.expect(stream, reset(Error.FLOW_CONTROL_ERROR), goaway(Error.FLOW_CONTROL_ERROR),
                  CLOSED)


@case("6.9.1", "an upload of many windows is taken whole by a server that gives them back")
def large_upload(context: Context) -> None:
    client = context.connect()
    size = 4 * frames.DEFAULT_WINDOW
    stream = client.post([("content-length", str(size))])
    client.upload(stream, bytes(size))
    client.response(stream)


@case("6.9", "no frame is larger than the client's SETTINGS_MAX_FRAME_SIZE")
def frame_size_obeyed(context: Context) -> None:
    client = context.connect({Setting.INITIAL_WINDOW_SIZE: 1 << 20})
    client.response(client.get(BIG))
    largest = max(f.body_len for f in client.frames if isinstance(f, DataFrame))
    if largest > frames.DEFAULT_FRAME_SIZE:
        raise Failed(f"DATA of {largest} octets")
