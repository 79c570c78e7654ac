# shellcheck shell=bash
# Sourced by the commands in bin/. Whatever they need beyond a JDK and Maven is fetched on first use into build/:
#
#   choose_jruby          picks JRuby and JDK ($JRUBY, or what fits the JDK in use)
#   need jars jruby ...   makes what is missing, with one call of Maven; costs some milliseconds when all is there
#   jruby ARGS            runs the chosen JRuby, undisturbed by other Rubies' settings
#
# Versions are the pom's; nothing is installed outside build/ and Maven's own repository.

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

say() { printf '%s\n' "$*" >&2; }
die() { say "$(basename "$0"): $*"; exit 1; }

# help_of FILE ARGS: where ARGS ask for help, prints the comment at the head of FILE, and ends; that takes no JVM
help_of() {
  local file=$1 arg
  shift
  for arg; do
    case $arg in
      -h | --help)
        sed -n '2,/^[^#]/s/^# \{0,1\}//p' "$file"
        exit
        ;;
    esac
  done
}

# patiently LOG COMMAND: runs a command with its output in LOG; after 5 s and again every 5 s it says what the command is at
patiently() {
  local log=$1 reporter result=0
  shift
  : >"$log"
  (
    while sleep 5 >/dev/null 2>&1 && kill -0 $$ 2>/dev/null; do
      what=$(sed -n 's|.*Downloading from .*/\([^/]*\)$|fetching \1|p; s|^\[INFO\] --- \([^ ]*\).*|\1|p' "$log" | tail -1)
      say "  $SECONDS s: ${what:-at work}"
    done
  ) &
  reporter=$!
  "$@" >>"$log" 2>&1 || result=$?
  kill $reporter 2>/dev/null
  wait $reporter 2>/dev/null || true
  return $result
}

# pom_version NAME: the property <NAME.version> of the pom
pom_version() { sed -n "s|.*<$1.version>\(.*\)</.*|\1|p" "$ROOT/pom.xml"; }

# Without a locale, as in a container, Java cannot name files beyond ASCII, and Ruby takes texts for ASCII.
case ${LC_ALL:-${LC_CTYPE:-${LANG:-C}}} in
  C | POSIX) export LC_ALL=C.UTF-8 ;;
esac

# --- JDKs ---

# java_major HOME: 17 for Java 17.0.15; nothing if HOME is no JDK. It reads a file, because starting a JVM takes longer.
java_major() {
  [ -x "$1/bin/javac" ] && sed -n 's/^JAVA_VERSION="\([0-9]*\).*/\1/p' "$1/release" 2>/dev/null
}

