"""A WebSocket server and client, for the tunnel's test.

    websocket_echo.py server            prints its port, then echoes every message until killed
    websocket_echo.py client ADDRESS    exchanges messages with the server behind ADDRESS
"""

import asyncio
import sys

import websockets

MEBIBYTE = 1 << 20


async def echo(socket):
    async for message in socket:
        await socket.send(message)


async def serve():
    async with websockets.serve(echo, "127.0.0.1", 0, max_size=4 * MEBIBYTE) as server:
        print(server.sockets[0].getsockname()[1], flush=True)
        await asyncio.Future()


async def talk(address):
    async with websockets.connect(f"ws://{address}/chat?room=1", max_size=4 * MEBIBYTE) as socket:
        for message in ("hello", "", "\u00e9\u4e16", bytes(range(256)), b"x" * MEBIBYTE):
            await socket.send(message)
            assert await socket.recv() == message, "the echo differs"
        await asyncio.wait_for(await socket.ping(), 15)
        for i in range(200):
            await socket.send(str(i))
        for i in range(200):
            assert await socket.recv() == str(i), "out of order"
        await socket.close(code=4001, reason="done")
    assert socket.close_code == 4001, socket.close_code
    print("ok")


if __name__ == "__main__":
    asyncio.run(serve() if sys.argv[1] == "server" else talk(sys.argv[2]))
