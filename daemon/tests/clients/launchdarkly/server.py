"""launchdarkly-server-sdk for Python; with `options.dataSystem` it speaks FDv2."""

import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent))

from ldclient import Context, LDClient  # noqa: E402
from ldclient.config import Config  # noqa: E402

from driver import drive  # noqa: E402


class Client:
    def __init__(self, config, changed):
        url = config["url"]
        more = {}
        if "dataSystem" in config["options"]:
            from ldclient.datasystem import default

            more["datasystem_config"] = default().build()
        self.client = LDClient(
            Config(
                config["credential"],
                base_uri=url,
                stream_uri=url,
                events_uri=url,
                diagnostic_opt_out=True,
                initial_reconnect_delay=0.1,
                stream=config["options"].get("stream", True),
                **more,
            ),
            start_wait=10,
        )
        if not self.client.is_initialized():
            raise RuntimeError("it is not initialized after 10 s")
        self.client.flag_tracker.add_listener(changed)

    def detail(self, flag, fallback, context):
        detail = self.client.variation_detail(flag, Context.from_dict(context), fallback)
        return detail.value, detail.variation_index, detail.reason

    def flush(self):
        self.client.flush()

    def close(self):
        self.client.close()


drive(Client)