# All JDKs in order of preference: first the one in use, then the others, the newest first.
list_jdks() {
  local java home
  if [ -n "${JAVA_HOME:-}" ]; then
    echo "$JAVA_HOME"
  elif java=$(command -v java); then
    # On a Mac /usr/bin/java is a stub without a JDK behind its link; java_major drops it.
    dirname "$(dirname "$(readlink -f "$java")")"
  fi
  # Those of GitHub's machines are named by variables such as JAVA_HOME_17_X64.
  for home in $(for name in ${!JAVA_HOME_@}; do printf '%s\n' "${!name}"; done) /usr/lib/jvm/* /Library/Java/JavaVirtualMachines/*/Contents/Home "$HOME"/.sdkman/candidates/java/*; do
    echo "$(java_major "$home") $home"
  done | grep '^[0-9]' | sort -rn | cut -d' ' -f2-
}

# find_jdk MIN [MAX]: the first JDK within these versions
find_jdk() {
  local home major
  while read -r home; do
    major=$(java_major "$home") || continue
    if [ "${major:-0}" -ge "$1" ] && [ "$major" -le "${2:-999}" ]; then
      echo "$home"
      return
    fi
  done < <(list_jdks)
  return 1
}

# jdk_for 9.4|10.1: JRuby 9.4 is tested on the oldest Java that we promise; 10.1 needs 21
jdk_for() {
  case $1 in
    9.4) find_jdk 17 17 || find_jdk 17 ;;
    10.1) find_jdk 21 ;;
  esac
}

# --- JRuby ---

# Sets JRUBY, JRUBY_HOME and JAVA_HOME, also for processes that are started from here.
choose_jruby() {
  local jdk
  if [ -z "${JRUBY:-}" ]; then
    jdk=$(find_jdk 17) || die "a JDK of version 17 or later is needed, and none was found"
    if [ "$(java_major "$jdk")" -ge 21 ]; then JRUBY=10.1; else JRUBY=9.4; fi
  else
    case $JRUBY in
      9.4 | 10.1) ;;
      *) die "no such JRuby: $JRUBY (9.4 or 10.1)" ;;
    esac
    jdk=$(jdk_for "$JRUBY") || die "no JDK for JRuby $JRUBY was found (9.4: 17 or later, 10.1: 21 or later)"
  fi
  # The build stays with the JDK that was in use first, so that a second one does not compile everything again.
  export TASKER_BUILD_JDK=${TASKER_BUILD_JDK:-$(find_jdk 17)}
  export JRUBY JAVA_HOME=$jdk JRUBY_HOME=$ROOT/build/jruby/$(pom_version "jruby-$JRUBY")
  unset GEM_HOME GEM_PATH RUBYOPT RUBYLIB JRUBY_OPTS BUNDLE_GEMFILE BUNDLE_PATH

  # The same flags as in JRuby's own launcher: the same depth of recursion, and the same packages opened.
  JVM_FLAGS=(
    -Xss2048k
    --add-opens java.base/java.io=ALL-UNNAMED --add-opens java.base/java.nio.channels=ALL-UNNAMED
    --add-opens java.base/sun.nio.ch=ALL-UNNAMED --add-opens java.management/sun.management=ALL-UNNAMED
  )
  local major
  major=$(java_major "$jdk")
  if [ "$major" -ge 22 ]; then JVM_FLAGS+=(--enable-native-access=ALL-UNNAMED); fi
  if [ "$major" -ge 23 ]; then JVM_FLAGS+=(--sun-misc-unsafe-memory-access=allow); fi
}

# Short runs (demo, specs, console) start in half the time without the optimising compiler.
QUICK=-XX:TieredStopAtLevel=1

# The class-data archive of this JRuby on this JDK: a second less at each start.
archive() { echo "$JRUBY_HOME/java-$(sed -n 's/^JAVA_RUNTIME_VERSION="\(.*\)"/\1/p' "$JAVA_HOME/release").jsa"; }

# java_jruby FLAG_OF_THE_JVM ARGS. It does not use the distribution's launcher, which is slower to start and reads the
# environment. The log that is switched off is the JVM's own, which would comment on the archive.
java_jruby() {
  local flag=$1 main
  shift
  main=$(sed -n 's/^JRUBY_MAIN=//p' "$JRUBY_HOME/bin/.jruby.release")
  ${EXEC:-} "$JAVA_HOME/bin/java" "${JVM_FLAGS[@]}" -Xlog:disable -XX:SharedArchiveFile="$(archive)" \
    "$flag" -Djruby.home="$JRUBY_HOME" -cp "$JRUBY_HOME/lib/jruby.jar" "$main" "$@"
}
jruby() { java_jruby -Xshare:auto "$@"; }
quick_jruby() { java_jruby $QUICK "$@"; }
exec_jruby() { EXEC=exec jruby "$@"; }
exec_quick_jruby() { EXEC=exec quick_jruby "$@"; }

# --- What is fetched and built ---

# need PART...: jars, jruby, postgres (the newest) or postgres-14, gems; rails, and servlet to run it in Jetty
need() {
  mkdir -p "$ROOT/build"
  # One at a time, if the machine has flock: two Mavens in one folder would disturb each other.
  (
    if command -v flock >/dev/null; then flock 9; fi
    "$ROOT/support/fetch.sh" "$@" 9>&-
  ) 9>"$ROOT/build/.lock"
}

# gems_path: where `need gems` has put RSpec and rake-compiler for the chosen JRuby
gems_path() { cat "$JRUBY_HOME/gems.path"; }

# rails_path: where `need rails` has put Rails, Rack, Puma and Sequel for the chosen JRuby; rails_path -servlet: with the Rack
# that jruby-rack wants
rails_path() { cat "$JRUBY_HOME/rails${1:-}.path"; }
