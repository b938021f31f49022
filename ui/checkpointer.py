"""Give LangGraph Studio's server the checkpoints of the chat application: one SQLite file for both."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import aiosqlite
from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver

from lucy.settings import load_settings


@asynccontextmanager
async def make_checkpointer() -> AsyncGenerator[AsyncSqliteSaver]:
    """Open the checkpoints in the data folder, for `langgraph.json`."""
    home = (await asyncio.to_thread(load_settings)).home
    await asyncio.to_thread(home.mkdir, parents=True, exist_ok=True)
    connection = await aiosqlite.connect(home / "checkpoints.db", timeout=30)
    try:
        await connection.execute("PRAGMA synchronous=NORMAL")
        saver = AsyncSqliteSaver(connection)
        await saver.setup()
        yield saver
    finally:
        await connection.close()
