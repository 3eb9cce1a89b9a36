"""The agent inside the Windows service manager: ``python -m agent.services.windows_host --data FOLDER``.

pywin32 answers the manager; the agent runs in an event loop as it does under ``gorod-agent run``. A person never starts this.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import logging.handlers
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from agent.config import BESIDE, read_config
from agent.services.plan import SERVICE

if TYPE_CHECKING:
    from agent.service import Service

_LOG_BYTES: Final = 5 << 20
_LOG_FILES: Final = 3


class Hosted:
    """An agent that another thread, the service manager's, may stop."""

    def __init__(self, data: Path) -> None:
        self._data = data
        self._loop: asyncio.AbstractEventLoop | None = None
        self._service: Service | None = None

    def run(self) -> None:
        """Until :meth:`stop`."""
        asyncio.run(self._run())

    async def _run(self) -> None:
        from agent.service import Service

        self._loop = asyncio.get_running_loop()
        self._service = Service(read_config(self._data, self._data / BESIDE, os.environ))
        await self._service.run()

    def stop(self) -> None:
        """From any thread."""
        if self._loop is not None and self._service is not None:
            self._loop.call_soon_threadsafe(self._service.stop)


def keep_log(data: Path) -> None:
    """A service has no console: the log goes to files beside the data, oldest overwritten."""
    handler = logging.handlers.RotatingFileHandler(
        data / "agent.log", maxBytes=_LOG_BYTES, backupCount=_LOG_FILES, encoding="utf-8"
    )
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s %(message)s"))
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)


def framework(data: Path) -> type[Any]:
    """The class that pywin32 makes into a service."""
    import win32serviceutil

    class AgentService(win32serviceutil.ServiceFramework):  # type: ignore[misc]  # pywin32 has no types
        """Start and stop, as the manager asks."""

        _svc_name_ = SERVICE
        _svc_display_name_ = "Gorod agent"

        def __init__(self, arguments: list[str]) -> None:
            super().__init__(arguments)
            self.hosted = Hosted(data)

        def SvcDoRun(self) -> None:  # noqa: N802  pywin32's name
            """Run the agent; returning ends the service."""
            self.hosted.run()

        def SvcStop(self) -> None:  # noqa: N802  pywin32's name
            """Asked to stop."""
            import win32service

            self.ReportServiceStatus(win32service.SERVICE_STOP_PENDING)
            self.hosted.stop()

    return AgentService


def main() -> None:
    """What the service manager starts."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", type=Path, required=True)
    data = parser.parse_args().data
    keep_log(data)
    import servicemanager

    servicemanager.Initialize()
    servicemanager.PrepareToHostSingle(framework(data))
    servicemanager.StartServiceCtrlDispatcher()


if __name__ == "__main__":
    main()
