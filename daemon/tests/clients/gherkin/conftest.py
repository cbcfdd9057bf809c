"""Which scenarios of flagd's suite our model cannot carry, and why; each is tried all the same, and has to fail."""

import pytest

# Whole scenarios, by tag or by the name of their function.
OTHERWISE = {
    "non-existent-evaluator-ref": "nobody is in a segment that there is not, which is no error",
    "fractional-nested": "the parts of a rollout are variations and weights, not expressions",
    "test_fractional_operator": "a rollout divides by an attribute, not by an expression over several",
    "test_fractional_operator_with_shared_seed": "a rollout divides by an attribute, not by an expression",
    "test_second_fractional_operator_with_shared_seed": "a rollout divides by an attribute, not by an expression",
    "test_fractional_operator_with_missing_bucket_key_falls_back_to_default_variant": "who lacks it falls at 0",
    "test_fractional_with_allzero_bucket_weights_falls_back_to_default_variant": "a rollout has no empty whole",
}

# Examples of a scenario, by tag; its others are carried.
EXAMPLES = {
    "semver-v-prefix": ("a version has no letter", [{"version": "v1.0.0"}, {"version": "V1.0.0"}]),
    "semver-partial-version": (
        "a version is a text",
        [{"version": "1", "type": "Integer"}, {"version": "1", "type": "Float"}, {"version": "1.2", "type": "Float"}],
    ),
    "semver-numeric-context": (
        "a version is a text",
        [{"version": "1.2", "type": "Float"}, {"version": "2", "type": "Integer"}],
    ),
}


def why_not(item):
    tags = {mark.name for mark in item.iter_markers()} | {item.originalname}
    example = item.callspec.params.get("_pytest_bdd_example", {}) if hasattr(item, "callspec") else {}
    for tag, reason in OTHERWISE.items():
        # Of a flag that there is not, the caller's value is served.
        if tag in tags and example.get("value") != "fallback":
            return reason
    for tag, (reason, examples) in EXAMPLES.items():
        if tag in tags and any(one.items() <= example.items() for one in examples):
            return reason
    return None


def pytest_collection_modifyitems(items):
    for item in items:
        reason = why_not(item)
        if reason:
            item.add_marker(pytest.mark.xfail(reason=reason, strict=True))
