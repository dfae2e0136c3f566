"""A scripted HTTP/2 upstream, to which the gateway connects (h2c with prior knowledge)."""

import socket
import threading
import traceback
from typing import Callable, Optional

import frames
from frames import Error
from peer import Deadline, Failed, Fields, Message, Peer

OK: Fields = [(":status", "200"), ("content-type", "text/plain")]
BODY = b"from the upstream"
# What requests that are to be broken have at the end of their path; others are answered well.
BROKEN = "/broken"


class UpstreamConnection(Peer):
    """One connection that the gateway has made. Runs in a thread of its own."""

    serves = True

    def __init__(self, upstream: "Upstream", sock: socket.socket, deadline: Deadline,
                 number: int) -> None:
        super().__init__(sock, deadline)
        self.upstream = upstream
        self.number = number
        # Streams that may have been opened without knowledge of the settings.
        self.early: set[int] = set()
        self._headed: set[int] = set()
        self._answered: set[int] = set()

    def start(self, values: frames.Settings = ()) -> None:
        """Reads the preface and sends SETTINGS."""
        preface = self.take(len(frames.PREFACE))
        if preface != frames.PREFACE:
            raise Failed(f"the gateway's preface is {preface!r}")
        self.send(frames.settings(values))

    def pump(self) -> bool:
        alive = super().pump()
        with self.upstream.changed:
            self.upstream.changed.notify_all()
        return alive

    def serve(self) -> None:
        """Answers requests by the upstream's rules until the connection ends."""
        self.answer_all()
        while self.pump():
            self.answer_all()

    def answer_all(self) -> None:
        for stream, message in list(self.streams.items()):
            if message.heads and stream not in self._headed:
                self._headed.add(stream)
                if self.broken(message):
                    self.upstream.on_head(self, stream)
            if message.ended and stream not in self._answered:
                self._answered.add(stream)
                if self.broken(message):
                    self.upstream.on_request(self, stream)
                else:
                    self.answer(stream)

    def path(self, stream: int) -> str:
        return dict(self.message(stream).heads[0]).get(":path", "")

    def broken(self, message: Message) -> bool:
        return dict(message.heads[0]).get(":path", "").endswith(BROKEN)

    def head(self, stream: int, fields: Fields = OK, end: bool = False) -> None:
        self.send(frames.headers(stream, self.block(fields), end))

    def answer(self, stream: int, body: bytes = BODY, more: Fields = ()) -> None:
        """A response that is right."""
        self.send(frames.headers(stream, self.block([*OK, *more])),
                  frames.data(stream, body, end=True))

    def refuse(self, stream: int, code: int = Error.REFUSED_STREAM) -> None:
        self.send(frames.rst_stream(stream, code))


Script = Callable[[UpstreamConnection], None]
Answer = Callable[[UpstreamConnection, int], None]


def _serve(connection: UpstreamConnection) -> None:
    connection.start()
    connection.serve()


class Upstream:
    """Listens from the start, so that a gateway can be configured with its port.

    `on_connection` runs for each connection; by default it serves. Serving calls `on_head` and
    `on_request` for the requests whose path ends with BROKEN and answers the others.
    """

    def __init__(self) -> None:
        self.changed = threading.Condition()
        self.connections: list[UpstreamConnection] = []
        self.problems: list[str] = []
        self.on_connection: Script = _serve
        self.on_head: Answer = lambda connection, stream: None
        self.on_request: Answer = lambda connection, stream: connection.answer(stream)
        self._deadline: Optional[Deadline] = None
        self._listener = socket.socket()
        self._listener.bind(("127.0.0.1", 0))
        self._listener.listen(64)
        self.port: int = self._listener.getsockname()[1]

    def begin(self, deadline: Deadline) -> None:
        """From now on connections are accepted."""
        self._deadline = deadline
        threading.Thread(target=self._accept, daemon=True).start()

    def end(self) -> None:
        try:
            self._listener.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self._listener.close()
        with self.changed:
            for connection in self.connections:
                connection.close()

    def wait(self, what: str, done: Callable[[], bool]) -> None:
        """Until something is true of the connections."""
        assert self._deadline is not None
        with self.changed:
            if not self.changed.wait_for(done, self._deadline.left()):
                raise Failed(f"the upstream has not seen {what}")

    def requests(self, path: str = "") -> list[tuple[UpstreamConnection, int]]:
        """The requests whose path ends so, in order."""
        return [(connection, stream) for connection in list(self.connections)
                for stream, message in list(connection.streams.items())
                if message.heads and connection.path(stream).endswith(path)]

    def _accept(self) -> None:
        while True:
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            assert self._deadline is not None
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            connection = UpstreamConnection(self, sock, self._deadline, len(self.connections))
            with self.changed:
                self.connections.append(connection)
                self.changed.notify_all()
            threading.Thread(target=self._run, args=(connection,), daemon=True).start()

    def _run(self, connection: UpstreamConnection) -> None:
        try:
            self.on_connection(connection)
        except Failed as failure:
            if not connection.deadline.over():
                self.problems.append(str(failure))
        except OSError:
            pass  # end() has closed it
        except Exception:  # a mistake in the script must not pass for the gateway's
            self.problems.append(traceback.format_exc())
        connection.close()
