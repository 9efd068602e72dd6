"""Evaluate a pipeline's configuration by rules that are copied from GitLab's source.

The schema of `.gitlab-ci.yml` and gitlab-ci-local do not know these rules. They are about missing stages, jobs with the
same name, the effect of `default:` on a component's job, and the types of inputs. This module only has the rules that
matter for our component and its consumers.
"""

import itertools
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import yaml

# Source: lib/gitlab/ci/config/entry/stages.rb, lib/gitlab/ci/config/edge_stages_injector.rb
STAGES: Final = ("build", "test", "deploy")
# GitLab defines these keys in lib/gitlab/ci/config/entry/default.rb.
DEFAULT_KEYS: Final = (
    "before_script", "after_script", "hooks", "cache", "image", "services", "interruptible", "timeout", "retry", "tags",
    "artifacts", "id_tokens", "identity",
)  # fmt: skip
# GitLab defines these keys in lib/gitlab/ci/config/entry/root.rb.
ROOT_KEYS: Final = frozenset({"default", "include", "stages", "variables", "workflow", "spec", "pages_settings"})
DEPRECATED_ROOT_KEYS: Final = frozenset({"image", "services", "cache", "before_script", "after_script"})
# The only function is truncate (lib/gitlab/ci/config/interpolation/functions/truncate.rb).
BLOCK: Final = re.compile(r"\$\[\[\s*inputs\.(\w+)\s*(?:\|\s*truncate\(\s*(\d+)\s*,\s*(\d+)\s*\)\s*)?\]\]")
# The types in lib/gitlab/ci/config/interpolation/inputs/*.rb of GitLab 17. GitLab 18 accepts any value for a string.
TYPES: Final[dict[str, type | tuple[type, ...]]] = {
    "string": str,
    "number": (int, float),
    "boolean": bool,
    "array": list,
}
# The patterns of app/models/environment.rb#guess_tier, in the same order.
TIERS: Final = {
    "development": r"dev|review|trunk",
    "testing": r"test|tst|int|ac(ce|)pt|qa|qc|control|quality",
    "staging": r"st(a|)g|mod(e|)l|pre|demo|non",
    "production": r"pr(o|)d|live",
}


class RefusedError(Exception):
    """GitLab would reject the pipeline, with this message."""


@dataclass(frozen=True, kw_only=True)
class Pipeline:
    """A configuration with resolved includes. ``extends`` and ``default`` are already applied to its jobs."""

    stages: tuple[str, ...]
    jobs: Mapping[str, Mapping[str, Any]]
    workflow: tuple[Mapping[str, Any], ...]
    warnings: tuple[str, ...]

    def created(self, variables: Mapping[str, str], *, changed: bool = True) -> set[str]:
        """Return the names of the jobs that GitLab would create.

        Args:
            variables: the predefined variables of the pipeline.
            changed: True if the commits of the pipeline change files that `changes` lists.
        """
        if self.workflow and not _matches(self.workflow, variables, changed=changed):
            return set()
        return {name for name, job in self.jobs.items() if self._runs(job, variables, changed=changed)}

    def _runs(self, job: Mapping[str, Any], variables: Mapping[str, str], *, changed: bool) -> bool:
        if "rules" in job:
            return _matches(job["rules"], variables, changed=changed)
        # Source: lib/gitlab/ci/config/entry/policy.rb, DEFAULT_ONLY. It does not apply with workflow:rules (processable.rb).
        return bool(self.workflow) or not {"CI_MERGE_REQUEST_IID"} & set(variables)


def read(text: str, template: str | Mapping[str, str]) -> Pipeline:
    """Evaluate a `.gitlab-ci.yml`.

    Args:
        text: the content of the file.
        template: the template of all included components, or the templates by the names of the components.

    Raises:
        RefusedError: GitLab would reject the pipeline.
    """
    own: dict[str, Any] = yaml.safe_load(text)
    included: dict[str, Any] = {}
    for entry in own.get("include", []):
        if "component" in entry:
            name = entry["component"].rpartition("/")[2].partition("@")[0]
            chosen = template if isinstance(template, str) else template[name]
            included = merged(included, interpolated(chosen, entry.get("inputs", {})))
    document = merged(included, {key: value for key, value in own.items() if key != "include"})
    workflow = tuple(document.get("workflow", {}).get("rules", ()))
    stages = (".pre", *document.get("stages", STAGES), ".post")
    names = [name for name in document if name not in ROOT_KEYS | DEPRECATED_ROOT_KEYS and not name.startswith(".")]
    if not names:
        raise RefusedError("jobs config should contain at least one visible job")
    jobs = {name: _inherited(_extended(document, name), document) for name in names}
    for name, job in jobs.items():
        for problem in _problems(name, job, jobs, stages):
            raise RefusedError(problem)
    return Pipeline(stages=stages, jobs=jobs, workflow=workflow, warnings=tuple(_warnings(jobs, has=bool(workflow))))


