#!/usr/bin/env bash
# fetch.sh PART...: makes those parts that are missing under build/ (see need in setup.sh); one PostgreSQL at a time
set -euo pipefail
# shellcheck source=support/setup.sh
source "$(dirname "${BASH_SOURCE[0]}")/setup.sh"
cd "$ROOT"
choose_jruby

jars=lib/tasker_core/jars
made=build/maven/java/tasker_core
jruby=$(pom_version "jruby-$JRUBY")

jars_are_fresh() {
  [ -f $jars/tasker_core.jar ] && [ -f $jars/postgresql.jar ] && [ -f $made/.build ] &&
    [ -z "$(find pom.xml ext/java/src/main -newer $made/.build -print -quit)" ]
}

goals=() doing=()
for part in "$@"; do
  case $part in
    jars)
      jars_are_fresh || {
        goals+=(package -Dmaven.test.skip=true)
        doing+=("building the Java core")
      }
      ;;
    jruby)
      [ -f "$JRUBY_HOME/lib/jruby.jar" ] || {
        goals+=(dependency:copy@jruby "-Djruby.dist.version=$jruby")
        doing+=("fetching JRuby $jruby")
      }
      ;;
    postgres | postgres-*)
      line=${part#postgres}
      postgres=$(pom_version "postgres${line:--18}")
      [ -f "build/postgres/$postgres/embedded-postgres-$(pom_version embedded-postgres).jar" ] || {
        goals+=(dependency:copy-dependencies@postgres "-Dpostgres.version=$postgres")
        doing+=("fetching PostgreSQL $postgres")
      }
      ;;
    gems | rails | servlet) ;;
    *) die "no such part: $part" ;;
  esac
done

if [ ${#goals[@]} -gt 0 ]; then
  command -v mvn >/dev/null || die "Maven (mvn) is needed, and it was not found"
  say "$(printf '%s, ' "${doing[@]}" | sed 's/, $//') (the first time takes a minute or two) ..."
  # The jars get the time of their sources as they are now, because these may change before Maven has ended.
  touch build/.started
  JAVA_HOME=$TASKER_BUILD_JDK patiently build/maven.log mvn -B "${goals[@]}" || {
    grep -E '^\[(ERROR|FATAL)\]' build/maven.log >&2 || tail -40 build/maven.log >&2
    die "Maven failed (see above; its output is kept in build/maven.log)"
  }
fi

case " ${goals[*]-} " in
  *" package "*)
    mkdir -p $jars
    cp $made/*.jar $jars/
    mv build/.started $made/.build
    ;;
esac

case " ${goals[*]-} " in
  *" dependency:copy@jruby "*)
    # Unpacked beside its place and moved there, so that an interrupted run does not leave half a JRuby.
    rm -rf "$JRUBY_HOME" "$JRUBY_HOME.new"
    mkdir "$JRUBY_HOME.new"
    tar -xzf "$JRUBY_HOME.tar.gz" -C "$JRUBY_HOME.new" --strip-components 1
    mv "$JRUBY_HOME.new" "$JRUBY_HOME"
    rm "$JRUBY_HOME.tar.gz"
    ;;
esac

if [ -d "$JRUBY_HOME" ] && [ ! -f "$(archive)" ]; then
  # This only makes starts faster. Everything works without it, so a failure does not matter.
  "$JAVA_HOME/bin/java" "${JVM_FLAGS[@]}" -XX:ArchiveClassesAtExit="$(archive)" -Djruby.home="$JRUBY_HOME" \
    -cp "$JRUBY_HOME/lib/jruby.jar" org.jruby.Main -e 'require "json"; require "socket"; require "yaml"' >/dev/null 2>&1 || true
fi

case " $* " in
  *" gems "*) support/gems.sh ;;
esac
case " $* " in
  *" rails "*) support/rails.sh gems ;;
esac
case " $* " in
  *" servlet "*) support/rails.sh servlet ;;
esac
