#!/usr/bin/env bash
# Renders the diagrams of docs/diagrams from their .dot files. Run it by hand after changing one and commit the .svg:
# another version of graphviz lays them out differently.
#
# usage: scripts/diagrams.sh
source "$(dirname -- "$0")/lib.sh"
parse_options "$@"
command -v dot >/dev/null || die "dot not found: apt-get install graphviz"
for text in docs/diagrams/*.dot; do
  # Drop comments: they contain the version of graphviz.
  dot -Tsvg "$text" | sed '/^<!--.*-->$/d;/^<!--/,/-->$/d' >"${text%.dot}.svg"
done
