"""What GitLab makes of a pipeline's configuration, written anew from its source.

The schema of `.gitlab-ci.yml`, and gitlab-ci-local, know nothing of this: stages that are not there, jobs of one name,
what `default:` does to the job of a component, the inputs' types. Only what a component and its consumers use.
"""

import itertools
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import yaml

# lib/gitlab/ci/config/entry/stages.rb, lib/gitlab/ci/config/edge_stages_injector.rb
STAGES: Final = ("build", "test", "deploy")
# lib/gitlab/ci/config/entry/default.rb
DEFAULT_KEYS: Final = (
    "before_script", "after_script", "hooks", "cache", "image", "services", "interruptible", "timeout", "retry", "tags",
    "artifacts", "id_tokens", "identity",
)  # fmt: skip
# lib/gitlab/ci/config/entry/root.rb
ROOT_KEYS: Final = frozenset({"default", "include", "stages", "variables", "workflow", "spec", "pages_settings"})
DEPRECATED_ROOT_KEYS: Final = frozenset({"image", "services", "cache", "before_script", "after_script"})
# Of the functions only truncate (lib/gitlab/ci/config/interpolation/functions/truncate.rb).
BLOCK: Final = re.compile(r"\$\[\[\s*inputs\.(\w+)\s*(?:\|\s*truncate\(\s*(\d+)\s*,\s*(\d+)\s*\)\s*)?\]\]")
# lib/gitlab/ci/config/interpolation/inputs/*.rb of 17.x; 18.x takes anything for a string.
TYPES: Final[dict[str, type | tuple[type, ...]]] = {
    "string": str,
    "number": (int, float),
    "boolean": bool,
    "array": list,
}
# app/models/environment.rb#guess_tier, in this order
TIERS: Final = {
    "development": r"dev|review|trunk",
    "testing": r"test|tst|int|ac(ce|)pt|qa|qc|control|quality",
    "staging": r"st(a|)g|mod(e|)l|pre|demo|non",
    "production": r"pr(o|)d|live",
}


class RefusedError(Exception):
    """The pipeline is invalid; the text is GitLab's."""


@dataclass(frozen=True, kw_only=True)
class Pipeline:
    """A configuration with its includes, its jobs as they will run: extended, and with the defaults they inherit."""

    stages: tuple[str, ...]
    jobs: Mapping[str, Mapping[str, Any]]
    workflow: tuple[Mapping[str, Any], ...]
    warnings: tuple[str, ...]

    def created(self, variables: Mapping[str, str], *, changed: bool = True) -> set[str]:
        """The jobs that a pipeline with these predefined variables has; ``changed``: whether any file of `changes` is."""
        if self.workflow and not _matches(self.workflow, variables, changed=changed):
            return set()
        return {name for name, job in self.jobs.items() if self._runs(job, variables, changed=changed)}

    def _runs(self, job: Mapping[str, Any], variables: Mapping[str, str], *, changed: bool) -> bool:
        if "rules" in job:
            return _matches(job["rules"], variables, changed=changed)
        # lib/gitlab/ci/config/entry/policy.rb, DEFAULT_ONLY; with workflow:rules it does not apply (processable.rb).
        return bool(self.workflow) or not {"CI_MERGE_REQUEST_IID"} & set(variables)


def read(text: str, template: str | Mapping[str, str]) -> Pipeline:
    """The pipeline of a `.gitlab-ci.yml` whose components are all ``template``, or one of these by their names.

    Raises ``RefusedError``.
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
    """The component with the inputs put in, node by node (lib/gitlab/ci/config/interpolation/template.rb)."""
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
    # A block that is the whole value keeps its type; within a text everything is text.
    if (whole := BLOCK.fullmatch(node)) and whole[2] is None:
        return values[whole[1]]
    return BLOCK.sub(lambda match: _cut(_shown(values[match[1]]), match[2], match[3]), node)


def _cut(text: str, offset: str | None, length: str | None) -> str:
    return text if offset is None else text[int(offset) : int(offset) + int(length or 0)]


def _shown(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def merged(below: Any, over: Any) -> Any:
    """Two files, or two jobs of one name: hashes key by key, anything else the later one (Ruby's `deep_merge`)."""
    if not isinstance(below, dict) or not isinstance(over, dict):
        return over
    return below | {key: merged(below[key], value) if key in below else value for key, value in over.items()}


def _extended(document: Mapping[str, Any], name: str) -> dict[str, Any]:
    """As lib/gitlab/ci/config/extendable/entry.rb does."""
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
    """lib/gitlab/ci/config/entry/processable.rb#overwrite_entry; entry/default.rb for the keys outside `default:`."""
    defaults = {key: document[key] for key in DEPRECATED_ROOT_KEYS & set(document)} | document.get("default", {})
    wanted = job.get("inherit", {}).get("default", True)
    keys = wanted if isinstance(wanted, list) else DEFAULT_KEYS if wanted else ()
    if strange := set(keys) - set(DEFAULT_KEYS):
        raise RefusedError(f"inherit:default config contains unknown values: {', '.join(sorted(strange))}")
    return {key: defaults[key] for key in keys if key in defaults} | job


def _problems(name: str, job: Mapping[str, Any], jobs: Mapping[str, Any], stages: tuple[str, ...]) -> Iterator[str]:
    if not {"script", "trigger", "run"} & set(job):
        yield f"jobs {name} config should implement the script:, run:, or trigger: keyword"
    # lib/gitlab/ci/yaml_processor.rb#validate_job_stage!
    if (stage := job.get("stage", "test")) not in stages:
        yield f"{name} job: chosen stage {stage} does not exist; available stages are {', '.join(stages)}"
    if job.get("rules") == []:
        yield f"jobs:{name}:rules config can't be blank"
    for need in job.get("needs", ()):
        needed = {"job": need} if isinstance(need, str) else need
        if needed["job"] not in jobs and not needed.get("optional"):
            yield f"{name} job: undefined need: {needed['job']}"
    # By the AlphanumericValidator of lib/gitlab/config/entry/validators.rb.
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
    # lib/gitlab/ci/yaml_processor.rb#validate_on_stop_job!
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
    """What the environment of a new deployment becomes: given, and then given anew each time, or guessed."""
    environment = _environment(job) or {}
    if given := environment.get("deployment_tier"):
        return str(given)
    name = environment["name"]
    return next((found for found, words in TIERS.items() if re.search(words, name, re.IGNORECASE)), "other")


def _warnings(jobs: Mapping[str, Any], *, has: bool) -> Iterator[str]:
    """As lib/gitlab/ci/config/entry/processable.rb#validate_against_warnings does."""
    for name, job in jobs.items():
        last = (job.get("rules") or [{}])[-1]
        if not has and set(last) == {"when"} and last["when"] != "never":
            yield f"jobs:{name} may allow multiple pipelines to run for a single action due to `rules:when` clause"


def _matches(rules: Any, variables: Mapping[str, str], *, changed: bool) -> bool:
    """As lib/gitlab/ci/build/rules.rb: the first that matches decides, none is never; lists within the list are flattened."""
    for rule in itertools.chain.from_iterable(part if isinstance(part, list) else [part] for part in rules):
        if ("if" not in rule or holds(rule["if"], variables)) and ("changes" not in rule or changed):
            return bool(rule.get("when") != "never")
    return False


def holds(expression: str, variables: Mapping[str, str]) -> bool:
    """An `if` of rules: variables, texts and patterns, compared, joined by `&&` and `||`; no brackets."""
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
