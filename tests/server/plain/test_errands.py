# SPDX-License-Identifier: GPL-3.0-or-later
"""What waits for the worker beside jobs: so many, and no more."""

import asyncio

import pytest
from pose_to_anime.generation_server.jobs.errands import MOST_ERRANDS, Errands, TooManyErrands


def test_only_so_many_wait_and_one_who_goes_makes_room():
    async def play() -> list[object]:
        errands = Errands()
        sent: list[str] = []
        asking = [asyncio.create_task(errands.ask({"n": n}, lambda: None)) for n in range(MOST_ERRANDS - 1)]
        await asyncio.sleep(0)
        asking.append(asyncio.create_task(errands.ask({"n": -1}, lambda: lambda message: sent.append(message["id"]))))
        await asyncio.sleep(0)
        assert len(sent) == len(errands) == MOST_ERRANDS, "sent ones count as well"
        with pytest.raises(TooManyErrands, match="try again once some are done"):
            await errands.ask({}, lambda: None)
        asking.pop(0).cancel()
        await asyncio.sleep(0)
        asking.append(asyncio.create_task(errands.ask({"n": -2}, lambda: lambda message: sent.append(message["id"]))))
        await asyncio.sleep(0)
        for number in sent:
            errands.hear({"id": number, "kind": "answer", "answer": number})
        return list(await asyncio.gather(*asking))

    assert len(set(asyncio.run(asyncio.wait_for(play(), 30)))) == MOST_ERRANDS
