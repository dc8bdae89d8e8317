#!/usr/bin/env bash
# Draws the pictures of docs/diagrams from their texts. To be run by hand after a change of a text, with what it writes
# checked in: the drawing of another graphviz differs.
#
# usage: scripts/diagrams.sh
set -euo pipefail
# shellcheck source=lib.sh
source "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"
cd -- "$root/docs/diagrams"
command -v dot >/dev/null || die "dot not found: apt-get install graphviz"
for text in *.dot; do
  # Without comments: they name the version of graphviz.
  dot -Tsvg "$text" | sed '/^<!--.*-->$/d;/^<!--/,/-->$/d' >"${text%.dot}.svg"
done
