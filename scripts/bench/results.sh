# shellcheck shell=bash
# Part of bench.sh: writes the tables, the JSON, the graph and the documentation page.
# shellcheck disable=SC2154  # bench.sh sets the variables

processor() { sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1; }

about() {
  printf '{"date":"%s","kernel":"%s","processor":"%s","cores":%s,"memory_mib":%s,"scratchfs":"%s","quick":"%s","pinned_to":%s,"load":"%s","seconds":%s}' \
    "$(date -u +%FT%H:%MZ)" "$(uname -r)" "$(processor)" \
    "$(nproc)" "$(awk '/^MemTotal/ {print int($2 / 1024)}' /proc/meminfo)" \
    "$("$scratchfs" --version | head -n 1) $(git rev-parse --short HEAD 2>/dev/null || true)" \
    "$quick" "$cpu" "$load_before, $(load) after" "$SECONDS"
}

# Draws one line per figure and one mark per mount: its time as a multiple of tmpfs's.
draw() {
  local rows columns
  rows=$(($(wc -l <"$out/plot.data") - 1))
  ((rows > 0)) || return 0
  # Omit the names, tmpfs (the line at 1) and fio (it has no row here).
  columns=$(head -n 1 "$out/plot.data" | awk '{for (i = 2; i <= NF; i++) if ($i != "tmpfs" && $i != "fio") printf "%d ", i}')
  gnuplot 2>>"$out/errors" <<END || note "gnuplot could not draw: see $out/errors"
set terminal svg size 900,$((120 + 18 * rows)) dynamic noenhanced font "sans-serif,12" background "white"
set output "$out/bench.svg"
set title "Time taken, in times of tmpfs's (left is faster)"
set logscale x
set format x "%g x"
set xtics (0.01, 0.1, 0.5, 1, 2, 5, 10, 30, 100)
set grid xtics ytics lc rgb "#dddddd"
set yrange [$rows - 0.5:-0.5]
set key below
set arrow from 1, graph 0 to 1, graph 1 nohead lc rgb "#888888"
set datafile missing "?"
set pointsize 0.8
plot for [i in "$columns"] "$out/plot.data" using (column(int(i))):0:yticlabels(1) \
  with points pt 7 title columnheader(int(i))
END
}

report() {
  say "medians, and in brackets how many times tmpfs's (times: less is better; GB/s and k/s: more is better)"
  "$bench" report "$out/results" --about "$(about)" --json "$out/bench.json" --markdown "$out/bench.md" \
    --plot "$out/plot.data"
  draw
  [[ $docs == no ]] || write_docs
  printf '\nAfter %s s. JSON, markdown and picture: %s\n' "$SECONDS" "$out"
}

# Replaces the text between the two marks of the page.
write_docs() {
  local page=docs/performance.md
  {
    sed '/^<!-- figures -->$/q' "$page"
    printf '\n%s; %s cores, %s; Linux %s; load %s. Medians.\n\n' "$(date -u +%F)" "$(nproc)" \
      "$(processor)" "$(uname -r)" \
      "$load_before before, $(load) after"
    printf '![Time taken, in times of tmpfs](performance.svg)\n\n'
    cat -- "$out/bench.md"
    printf '\n'
    sed -n '/^<!-- end of figures -->$/,$p' "$page"
  } >"$out/performance.md"
  mv -- "$out/performance.md" "$page"
  cp -- "$out/bench.svg" docs/performance.svg
}
