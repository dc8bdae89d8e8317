#!/usr/bin/env bash
# Draws the pictures of docs/diagrams from their texts. To be run by hand after a change of a text, with what it writes
# checked in: the drawing of another graphviz differs.
#
# usage: scripts/diagrams.sh
set -euo pipefail
cd -- "$(dirname -- "${BASH_SOURCE[0]}")/../docs/diagrams"
command -v dot >/dev/null || {
  echo 'scripts/diagrams.sh: dot not found: apt-get install graphviz' >&2
  exit 1
}
for text in *.dot; do
  dot -Tsvg "$text" | sed '/^<!--/,/-->$/d' >"${text%.dot}.svg"
done
