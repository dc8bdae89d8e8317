#!/usr/bin/env bash
# Renders the diagrams of docs/diagrams from their .dot files. Run it by hand after changing one and commit the .svg:
# another version of graphviz lays them out differently.
#
# usage: scripts/diagrams.sh
set -euo pipefail
# shellcheck source=lib.sh
source "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"
cd -- "$root/docs/diagrams"
command -v dot >/dev/null || die "dot not found: apt-get install graphviz"
for text in *.dot; do
  # Drop comments: they contain the version of graphviz.
  dot -Tsvg "$text" | sed '/^<!--.*-->$/d;/^<!--/,/-->$/d' >"${text%.dot}.svg"
done
