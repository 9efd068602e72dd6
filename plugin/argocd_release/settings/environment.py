"""Read settings from the job's environment: their values, and the names under which the user set them."""

from collections.abc import Mapping
from typing import Final

from argocd_release.settings.schema import PREFIX, PROPERTIES

# The component passes its inputs under names of their own. GitLab lets a group's variable win over a job's, and an
# input must win over both (https://docs.gitlab.com/ci/variables/#cicd-variable-precedence).
INPUT_PREFIX: Final = "INPUT_"
# The component sets this variable. A pipeline can use names such as RELEASE_IMAGE for itself, so in the component's job
# only the inputs set expectations.
COMPONENT: Final = "INPUT_COMPONENT"


def text(environ: Mapping[str, str], name: str) -> str:
    """Return the value of the setting without surrounding white space, or ``""`` if it is not set."""
    if given := _input(environ, name):
        return given
    return environ.get(name, "").strip() if _is_read(environ, name) else ""


def source(environ: Mapping[str, str], name: str) -> str:
    """Return the variable that holds the setting: the one that the component sets for its input, or its own."""
    return INPUT_PREFIX + name if environ.get(INPUT_PREFIX + name, "").strip() else name


def typed_name(environ: Mapping[str, str], name: str) -> str:
    """Return the name under which the reader can change the setting: ``input timeout`` or ``RELEASE_TIMEOUT``.

    In the component that is the input, unless the value comes from a variable, or the setting has no input.
    """
    title = PROPERTIES[name].get("x-input", "")
    given_as_variable = bool(environ.get(name, "").strip()) and _is_read(environ, name) and not _input(environ, name)
    in_component = COMPONENT in environ or bool(_input(environ, name))
    return f"input {title}" if title and in_component and not given_as_variable else name


def name_in_text(environ: Mapping[str, str], name: str, value: str) -> str:
    """Return the text for ``<NAME>`` or ``<NAME=value>``: the input in the component's job, else the variable."""
    if name not in PROPERTIES:
        return f"<{name}{f'={value}' if value else ''}>"
    shown = typed_name(environ, name)
    if shown == name:
        return f"{name}={value}" if value else name
    return f"the input `{PROPERTIES[name]['x-input']}: {value}`" if value else f"the {shown}"


def unknown_variables(environ: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    """Return the variables with our prefix that are not settings, each with the most similar setting or ``""``.

    The component has none: its inputs are the settings, and the variables belong to the pipeline.
    """
    if COMPONENT in environ:
        return ()
    settings = [name.removeprefix(PREFIX) for name in PROPERTIES if name.startswith(PREFIX)]
    names = [name.removeprefix(PREFIX) for name in sorted(environ) if name.startswith(PREFIX)]
    if set(names) <= set(settings):
        return ()
    import difflib  # noqa: PLC0415 - most jobs have no such variable

    # With the prefix, any two names would be similar.
    nearest = {name: difflib.get_close_matches(name, settings, 1) for name in names if name not in settings}
    return tuple((PREFIX + name, PREFIX + similar[0] if similar else "") for name, similar in nearest.items())


def ignored_variables(environ: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    """Return the settings that are set as variables although the component reads its inputs, each with its input."""
    return tuple(
        (name, declared["x-input"])
        for name, declared in PROPERTIES.items()
        if "x-input" in declared and environ.get(name, "").strip() and not _is_read(environ, name)
    )


def _input(environ: Mapping[str, str], name: str) -> str:
    """Return the value that the component passes for the setting's input, or ``""`` if the input is not used."""
    declared = PROPERTIES[name]
    if declared.get("x-secret") or name.startswith("CI_"):
        return ""
    given = environ.get(INPUT_PREFIX + name, "").strip()
    return "" if given == str(declared.get("x-input-unset", "")) else given


def _is_read(environ: Mapping[str, str], name: str) -> bool:
    """Return True if the job reads the plain variable.

    The component's job reads only the names of the guide, GitLab's own names and secrets.
    """
    declared = PROPERTIES[name]
    of_guide = not name.startswith(PREFIX) or "x-input-unset" in declared
    # A secret has no input, so only the variable can hold it.
    return COMPONENT not in environ or of_guide or bool(declared.get("x-secret"))
