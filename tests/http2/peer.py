"""One end of an HTTP/2 connection that sends what it is told and keeps what it gets."""

import errno
import socket
import ssl
import threading
import time
from dataclasses import dataclass, field
from typing import Callable, Optional, Sequence, Union

import hpack
from hyperframe.exceptions import HyperframeError
from hyperframe.frame import (ContinuationFrame, DataFrame, Frame, GoAwayFrame, HeadersFrame,
                              PingFrame, RstStreamFrame, SettingsFrame, WindowUpdateFrame)

import frames
from frames import Error, Setting

Text = Union[str, bytes]
Fields = Sequence[tuple[Text, Text]]

# What a header list may hold that we are sent.
_LARGEST_LIST = 1 << 20
_READ = 1 << 18


class Failed(Exception):
    """What a case expected did not happen; the text says both."""


class TooLate(Failed):
    """The time of the case is over."""


class Skipped(Exception):
    """The case needs something that this run does not have."""


class Deadline:
    """A point in time that every wait of a case ends at."""

    def __init__(self, seconds: float) -> None:
        self._end = time.monotonic() + seconds

    def left(self) -> float:
        return max(self._end - time.monotonic(), 0.001)

    def over(self) -> bool:
        return time.monotonic() >= self._end


@dataclass
class Message:
    """What has come of one stream: a request or a response."""

    heads: list[list[tuple[str, str]]] = field(default_factory=list)
    never_indexed: set[str] = field(default_factory=set)  # names
    body: bytearray = field(default_factory=bytearray)
    ended: bool = False
    reset: Optional[int] = None

    def _final(self) -> int:
        """The place of the head that is not interim."""
        for place, head in enumerate(self.heads):
            if not dict(head).get(":status", "").startswith("1"):
                return place
        return len(self.heads)

    @property
    def status(self) -> Optional[int]:
        return int(self.first(":status")) if self._final() < len(self.heads) else None

    @property
    def interim(self) -> list[int]:
        return [int(dict(head)[":status"]) for head in self.heads[:self._final()]]

    @property
    def fields(self) -> list[tuple[str, str]]:
        return self.heads[self._final()] if self._final() < len(self.heads) else []

    @property
    def trailers(self) -> list[tuple[str, str]]:
        return [pair for head in self.heads[self._final() + 1:] for pair in head]

    def all(self, name: str) -> list[str]:
        return [value for key, value in self.fields if key == name]

    def first(self, name: str) -> str:
        return (self.all(name) or [""])[0]


