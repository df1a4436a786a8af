#!/bin/sh
# check_python.sh PYTHON: say in one sentence why PYTHON cannot build the environment, or say nothing.
# Plain POSIX shell, because the interpreter in question may be missing or too old to read our Python.

python=${1:-python3}

stop() {
    printf 'ssl_explain: %s\n' "$1" >&2
    exit 1
}

remedy="name a newer one, for example: make lab PYTHON=/path/to/python3.12"

command -v "$python" >/dev/null 2>&1 ||
    stop "there is no Python interpreter \"$python\" here; install Python 3.11 or newer, or $remedy"

version=$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null) ||
    stop "\"$python\" does not run as a Python interpreter; $remedy"

major=${version%%.*}
minor=${version#*.}
if [ "$major" -lt 3 ] || { [ "$major" -eq 3 ] && [ "$minor" -lt 11 ]; }; then
    stop "Python 3.11 or newer is needed, but \"$python\" is Python $version; $remedy"
fi

"$python" -c 'import venv, ensurepip' 2>/dev/null ||
    stop "\"$python\" lacks the venv module; on Debian or Ubuntu run: apt-get install python$version-venv, then try again"
