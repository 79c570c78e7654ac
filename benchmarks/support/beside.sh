# shellcheck shell=bash
# Sourced by bin/bench for --beside: the benchmarks of this checkout and of another one in turn. Only bin/bench of either is
# called, so the other may be older or newer than this one.

# bench_beside DIR NAME...
bench_beside() {
  local other=$1 turns=${BENCH_TURNS:-3} described there name turn
  shift
  [[ $turns =~ ^[1-9][0-9]*$ ]] || die "BENCH_TURNS is how many turns each takes, a whole number above 0, not '$turns'"
  for name in "$@"; do
    [ -f "$ROOT/benchmarks/$name.rb" ] || die "no such benchmark: $name (bin/bench lists them)"
  done
  described=$(git -C "$other" describe --always --dirty 2>/dev/null) || described=$(basename "$other")
  # Without a name it builds what it needs and lists its benchmarks: no turn is spent on a build.
  there=$("$other/bin/bench") || die "bin/bench of $other does not run"
  lines=$(mktemp -d)
  trap 'rm -rf "$lines"' EXIT

  for name in "$@"; do
    if ! grep -q "^  $name " <<<"$there"; then
      say "$name: $described has no such benchmark, so nothing is measured"
      continue
    fi
    rm -f "$lines"/*
    for turn in $(seq "$turns"); do
      say "$name, turn $turn of $turns: here"
      "$ROOT/bin/bench" "$name" | tee "$lines/here.$turn" || die "$name did not end well"
      say "$name, turn $turn of $turns: $described"
      "$other/bin/bench" "$name" >"$lines/there.$turn" || die "$name did not end well in $other"
    done
    quick_jruby "$ROOT/benchmarks/support/beside.rb" "$lines" "$described"
  done
}
