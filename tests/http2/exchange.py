"""What a client of either version of HTTP sees when it asks through the gateway."""

import socket
import struct
from dataclasses import dataclass, field
from typing import Any, BinaryIO, Optional

import frames
from client import AUTHORITY, Client
from frames import Error, Setting
from peer import Deadline, Failed, Fields, Text
from subjects import UPSTREAM
from upstream import BODY, BROKEN, Upstream

H1 = "h1"
H2 = "h2"
BOTH = (H1, H2)


@dataclass
class Answer:
    """A response; `complete` is false when it was cut."""

    status: int = 0
    fields: list[tuple[str, str]] = field(default_factory=list)
    body: bytes = b""
    trailers: list[tuple[str, str]] = field(default_factory=list)
    interim: list[int] = field(default_factory=list)
    complete: bool = False
    never_indexed: set[str] = field(default_factory=set)  # names, over HTTP/2

    def __str__(self) -> str:
        return (f"status {self.status} with {len(self.body)} octets"
                f"{'' if self.complete else ', cut'}")


@dataclass
class Question:
    """A request. A body goes to HTTP/1.1 with its length, unless `more` says that it is chunked;
    trailers go to HTTP/2 only. Who leaves does so when the response begins."""

    path: str
    method: str = "GET"
    more: Fields = ()
    body: Optional[bytes] = None
    trailers: Fields = ()
    leaves: bool = False


@dataclass
class ClientContext:
    """What a case of the client half is given: an upstream of its own, and ways to ask for it."""

    address: tuple[str, int]
    place: int
    upstream: Upstream
    deadline: Deadline
    # Whether the subject may end the client's stream in place of answering 502.
    drops: bool = False

    def path(self, name: str) -> str:
        return UPSTREAM.format(self.place).rstrip("/") + name

    def ask(self, via: str = H1, name: str = BROKEN, **how: Any) -> Answer:
        """One request on a connection of its own; `how` are the members of Question."""
        question = Question(path=self.path(name), **how)
        with socket.create_connection(self.address, timeout=self.deadline.left()) as sock:
            ask = ask_h1 if via == H1 else ask_h2
            return ask(sock, self.deadline, question)

    def expect_next(self, via: str = H1) -> None:
        """A request that the upstream answers well is served."""
        answer = self.ask(via, "/next")
        if (answer.status, answer.body, answer.complete) != (200, BODY, True):
            raise Failed(f"then the next request: expected status 200, saw {answer}")

    def failed(self, answer: Answer, statuses: tuple[int, ...] = (502,)) -> bool:
        """Whether the client was told that its request has failed, and nothing else."""
        return (answer.complete and answer.status in statuses
                or self.drops and answer.status == 0)

    def check_upstream(self) -> None:
        if self.upstream.problems:
            raise Failed("the upstream says: " + "; ".join(self.upstream.problems))


def ask_h1(sock: socket.socket, deadline: Deadline, question: Question) -> Answer:
    body = question.body
    fields = [(_text(name), _text(value)) for name, value in question.more]
    if body is not None and ("transfer-encoding", "chunked") in fields:
        body = b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body)
    elif body is not None:
        fields.append(("content-length", str(len(body))))
    lines = [f"{question.method} {question.path} HTTP/1.1", f"Host: {AUTHORITY}",
             *(f"{name}: {value}" for name, value in fields)]
    answer = Answer()
    sock.settimeout(deadline.left())
    try:
        sock.sendall("\r\n".join([*lines, "", ""]).encode("latin-1") + (body or b""))
    except (BrokenPipeError, ConnectionResetError):
        pass  # an early answer may be there all the same
    if question.leaves:
        sock.recv(1)
        # Closing resets the connection.
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        return answer
    with sock.makefile("rb") as reader:
        try:
            _read_h1(reader, question.method, answer)
        except TimeoutError as error:
            raise Failed(f"no answer in time; so far {answer}") from error
        except (OSError, ValueError):
            pass  # it was cut: `complete` says so
    return answer


def _text(text: Text) -> str:
    return text.decode("latin-1") if isinstance(text, bytes) else text


def _read_h1(reader: BinaryIO, method: str, answer: Answer) -> None:
    """Fills in what comes; raises ValueError where it ends too early."""
    while True:
        line = reader.readline().decode("latin-1")
        if not line.startswith("HTTP/1.1 "):
            raise ValueError(line)
        answer.fields = _read_fields(reader)
        answer.status = int(line.split(" ")[1])
        if answer.status >= 200:
            break
        answer.interim.append(answer.status)
    fields = {name: value for name, value in answer.fields}
    if method == "HEAD" or answer.status in (204, 304):
        answer.complete = True
    elif fields.get("transfer-encoding") == "chunked":
        while (size := int(reader.readline(), 16)) > 0:
            part = reader.read(size + 2)
            answer.body += part[:size]
            if len(part) != size + 2:
                raise ValueError("cut in a chunk")
        answer.trailers = _read_fields(reader)
        answer.complete = True
    elif "content-length" in fields:
        answer.body = reader.read(int(fields["content-length"]))
        answer.complete = len(answer.body) == int(fields["content-length"])
    else:
        answer.body = reader.read()
        answer.complete = True


def _read_fields(reader: BinaryIO) -> list[tuple[str, str]]:
    fields = []
    while (line := reader.readline()) != b"\r\n":
        if not line.endswith(b"\r\n"):
            raise ValueError("cut in the fields")
        name, _, value = line.decode("latin-1").partition(":")
        fields.append((name.lower(), value.strip()))
    return fields


def ask_h2(sock: socket.socket, deadline: Deadline, question: Question) -> Answer:
    client = Client(sock, deadline).start({Setting.INITIAL_WINDOW_SIZE: 1 << 20})
    stream = client.new_stream()
    block = client.block(client.request(question.method, question.path, question.more))
    client.send(frames.headers(stream, block, end=question.body is None))
    if question.body is not None:
        client.upload(stream, question.body, end=not question.trailers)
    if question.trailers:
        client.send(frames.headers(stream, client.block(question.trailers), end=True))
    message = client.message(stream)
    if question.leaves:
        client.until("the head", lambda: bool(message.heads))
        client.send(frames.rst_stream(stream, Error.CANCEL))
        client.barrier()
        return Answer()
    client.until("the response", lambda: message.ended or message.reset is not None)
    # A broken response is no reason to end what other requests may be on.
    client.barrier()
    return Answer(message.status or 0, list(message.fields), bytes(message.body), message.trailers,
                  message.interim, message.ended and not message.reset, message.never_indexed)