class Peer:
    """Books what arrives by stream; acknowledges SETTINGS and PING unless told not to.

    What the other side sends is checked by hyperframe and hpack as it is read: a frame or a block
    that they refuse fails the case.
    """

    # Whether this end answers: it then sends on streams that the other has ended.
    serves = False

    def __init__(self, sock: socket.socket, deadline: Deadline) -> None:
        self.sock = sock
        self.deadline = deadline
        self.decoder = hpack.Decoder(max_header_list_size=_LARGEST_LIST)
        self.streams: dict[int, Message] = {}
        self.frames: list[Frame] = []
        self.settings: dict[int, int] = {}
        self.goaway: Optional[GoAwayFrame] = None
        self.closed = False
        self.pongs: list[bytes] = []
        self.settings_acks = 0
        self.answers_settings = True
        self.answers_pings = True
        # Whether what is read is given back to the window at once.
        self.opens_window = True
        self._buffer = bytearray()
        # One thread reads, several may send.
        self._sending = threading.Lock()
        self._block: Optional[tuple[HeadersFrame, bytearray]] = None

    def close(self) -> None:
        self.sock.close()

    def hang_up(self) -> None:
        """Ends the sending side, after all that was sent."""
        try:
            self.sock.shutdown(socket.SHUT_WR)
        except OSError:
            pass

    def send(self, *chunks: bytes) -> None:
        """Sends all of it. That the other side has closed is told by reading, not by this."""
        try:
            self.sock.settimeout(self.deadline.left())
            with self._sending:
                self.sock.sendall(b"".join(chunks))
        except (BrokenPipeError, ConnectionResetError, ssl.SSLError):
            pass
        except OSError as error:
            if error.errno != errno.EBADF:  # closed by ourselves
                raise Failed(f"cannot send: {error}") from error

    def block(self, fields: Fields) -> bytes:
        """A header block without Huffman code and without entries in the dynamic table."""
        encoded = b""
        for name, value in fields:
            write = frames.never_indexed if isinstance(value, frames.Secret) else frames.literal
            encoded += write(_octets(name), _octets(value))
        return encoded

    def block_frames(self, stream: int, block: bytes, end: bool = True) -> list[bytes]:
        """A header block of any size, in as many frames as it takes."""
        size = frames.DEFAULT_FRAME_SIZE
        parts = [block[at:at + size] for at in range(0, len(block), size)]
        if len(parts) == 1:
            return [frames.headers(stream, block, end)]
        return [frames.headers(stream, parts[0], end, flags=0),
                *(frames.continuation(stream, part) for part in parts[1:-1]),
                frames.continuation(stream, parts[-1], last=True)]

    def take(self, size: int) -> bytes:
        """The next octets as they are, without looking for frames; fewer when it ends before."""
        self._fill(size)
        taken = bytes(self._buffer[:size])
        del self._buffer[:size]
        return taken

    def message(self, stream: int) -> Message:
        return self.streams.setdefault(stream, Message())

    def pump(self) -> bool:
        """Reads and books one frame; False when the connection is closed."""
        frame = self._next_frame()
        if frame is None:
            self.closed = True
            return False
        self.frames.append(frame)
        self._book(frame)
        return True

    def until(self, what: str, done: Callable[[], bool]) -> None:
        """Reads until `done`; fails when the connection ends before or the time is over."""
        while not done():
            if not self._pump_for(what):
                if done():
                    return
                raise Failed(f"expected {what}, saw the connection closed{self._last_words()}")

    def until_closed(self) -> None:
        while self._pump_for("the end of the connection"):
            pass

    def _pump_for(self, what: str) -> bool:
        try:
            return self.pump()
        except TooLate as error:
            raise TooLate(f"expected {what}, saw nothing more in time") from error

    def barrier(self, payload: bytes = b"barrier!") -> None:
        """Returns when the other side has read all that was sent before."""
        before = len(self.pongs)
        self.send(frames.ping(payload))
        self.until("the answer to PING", lambda: payload in self.pongs[before:])

    def _last_words(self) -> str:
        return f" after GOAWAY({code_name(self.goaway.error_code)})" if self.goaway else ""

    def _next_frame(self) -> Optional[Frame]:
        if not self._fill(9):
            return None
        try:
            frame, length = Frame.parse_frame_header(memoryview(bytes(self._buffer[:9])))
            if not self._fill(9 + length):
                return None
            frame.parse_body(memoryview(bytes(self._buffer[9:9 + length])))
        except HyperframeError as error:
            raise Failed(f"received a broken frame: {error!r}") from error
        del self._buffer[:9 + length]
        return frame

    def _fill(self, size: int) -> bool:
        """Reads until there are `size` octets; False when the connection ends before."""
        while len(self._buffer) < size:
            try:
                if self.deadline.over():
                    raise TimeoutError
                self.sock.settimeout(self.deadline.left())
                octets = self.sock.recv(_READ)
            except TimeoutError as error:
                raise TooLate("saw nothing more in time") from error
            except OSError:  # ssl.SSLError is one as well
                return False
            if not octets:
                return False
            self._buffer += octets
        return True

    def _book(self, frame: Frame) -> None:
        if self._block and not isinstance(frame, ContinuationFrame):
            raise Failed(f"received {type(frame).__name__} inside a header block")
        if isinstance(frame, (HeadersFrame, ContinuationFrame)):
            self._book_block(frame)
        elif isinstance(frame, DataFrame):
            self._book_data(frame)
        elif isinstance(frame, RstStreamFrame):
            self.message(frame.stream_id).reset = frame.error_code
        elif isinstance(frame, SettingsFrame):
            self._book_settings(frame)
        elif isinstance(frame, PingFrame):
            if "ACK" in frame.flags:
                self.pongs.append(frame.opaque_data)
            elif self.answers_pings:
                self.send(frames.ping(frame.opaque_data, ack=True))
        elif isinstance(frame, GoAwayFrame):
            self.goaway = frame

    def _book_block(self, frame: Union[HeadersFrame, ContinuationFrame]) -> None:
        if isinstance(frame, HeadersFrame):
            self._block = (frame, bytearray())
        if self._block is None or self._block[0].stream_id != frame.stream_id:
            raise Failed("received CONTINUATION without HEADERS")
        first, octets = self._block
        octets += frame.data
        if "END_HEADERS" not in frame.flags:
            return
        self._block = None
        try:
            decoded = self.decoder.decode(bytes(octets), raw=True)
        except (hpack.HPACKError, UnicodeDecodeError) as error:
            raise Failed(f"received a broken header block: {error!r}") from error
        message = self.message(first.stream_id)
        message.heads.append([(name.decode("latin-1"), value.decode("latin-1"))
                              for name, value in decoded])
        message.never_indexed |= {pair[0].decode("latin-1") for pair in decoded
                                  if isinstance(pair, hpack.NeverIndexedHeaderTuple)}
        message.ended |= "END_STREAM" in first.flags

    def _book_data(self, frame: DataFrame) -> None:
        message = self.message(frame.stream_id)
        message.body += frame.data
        message.ended |= "END_STREAM" in frame.flags
        if self.opens_window and frame.flow_controlled_length:
            self.send(frames.window_update(0, frame.flow_controlled_length),
                      b"" if message.ended
                      else frames.window_update(frame.stream_id, frame.flow_controlled_length))

    def _book_settings(self, frame: SettingsFrame) -> None:
        if "ACK" in frame.flags:
            self.settings_acks += 1
            return
        self.settings |= frame.settings
        if self.answers_settings:
            self.send(frames.settings_ack())

    def upload(self, stream: int, body: bytes, end: bool = True) -> None:
        """Sends a whole body as the windows allow; stops when the stream is over."""
        window = self.settings.get(Setting.INITIAL_WINDOW_SIZE, frames.DEFAULT_WINDOW)
        message = self.message(stream)
        sent = 0

        def room() -> int:
            return min(window + self.window_updates(stream),
                       frames.DEFAULT_WINDOW + self.window_updates(0)) - sent

        def over() -> bool:
            return message.reset is not None or message.ended and not self.serves

        while sent < len(body) and not over():
            self.until("window", lambda: room() > 0 or over())
            part = body[sent:sent + min(room(), frames.DEFAULT_FRAME_SIZE)]
            sent += len(part)
            self.send(frames.data(stream, part, end=end and sent == len(body)))

    def window_updates(self, stream: int) -> int:
        """How much window the other side has added."""
        return sum(f.window_increment for f in self.frames
                   if isinstance(f, WindowUpdateFrame) and f.stream_id == stream)


def _octets(text: Text) -> bytes:
    return text if isinstance(text, bytes) else text.encode("latin-1")


def code_name(code: int) -> str:
    try:
        return Error(code).name
    except ValueError:
        return hex(code)
