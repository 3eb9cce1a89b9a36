#!/bin/sh
# Makes the virtual environment at the root from requirements.lock; quick when nothing has changed.
#
# Two stamps: the libraries are made anew when the lock, the Python or the folder changes, our own
# package is installed again when only pyproject.toml does. Settings: VENV (.venv), PYTHON (searched).
set -eu
cd "$(dirname "$0")/../.."
venv=${VENV:-.venv}

fail() { # sentence in Russian, sentence in English
    printf '%s\n%s\n' "$1" "$2" >&2
    exit 1
}

for tool in git make; do
    command -v "$tool" >/dev/null 2>&1 || fail \
        "Не найдена программа $tool: установите её командой «apt-get install $tool» и повторите." \
        "The program $tool is missing: install it with \"apt-get install $tool\" and try again."
done

python=
for candidate in ${PYTHON:-python3 python3.13 python3.12 python3.11}; do
    if "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; then
        python=$candidate
        break
    fi
done
[ -n "$python" ] || fail \
    "Не найден Python 3.11 или новее: установите его командой «apt-get install python3 python3-venv» и повторите." \
    "Python 3.11 or newer is missing: install it with \"apt-get install python3 python3-venv\" and try again."
"$python" -c 'import ensurepip, venv' >/dev/null 2>&1 || fail \
    "У Python нет модуля venv: установите его командой «apt-get install python3-venv» и повторите." \
    "This Python lacks its venv module: install it with \"apt-get install python3-venv\" and try again."

built_from="$(pwd) $("$python" -c 'import sys; print(sys.version, sys.base_prefix)' | tr '\n' ' ') $(sha256sum <requirements.lock)"
if [ "$(cat "$venv/.locked" 2>/dev/null || :)" != "$built_from" ]; then
    printf '%s\n' "Готовлю $venv, около минуты / preparing $venv, about a minute …" >&2
    "$python" -m venv --clear "$venv"
    # The lock is complete: --no-deps saves the resolver's work, compileall below uses all cores.
    "$venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-compile --no-deps \
        --require-hashes -r requirements.lock || fail \
        "Библиотеки не установлены: проверьте доступ этой машины к каталогу пакетов Python и повторите." \
        "The libraries were not installed: check that this machine reaches its Python package index and try again."
    # Some libraries carry templates that are not meant to compile.
    "$venv/bin/python" -m compileall -q -j 0 "$venv/lib" >/dev/null 2>&1 || :
    printf '%s' "$built_from" >"$venv/.locked"
fi

installed_from=$(sha256sum <pyproject.toml)
if [ "$(cat "$venv/.installed" 2>/dev/null || :)" != "$installed_from" ]; then
    "$venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
    printf '%s' "$installed_from" >"$venv/.installed"
fi

"$venv/bin/python" -m compileall -q agent collector portal proto install
