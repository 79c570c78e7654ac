#!/usr/bin/env bash
# rails.sh gems: fetches Rails, Rack, Puma and Sequel for the chosen JRuby, for the specs and the example. They come
# from RubyGems, or if that cannot be reached from Debian's packages, unpacked without being installed. Writes the value
# for GEM_PATH to rails.path, and the one for servlet containers, which need an older Rack, to rails-servlet.path.
# rails.sh servlet: fetches a servlet container and jruby-rack.
set -euo pipefail
# shellcheck source=support/setup.sh
source "$(dirname "${BASH_SOURCE[0]}")/setup.sh"
cd "$ROOT"
choose_jruby

case $JRUBY in
  9.4) rails=6.1 puma=5.6.5 release=bookworm line=javax ;;
  10.1) rails=7.2 puma=6.6.0 release=trixie line=jakarta ;;
esac

run_maven() {
  JAVA_HOME=$TASKER_BUILD_JDK patiently build/maven-rails.log mvn -B -f support/rails/pom.xml "$@" || {
    grep -E '^\[(ERROR|FATAL)\]' build/maven-rails.log >&2 || tail -40 build/maven-rails.log >&2
    die "Maven failed (see above; its output is kept in build/maven-rails.log)"
  }
}

# --- The servlet container ---

fetch_servlet() {
  [ -f build/servlet/$line/.complete ] && [ ! support/rails/pom.xml -nt build/servlet/$line/.complete ] && return
  say "fetching Jetty and jruby-rack ..."
  rm -rf build/servlet/$line
  run_maven "-P$line" dependency:copy-dependencies@servlet
  touch build/servlet/$line/.complete
}

# --- From RubyGems ---

from_rubygems() {
  local source name
  source=$(sed -n 's/^source "\(.*\)"/\1/p' "support/rails/$rails.gemfile")
  # Asked first, because Bundler takes long to notice that nobody answers.
  if command -v curl >/dev/null; then curl -fsIL --max-time 5 -o /dev/null "$source" 2>/dev/null || return 1; fi
  say "installing Rails $rails from RubyGems ..."
  for name in "$rails" "$rails-servlet"; do
    [ -f "support/rails/$name.gemfile" ] || continue
    BUNDLE_GEMFILE=support/rails/$name.gemfile BUNDLE_PATH=build/gems/rails-$name BUNDLE_APP_CONFIG=build/gems/bundle-rails \
      BUNDLE_TIMEOUT=10 BUNDLE_RETRY=1 quick_jruby -S bundle install --quiet || return 1
  done
  quick_jruby -e 'puts File.expand_path("build/gems/rails-'"$rails"'/jruby/#{RbConfig::CONFIG["ruby_version"]}")' >"$stamp.new"
  sed "s|/rails-$rails/|/rails-$rails-servlet/|" "$stamp.new" >"$servlet_stamp.new"
  [ -f "support/rails/$rails-servlet.gemfile" ] || cp "$stamp.new" "$servlet_stamp.new"
}

# --- From Debian ---

debian_packages=(
  ruby-railties ruby-actionpack ruby-actionview ruby-activesupport ruby-activejob ruby-activemodel ruby-activerecord ruby-globalid
  ruby-rack ruby-rack-test ruby-rails-dom-testing ruby-rails-html-sanitizer ruby-loofah ruby-crass ruby-builder ruby-erubi
  ruby-i18n ruby-tzinfo ruby-method-source ruby-thor ruby-zeitwerk ruby-nio4r ruby-sequel
)

# apt RELEASE ARGS: apt-get with our own lists for one release, from the servers that the system uses; needs no root
apt() {
  local release=$1 apt=$ROOT/build/gems/apt/$1
  shift
  apt-get -o "Dir::Etc::sourcelist=$apt/sources.list" -o Dir::Etc::sourceparts=- -o "Dir::State::lists=$apt/lists" \
    -o "Dir::Cache=$apt/cache" -o "APT::Sandbox::User=$(id -un)" -o Acquire::http::Timeout=20 -o Acquire::https::Timeout=20 \
    -o Acquire::Retries=2 -qq "$@"
}

use_release() {
  local apt=$ROOT/build/gems/apt/$1 server keyring=/usr/share/keyrings/debian-archive-keyring.gpg
  server=$(apt-get indextargets --format '$(REPO_URI) $(COMPONENT) $(RELEASE)' "Created-By: Packages" 2>/dev/null |
    sed -n 's|^\([^ ]*/debian/*\) main [a-z]*$|\1|p' | head -1)
  [ -n "$server" ] || return 1
  mkdir -p "$apt/lists/partial" "$apt/cache/archives/partial"
  [ -f $keyring ] && server="[signed-by=$keyring] $server"
  printf '%s\n' "deb $server $1 main" "deb-src $server $1 main" >"$apt/sources.list"
  apt "$1" update >/dev/null 2>&1 || true # the download reports failures
}

