"""Prefect, and only here: thin flows over molgen's functions.

molgen owns identity, parallelism and resume (the store of units); Prefect owns schedule, visibility, retry and cancel.
A flow and the plain command write the same bytes. The flows run without a server that somebody started, and against
one: see prefect.toml and prefect.yaml in the root of the checkout.
"""

import os
from pathlib import Path

# The settings of prefect.toml that the flows cannot do without, for a folder that has no such file. Prefect reads both
# when it is imported; a setting in the environment goes first in either case.
SETTINGS = {
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",  # nothing leaves the machine
    "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "180",
    "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_BATCH_SIZE": "500",
    "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_READ_BATCH_SIZE": "500",
    "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_FLUSH_INTERVAL": "1",
    "PREFECT_LOGGING_EXTRA_LOGGERS": "molgen",
}

if not Path("prefect.toml").is_file():
    for name, value in SETTINGS.items():
        os.environ.setdefault(name, value)