def interpolated(template: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """Insert the inputs into a component's template (lib/gitlab/ci/config/interpolation/template.rb)."""
    header, body = yaml.safe_load_all(template)
    declared = header["spec"]["inputs"]
    if strange := set(given) - set(declared):
        raise RefusedError(f"unknown input arguments: {', '.join(sorted(strange))}")
    values = {name: given.get(name, entry.get("default")) for name, entry in declared.items()}
    for name, entry in declared.items():
        _check_input(name, entry, values[name])
    put: dict[str, Any] = _put(body, values)
    return put


def _check_input(name: str, declared: Mapping[str, Any], value: Any) -> None:
    kind = declared.get("type", "string")
    if not isinstance(value, TYPES[kind]) or (kind == "number" and isinstance(value, bool)):
        raise RefusedError(f"`{name}` input: provided value is not a{'n' if kind == 'array' else ''} {kind}")
    if "options" in declared and value not in declared["options"]:
        raise RefusedError(f"`{name}` input: `{value}` cannot be used because it is not in the list of allowed options")
    if "regex" in declared and not re.search(declared["regex"], str(value)):
        raise RefusedError(f"`{name}` input: provided value does not match required RegEx pattern")


def _put(node: Any, values: Mapping[str, Any]) -> Any:
    if isinstance(node, dict):
        return {_put(key, values): _put(value, values) for key, value in node.items()}
    if isinstance(node, list):
        return [_put(item, values) for item in node]
    if not isinstance(node, str):
        return node
    # If a block is the whole value, its type is kept. Inside a text, it becomes text.
    if (whole := BLOCK.fullmatch(node)) and whole[2] is None:
        return values[whole[1]]
    return BLOCK.sub(lambda match: _cut(_shown(values[match[1]]), match[2], match[3]), node)


def _cut(text: str, offset: str | None, length: str | None) -> str:
    return text if offset is None else text[int(offset) : int(offset) + int(length or 0)]


def _shown(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def merged(below: Any, over: Any) -> Any:
    """Merge two files or jobs like Ruby's `deep_merge`: merge hashes key by key, and otherwise use the later value."""
    if not isinstance(below, dict) or not isinstance(over, dict):
        return over
    return below | {key: merged(below[key], value) if key in below else value for key, value in over.items()}


def _extended(document: Mapping[str, Any], name: str) -> dict[str, Any]:
    """Resolve `extends` like lib/gitlab/ci/config/extendable/entry.rb."""
    job = document[name]
    parents = job.get("extends") or []
    result: dict[str, Any] = {}
    for parent in [parents] if isinstance(parents, str) else parents:
        if parent not in document:
            raise RefusedError(f"{name}: unknown keys in `extends` ({parent})")
        result = merged(result, _extended(document, parent))
    result = merged(result, {key: value for key, value in job.items() if key != "extends"})
    return {key: value for key, value in result.items() if value is not None}


def _inherited(job: dict[str, Any], document: Mapping[str, Any]) -> dict[str, Any]:
    """Apply the defaults to a job like lib/gitlab/ci/config/entry/processable.rb#overwrite_entry.

    Defaults can also be outside `default:`, with the keys of entry/root.rb.
    """
    defaults = {key: document[key] for key in DEPRECATED_ROOT_KEYS & set(document)} | document.get("default", {})
    wanted = job.get("inherit", {}).get("default", True)
    keys = wanted if isinstance(wanted, list) else DEFAULT_KEYS if wanted else ()
    if strange := set(keys) - set(DEFAULT_KEYS):
        raise RefusedError(f"inherit:default config contains unknown values: {', '.join(sorted(strange))}")
    return {key: defaults[key] for key in keys if key in defaults} | job


def _problems(name: str, job: Mapping[str, Any], jobs: Mapping[str, Any], stages: tuple[str, ...]) -> Iterator[str]:
    if not {"script", "trigger", "run"} & set(job):
        yield f"jobs {name} config should implement the script:, run:, or trigger: keyword"
    # This check is validate_job_stage! in lib/gitlab/ci/yaml_processor.rb.
    if (stage := job.get("stage", "test")) not in stages:
        yield f"{name} job: chosen stage {stage} does not exist; available stages are {', '.join(stages)}"
    if job.get("rules") == []:
        yield f"jobs:{name}:rules config can't be blank"
    for need in job.get("needs", ()):
        needed = {"job": need} if isinstance(need, str) else need
        if needed["job"] not in jobs and not needed.get("optional"):
            yield f"{name} job: undefined need: {needed['job']}"
    # The AlphanumericValidator of lib/gitlab/config/entry/validators.rb.
    for key, value in job.get("variables", {}).items():
        if isinstance(value, bool) or not isinstance(value, str | int | dict):
            yield f"jobs:{name}:variables:{key} variable definition must be either a string or a hash"
    if not 0 <= _attempts(job) <= 2:
        yield f"jobs:{name}:retry max must be less than or equal to 2"
    yield from _environment_problems(name, job, jobs)


def _attempts(job: Mapping[str, Any]) -> int:
    retry = job.get("retry", 0)
    return int(retry["max"] if isinstance(retry, dict) else retry)


def _environment_problems(name: str, job: Mapping[str, Any], jobs: Mapping[str, Any]) -> Iterator[str]:
    environment = _environment(job)
    if environment is None:
        return
    if not (environment.get("name") or "").strip():
        yield f"jobs:{name}:environment name can't be blank"
    # This check is validate_on_stop_job! in lib/gitlab/ci/yaml_processor.rb.
    if (stop := environment.get("on_stop")) is not None:
        stopping = _environment(jobs.get(stop, {}))
        if stopping is None:
            yield f"{name} job: on_stop job {stop} is not defined"
        elif stopping.get("name") != environment["name"] or stopping.get("action") != "stop":
            yield f"{name} job: on_stop job {stop} needs to have action stop defined"


def _environment(job: Mapping[str, Any]) -> dict[str, Any] | None:
    given = job.get("environment")
    return {"name": given} if isinstance(given, str) else given


def tier(job: Mapping[str, Any]) -> str:
    """Return the tier of a job's environment: the given one, or the one that GitLab guesses from the name."""
    environment = _environment(job) or {}
    if given := environment.get("deployment_tier"):
        return str(given)
    name = environment["name"]
    return next((found for found, words in TIERS.items() if re.search(words, name, re.IGNORECASE)), "other")


def _warnings(jobs: Mapping[str, Any], *, has: bool) -> Iterator[str]:
    """Yield the warnings of lib/gitlab/ci/config/entry/processable.rb#validate_against_warnings."""
    for name, job in jobs.items():
        last = (job.get("rules") or [{}])[-1]
        if not has and set(last) == {"when"} and last["when"] != "never":
            yield f"jobs:{name} may allow multiple pipelines to run for a single action due to `rules:when` clause"


def _matches(rules: Any, variables: Mapping[str, str], *, changed: bool) -> bool:
    """Evaluate `rules` like lib/gitlab/ci/build/rules.rb: nested lists are flattened, and the first match decides."""
    for rule in itertools.chain.from_iterable(part if isinstance(part, list) else [part] for part in rules):
        if ("if" not in rule or holds(rule["if"], variables)) and ("changes" not in rule or changed):
            return bool(rule.get("when") != "never")
    return False


def holds(expression: str, variables: Mapping[str, str]) -> bool:
    """Evaluate the `if` of a rule: comparisons of variables, texts and patterns, joined by `&&` and `||`."""
    return any(all(_term(term, variables) for term in part.split("&&")) for part in expression.split("||"))


def _term(term: str, variables: Mapping[str, str]) -> bool:
    found = re.fullmatch(r"\s*\$(\w+)(?:\s*(==|!=|=~)\s*(\S.*?))?\s*", term)
    assert found, f"not understood: {term}"
    left, operator, right = variables.get(found[1], ""), found[2], found[3]
    if operator is None:
        return bool(left)
    if operator == "=~":
        return bool(re.search(right.strip("/"), left))
    other = right.strip('"') if right.startswith('"') else variables.get(right.removeprefix("$"), "")
    return (left == other) == (operator == "==")