# unpack RELEASE FOLDER PACKAGE...: puts each package's gem and specification into a folder, as RubyGems has them
unpack() {
  local release=$1 folder=$2 unpacked=$2/debian specification name
  shift 2
  mkdir -p "$unpacked" "$folder/gems" "$folder/specifications"
  (cd "$unpacked" && apt "$release" download "$@" >/dev/null 2>&1) || return 1
  for package in "$unpacked"/*.deb; do dpkg -x "$package" "$unpacked"; done
  while read -r specification; do
    name=$(basename "$specification" .gemspec)
    # Removes three things from the specification: C code to compile, which is not for JRuby; JRuby's newer Minitest,
    # which needs more; and the exact versions of Nokogiri and concurrent-ruby, so that those we have can be used.
    sed '/s.extensions *=/d; /^# stub: ext/d; /<minitest>/s/">= 5/"~> 5/; /<nokogiri>\|<concurrent-ruby>/s/\[.*\]/[">= 1.0"]/' "$specification" >"$folder/specifications/$name.gemspec"
    if [ -d "$(dirname "$specification")/../gems/$name" ]; then
      cp -rL "$(dirname "$specification")/../gems/$name" "$folder/gems/"
    else # the code is in Debian's own folder
      mkdir -p "$folder/gems/$name"
      cp -r "$unpacked/usr/lib/ruby/vendor_ruby" "$folder/gems/$name/lib"
    fi
  done < <(find "$unpacked/usr" -name '*.gemspec' -path '*/rubygems-integration/*/specifications/*')
  rm -rf "$unpacked"
}

# Gems with Java code, which Debian leaves out.
add_java_gems() {
  local jars=build/gems/jars
  [ -d $jars ] || run_maven dependency:copy@gems
  unzip -qo "$jars"/asciidoctorj-epub3-*.jar '*/nokogiri-*' '*/racc-*' -d "$1"
  unzip -qo "$jars"/asciidoctorj-pdf-*.jar '*/concurrent-ruby-*' -d "$1"
}

# On JRuby, Puma's parser is Java; its source package has it.
add_puma() {
  local folder=$1 source=$1/puma-source gem=$1/gems/puma-$puma
  mkdir -p "$source/classes" "$gem"
  (cd "$source" && apt "$release" --tar-only --download-only source "puma" >/dev/null 2>&1)
  tar -xzf "$source"/puma_"$puma".orig.tar.gz -C "$gem" --strip-components 1 || return 1
  "$JAVA_HOME/bin/javac" -nowarn -proc:none -cp "$JRUBY_HOME/lib/jruby.jar" -d "$source/classes" \
    "$gem"/ext/puma_http11/org/jruby/puma/*.java "$gem/ext/puma_http11/PumaHttp11Service.java" >/dev/null 2>&1 || return 1
  (cd "$source/classes" && "$JAVA_HOME/bin/jar" cf "$gem/lib/puma/puma_http11.jar" .)
  rm -rf "$source"
  specification puma "$puma" "nio4r >= 2.0" >"$folder/specifications/puma-$puma.gemspec"
}

# specification NAME VERSION [DEPENDENCY REQUIREMENT]
specification() {
  echo "Gem::Specification.new { |s| s.name = '$1'; s.version = '$2'; s.summary = '$1'; s.authors = []; s.bindir = 'bin'"
  if [ "$1" = puma ]; then echo "s.executables = %w[puma pumactl]"; fi
  if [ -n "${3:-}" ]; then echo "s.add_runtime_dependency('${3%% *}', '${3#* }')"; fi
  echo "}"
}

# Rack 2 contains what has gems of its own for Rack 3. The first versions of those gems say so, and are empty.
use_rack_2() {
  local folder=$1 gem
  rm -rf "$folder"/{gems,specifications}/{rack-3,rack-session-,rackup-,webrick-}*
  for gem in rack-session-1.0.2 rackup-1.0.1; do
    mkdir -p "$folder/gems/$gem/lib"
    specification "${gem%-*}" "${gem##*-}" "rack < 3" >"$folder/specifications/$gem.gemspec"
  done
  unpack bookworm "$folder" ruby-rack
}

from_debian() {
  local folder=$ROOT/build/gems/rails-$rails-debian
  command -v apt-get >/dev/null && command -v dpkg >/dev/null && command -v unzip >/dev/null || return 1
  if [ ! -f "$folder/.complete" ] || [ support/rails.sh -nt "$folder/.complete" ]; then
    say "fetching Rails $rails, Rack, Puma and Sequel from Debian's packages ..."
    rm -rf "$folder" "$folder.new" "$folder-servlet"
    use_release "$release" || return 1
    if [ "$rails" = 7.2 ]; then debian_packages+=(ruby-minitest ruby-rack-session ruby-rackup ruby-webrick ruby-useragent ruby-connection-pool); fi
    patiently build/rails.log unpack "$release" "$folder.new" "${debian_packages[@]}" || return 1
    add_java_gems "$folder.new"
    add_puma "$folder.new" || return 1
    if [ "$rails" = 7.2 ]; then
      use_release bookworm || return 1
      cp -r "$folder.new" "$folder-servlet"
      use_rack_2 "$folder-servlet" || return 1
    fi
    mv "$folder.new" "$folder"
    touch "$folder/.complete"
  fi
  echo "$folder" >"$stamp.new"
  if [ -d "$folder-servlet" ]; then folder=$folder-servlet; fi
  echo "$folder" >"$servlet_stamp.new"
}

fetch_gems() {
  stamp=$JRUBY_HOME/rails.path servlet_stamp=$JRUBY_HOME/rails-servlet.path
  if [ -f "$stamp" ] && [ -d "$(cat "$stamp")" ] && [ ! support/rails.sh -nt "$stamp" ] &&
    [ ! "support/rails/$rails.gemfile" -nt "$stamp" ]; then return; fi
  from_rubygems || from_debian ||
    die "Rails $rails could be had neither from RubyGems nor from Debian's packages (apt-get); is there a network?"
  mv "$servlet_stamp.new" "$servlet_stamp"
  mv "$stamp.new" "$stamp"
}

for part in "$@"; do
  case $part in
    gems) fetch_gems ;;
    servlet) fetch_servlet ;;
  esac
done
