"""The flags of flagd's test bed as requests to our API: what its expressions say, in our clauses.

An expression that flagd cannot evaluate selects nothing there; here it becomes a rule that matches nobody.
"""

import json
import pathlib

# What flagd's operators are called here; `~` and `^` are ranges of two clauses.
SEMVER = {"=": "semVerEqual", ">": "semVerGreaterThan", "<": "semVerLessThan"}
NOBODY = [{"attribute": "key", "op": "in", "values": []}]


def clause(attribute, op, value, negate=False):
    return {"attribute": attribute, "op": op, "values": [value], "negate": negate}


def attribute_of(expression):
    """The attribute behind {"var": "a.b"}, as a reference."""
    if not isinstance(expression, dict) or list(expression) != ["var"]:
        return None
    path = expression["var"]
    name = path[0] if isinstance(path, list) else path
    if name == "targetingKey":
        return "key"
    return "/" + name.replace(".", "/") if "." in name else name


def version(text):
    """A version as our operators take it: in three parts, without the letter."""
    numbers = text.lstrip("vV").partition("+")[0].partition("-")
    parts = (numbers[0].split(".") + ["0", "0"])[:3]
    return ".".join(parts) + numbers[1] + numbers[2]


def semver(attribute, op, operand):
    if op in SEMVER:
        return [clause(attribute, SEMVER[op], version(operand))]
    if op not in "~^" or len(op) != 1:
        return NOBODY
    low = version(operand)
    major, minor, _ = (int(part) for part in low.split("."))
    high = f"{major}.{minor + 1}.0" if op == "~" else f"{major + 1}.0.0"
    return [clause(attribute, "semVerLessThan", low, negate=True), clause(attribute, "semVerLessThan", high)]


def clauses(condition, evaluators):
    """The clauses that match where a condition is true."""
    ((op, operands),) = condition.items()
    if op == "$ref":
        return clauses(evaluators[operands], evaluators) if operands in evaluators else NOBODY
    if op == "==" and len(operands) == 2:
        attribute, value = attribute_of(operands[0]), operands[1]
        if attribute is None:
            attribute, value = attribute_of(operands[1]), operands[0]
        return [clause(attribute, "in", value)]
    attribute = attribute_of(operands[0])
    if op == "starts_with" and len(operands) == 2 and attribute:
        return [clause(attribute, "startsWith", operands[1])]
    if op == "ends_with" and len(operands) == 2 and attribute:
        return [clause(attribute, "endsWith", operands[1])]
    if op == "sem_ver" and len(operands) == 3 and attribute:
        return semver(attribute, operands[1], operands[2])
    return NOBODY


def fractional(entries, index):
    """A rollout that lets a value fall where flagd does; None for what it cannot say."""
    algorithm = {"algorithm": "flagd-v2"}
    if isinstance(entries[0], dict):
        if attribute_of(entries[0]) is None:
            return None
        algorithm["bucketBy"] = attribute_of(entries[0])
        entries = entries[1:]
    if not all(isinstance(e[0], str) and all(isinstance(w, int) for w in e[1:]) for e in entries):
        return None
    weights = [max(0, entry[1] if len(entry) > 1 else 1) for entry in entries]
    if not sum(weights):
        return None
    parts = [
        {"variation": index(entry[0]), "weight": weight * 100_000 // sum(weights)}
        for entry, weight in zip(entries, weights)
    ]
    return {**algorithm, "variations": parts}


def serve(index, variant):
    return {"codeDefault": True} if variant is None else {"variation": index(variant)}


def config(flag, evaluators):
    """What our configuration says of a flag; None for what it cannot say."""
    names = list(flag["variants"])
    index = names.index
    fallthrough = serve(index, flag.get("defaultVariant"))
    rules = []

    def rule(of, served):
        rules.append({"id": str(len(rules)), "clauses": of, **served})

    targeting = flag.get("targeting", {})
    while targeting:
        ((op, operands),) = targeting.items()
        if op == "fractional":
            rollout = fractional(operands, index)
            if rollout is None:
                return None
            fallthrough = {"rollout": rollout}
            break
        if op != "if":
            # What an operator says by itself is the name of a variant: true.
            rule(clauses(targeting, evaluators), serve(index, "true"))
            break
        condition, then, *otherwise = operands
        if "fractional" in condition:
            return None
        rule(clauses(condition, evaluators), serve(index, then))
        targeting = otherwise[0] if otherwise else None
        if isinstance(targeting, str):
            # What is selected otherwise is selected, too: by a rule that everybody matches.
            rule([], serve(index, targeting))
            break
    on = flag["state"] == "ENABLED"
    return {"on": on, "offVariation": None, "rules": rules, "fallthrough": fallthrough}


def writes(folder, environment):
    """Method, path and body of every request that makes the flags which our model can carry."""
    kit = json.loads((pathlib.Path(folder) / "flags/testkit-flags.json").read_text())
    kinds = {bool: "boolean", str: "string", int: "number", float: "number", dict: "json"}
    for key, flag in kit["flags"].items():
        document = config(flag, kit["$evaluators"])
        if document is None:
            continue
        variations = [{"name": name, "value": value} for name, value in flag["variants"].items()]
        body = {"key": key, "type": kinds[type(variations[0]["value"])], "variations": variations, "enabled": False}
        if "metadata" in flag:
            body["metadata"] = {"openFeature": flag["metadata"]}
        yield "POST", "/api/flags", body
        yield "PUT", f"/api/flags/{key}/config/{environment}", {"config": document}
