"""openfeature-sdk with openfeature-provider-ofrep: every evaluation is a request."""

import threading
import time

from openfeature import api
from openfeature.contrib.provider.ofrep import OFREPProvider
from openfeature.evaluation_context import EvaluationContext

import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent))
from driver import drive  # noqa: E402


class Client:
    def __init__(self, config, changed):
        headers = {"Authorization": f"Bearer {config['credential']}"}
        api.set_provider(OFREPProvider(config["url"], headers_factory=lambda: headers))
        self.client = api.get_client()
        # It hears of no changes.
        threading.Thread(target=self.again, args=(changed,), daemon=True).start()

    @staticmethod
    def again(changed):
        while True:
            changed()
            time.sleep(0.02)

    def detail(self, flag, fallback, context):
        attributes = dict(context)
        asked = EvaluationContext(attributes.pop("key", None), attributes)
        getters = {bool: "boolean", type(None): "boolean", str: "string", int: "float", float: "float"}
        getter = getattr(self.client, f"get_{getters.get(type(fallback), 'object')}_details")
        typed = float(fallback) if isinstance(fallback, int) and not isinstance(fallback, bool) else fallback
        found = getter(flag, False if typed is None else typed, asked)
        if found.error_code:
            return fallback, None, found.error_code.value
        return found.value, int(found.variant) if found.variant else None, found.reason.value

    def flush(self):
        pass

    def close(self):
        api.shutdown()


drive(Client)
