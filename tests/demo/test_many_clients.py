"""Many clients at once: memory is bounded, and the page answers others."""

from __future__ import annotations

import http.client
import os
import secrets
import socket
import threading
import time

import pytest

from tests.support.demo_client import Served, file_data
from tests.support.demo_requests import JUNK, PATHS, as_upload, encoded, peak_mb


def attack(served: Served, seconds: float, clients: int) -> tuple[list[float], list[str]]:
    """Send requests of all kinds by many clients.

    Returns:
        Seconds that the page took to answer others in the meantime, and errors of the clients.
    """
    end = time.monotonic() + seconds
    errors: list[str] = []
    functions = {name: served.function(name) for name in ("take_file", "take")}

    def client(number: int) -> None:
        turn = number
        while time.monotonic() < end:
            turn += 1
            try:
                one_request(turn)
            except (OSError, http.client.HTTPException) as error:
                errors.append(repr(error))

    def one_request(turn: int) -> None:
        session = secrets.token_hex(5)
        kind = turn % 8
        if kind == 0:
            served.upload(os.urandom(150_000))
        elif kind == 1:
            served.draw(os.urandom(150_000), "composite", drawing=session)
        elif kind == 2:
            path = served.uploaded(picture, cookie=f"lightning-gans-browser={secrets.token_hex(16)}")
            request = {
                "data": [file_data(path), "a_to_b", 0],
                "fn_index": functions["take_file"],
                "session_hash": session,
            }
            if served.post("/gradio_api/queue/join", request)[0] == 200 and turn % 16 == 2:
                served.ask("GET", f"/gradio_api/queue/data?session_hash={session}", b"", 60)
        elif kind == 3:
            request = {"data": ["x" * 90_000, "a_to_b", 0], "fn_index": functions["take"], "session_hash": session}
            served.post("/gradio_api/queue/join", request)
        elif kind == 4:
            served.ask("GET", PATHS[turn % len(PATHS)], b"", 60)
        elif kind == 5:
            served.ask("POST", "/gradio_api/upload", b"0" * 1000, 60, origin="https://evil.example")
        elif kind == 6:
            served.ask("POST", "/gradio_api/queue/join", JUNK[turn % len(JUNK)], 60, content_type="application/json")
        else:
            with socket.create_connection(("127.0.0.1", served.page.port)) as half:
                half.sendall(b"POST /gradio_api/upload HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 99999\r\n\r\n0")

    picture = encoded("PNG", (100, 100), "red")
    threads = [threading.Thread(target=client, args=[number]) for number in range(clients)]
    for thread in threads:
        thread.start()
    waits = []
    while time.monotonic() < end:
        start = time.monotonic()
        assert served.ask("GET", "/config", b"", 60)[0] == 200
        waits.append(time.monotonic() - start)
        time.sleep(0.2)
    for thread in threads:
        thread.join()
    return waits, errors


@pytest.mark.parametrize(("clients", "seconds"), [(6, 1), pytest.param(30, 20, marks=pytest.mark.slow)])
def test_many_clients_take_bounded_memory_and_the_page_answers(clients: int, seconds: float, served: Served) -> None:
    served.handled(*as_upload(file_data(served.uploaded(encoded("PNG", (100, 100), "blue")))))
    before = peak_mb(served)
    waits, errors = attack(served, seconds, clients)
    grown = peak_mb(served) - before
    print(f"{len(waits)} answers, the slowest in {max(waits):.1f} s; memory has grown by {grown:.0f} MB; {errors[:3]}")
    assert max(waits) < 20
    assert grown < 300
    end = time.monotonic() + 60
    path = served.uploaded(encoded("PNG", (50, 50), "green"), cookie=f"lightning-gans-browser={'0' * 32}")
    while (told := served.handled(*as_upload(file_data(path)))).startswith("503") and time.monotonic() < end:
        time.sleep(0.5)
    assert '"success":true' in told
