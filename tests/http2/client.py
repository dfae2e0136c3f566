"""A client that breaks the rules on purpose and says what came of it."""

import socket
import ssl
from dataclasses import dataclass
from typing import Callable, Optional

import frames
from frames import Error
from origin import Origin
from peer import Deadline, Failed, Fields, Message, Peer, Skipped, code_name

# Every server under test answers these with 200: the first with something short, the second with
# BIG_SIZE octets.
ECHO = "/echo"
BIG = "/big"
BIG_SIZE = 200_000
# A request that shows that the connection still serves.
SERVED = "/served"
# What malformed requests ask for, so that one that reached the origin is known.
REFUSED = "/refused"
AUTHORITY = "conformance.test"


@dataclass(frozen=True)
class Outcome:
    """One thing that a server may do about what it was sent."""

    kind: str
    value: Optional[int] = None

    def __str__(self) -> str:
        if self.value is None:
            return self.kind
        return f"{self.kind}({self.value if self.kind == 'status' else code_name(self.value)})"


def goaway(*codes: int) -> list[Outcome]:
    return [Outcome("GOAWAY", code) for code in codes]


def reset(*codes: int) -> list[Outcome]:
    return [Outcome("RST_STREAM", code) for code in codes]


def status(*codes: int) -> list[Outcome]:
    return [Outcome("status", code) for code in codes]


# The connection ends without a word.
CLOSED = [Outcome("closed")]
# Nothing: a PING that was sent afterwards is answered.
IGNORED = [Outcome("ignored")]
# What may come of a request that is malformed (8.1.1): only its stream ends.
MALFORMED = reset(Error.PROTOCOL_ERROR) + status(400)


class Client(Peer):
    """A connection to the server under test; see Context.connect."""

    def __init__(self, sock: socket.socket, deadline: Deadline, scheme: str = "http") -> None:
        super().__init__(sock, deadline)
        self.scheme = scheme
        self._next_stream = 1

    def start(self, values: frames.Settings = ()) -> "Client":
        """The preface of both sides, with SETTINGS acknowledged."""
        self.send(frames.PREFACE, frames.settings(values))
        self.until("SETTINGS and their acknowledgement",
                   lambda: bool(self.frames) and self.settings_acks > 0)
        return self

    def new_stream(self) -> int:
        stream = self._next_stream
        self._next_stream += 2
        return stream

    def skip_streams(self, count: int) -> None:
        self._next_stream += 2 * count

    def request(self, method: str = "GET", path: str = ECHO, more: Fields = ()) -> Fields:
        return [(":method", method), (":scheme", self.scheme), (":path", path),
                (":authority", AUTHORITY), *more]

    def get(self, path: str = ECHO, more: Fields = ()) -> int:
        """Sends a whole request."""
        stream = self.new_stream()
        self.send(frames.headers(stream, self.block(self.request(path=path, more=more)), end=True))
        return stream

    def post(self, more: Fields = (), path: str = ECHO) -> int:
        """Sends the head of a request whose body is to follow."""
        stream = self.new_stream()
        self.send(frames.headers(stream, self.block(self.request("POST", path, more))))
        return stream

    def response(self, stream: int) -> Message:
        """The whole response, which is a success."""
        message = self.message(stream)
        self.until(f"a response on stream {stream}",
                   lambda: message.ended or message.reset is not None or self.goaway is not None)
        if not message.ended or not 200 <= (message.status or 0) < 300:
            raise Failed(f"expected a response 2xx on stream {stream}, saw "
                         f"{self._seen(stream, False)}")
        return message

    def expect_served(self) -> None:
        """Another request on this connection is served."""
        try:
            self.response(self.get(SERVED))
        except Failed as failure:
            raise Failed(f"then the next request: {failure}") from failure

    def expect(self, stream: int, *allowed: list[Outcome], answered: bool = False) -> Outcome:
        """Waits for the outcome on `stream` (0: on the connection alone) and what has to follow it.

        With `answered`, responses on the stream do not count: what was broken came after them.
        After GOAWAY the connection must end; after anything on the stream it must still serve.
        """
        outcomes = [outcome for several in allowed for outcome in several]
        barrier = IGNORED[0] in outcomes
        if barrier:
            self.send(frames.ping(b"ignored?"))
        seen = self._seen(stream, answered)
        while seen is None:
            if barrier and b"ignored?" in self.pongs:
                seen = IGNORED[0]
            else:
                self._pump_for(" or ".join(map(str, outcomes)))
                seen = self._seen(stream, answered)
        if seen not in outcomes:
            raise Failed(f"expected {' or '.join(map(str, outcomes))}, saw {seen}")
        if seen.kind == "GOAWAY":
            self.until_closed()
        elif seen.kind != "closed":
            self.expect_served()
        return seen

    def _seen(self, stream: int, answered: bool) -> Optional[Outcome]:
        message = self.streams.get(stream, Message())
        if self.goaway is not None:
            return Outcome("GOAWAY", self.goaway.error_code)
        if message.reset is not None:
            return Outcome("RST_STREAM", message.reset)
        if message.status is not None and not answered:
            return Outcome("status", message.status)
        return CLOSED[0] if self.closed else None


@dataclass
class Context:
    """What a case of the server half is given."""

    address: tuple[str, int]
    tls: bool
    deadline: Deadline
    origin: Optional[Origin]
    opened: list[Client]

    def raw(self) -> Client:
        """A connection on which nothing was sent yet."""
        sock = socket.create_connection(self.address, timeout=self.deadline.left())
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if self.tls:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
            context.set_alpn_protocols(["h2"])
            sock = context.wrap_socket(sock, server_hostname=AUTHORITY)
            if sock.selected_alpn_protocol() != "h2":
                raise Failed(f"ALPN chose {sock.selected_alpn_protocol()}, expected h2")
        client = Client(sock, self.deadline, "https" if self.tls else "http")
        self.opened.append(client)
        return client

    def connect(self, values: frames.Settings = ()) -> Client:
        return self.raw().start(values)

    def need_origin(self) -> Origin:
        if self.origin is None:
            raise Skipped("needs an origin of ours behind the server")
        return self.origin


def refuses(*allowed: list[Outcome]) -> Callable[[Callable[[Client], Optional[int]]], Callable]:
    """Makes a case of a function that sends something wrong and returns the stream it concerns, if
    any. Nothing of a malformed request may have reached the origin as a whole request."""
    def decorate(send: Callable[[Client], Optional[int]]) -> Callable[[Context], None]:
        def run(context: Context) -> None:
            if context.origin:
                context.origin.take_requests()
            client = context.connect()
            client.expect(send(client) or 0, *allowed)
            if context.origin and MALFORMED in allowed:
                reached = [seen for seen in context.origin.take_requests()
                           if seen.split(" ")[1] not in (ECHO, BIG, SERVED)]
                if reached:
                    raise Failed(f"it was refused, but the origin saw {reached}")
        return run
    return decorate
