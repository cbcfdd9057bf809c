"""What every Python client is driven by: commands on standard input, one answer each on standard output.

`drive(connect)` calls `connect(config, changed)` with `config = {url, credential, context, options}`, which gives, once
the client has its flags, an object with `detail(flag, fallback, context)` -> (value, variation, reason), `flush()` and
`close()`. The client calls `changed()` whenever the library says that flags may have changed.
"""

import json
import sys
import threading
import traceback


def drive(connect):
    """Answers commands until there are no more."""
    change = threading.Condition()
    count = 0

    def changed(*_):
        nonlocal count
        with change:
            count += 1
            change.notify_all()

    def tell(thing):
        sys.stdout.write(json.dumps(thing) + "\n")
        sys.stdout.flush()

    def detail(about, flag, fallback):
        value, variation, reason = client.detail(flag, fallback, about["context"])
        return {"value": value, "variation": variation, "reason": reason}

    def evaluate(about):
        found = {}
        for _ in range(about.get("times", 1)):
            for flag, fallback in about["flags"].items():
                found[flag] = detail(about, flag, fallback)
        return found

    def until(about):
        while True:
            seen = count
            found = detail(about, about["flag"], about["fallback"])
            if found["value"] == about["value"]:
                return found
            with change:
                change.wait_for(lambda: count != seen)

    doers = {
        "evaluate": evaluate,
        "until": until,
        "flush": lambda _: client.flush(),
        "close": lambda _: client.close(),
    }
    try:
        client = connect(json.loads(sys.argv[1]), changed)
        tell({"ready": True})
        for line in sys.stdin:
            ((name, about),) = json.loads(line).items()
            tell({"answer": doers[name](about)})
            if name == "close":
                return
    except Exception:  # Whatever it is, the test is to show it.
        tell({"error": traceback.format_exc()})
