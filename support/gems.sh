#!/usr/bin/env bash
# Fetches the Ruby gems for working on tasker_core (the Gemfile's) for the chosen JRuby. They come from RubyGems, or if
# that cannot be reached from Debian's packages, unpacked without being installed. Writes the folder's name to
# gems.path.
set -euo pipefail
# shellcheck source=support/setup.sh
source "$(dirname "${BASH_SOURCE[0]}")/setup.sh"
cd "$ROOT"
choose_jruby

stamp=$JRUBY_HOME/gems.path
if [ -f "$stamp" ] && [ -d "$(cat "$stamp")" ] && [ ! Gemfile -nt "$stamp" ]; then exit; fi

from_rubygems() {
  local source
  source=$(sed -n 's/^source "\(.*\)"/\1/p' Gemfile)
  # Asked first, because Bundler takes long to notice that nobody answers.
  if command -v curl >/dev/null; then curl -fsIL --max-time 5 -o /dev/null "$source" 2>/dev/null || return 1; fi
  say "installing the Gemfile's gems from RubyGems ..."
  BUNDLE_PATH=build/gems/rubygems BUNDLE_APP_CONFIG=build/gems/bundle BUNDLE_TIMEOUT=10 BUNDLE_RETRY=1 \
    quick_jruby -S bundle install --quiet || return 1
  quick_jruby -e 'puts File.expand_path("build/gems/rubygems/jruby/#{RbConfig::CONFIG["ruby_version"]}")' >"$stamp.new"
}

debian_packages=(
  ruby-rspec ruby-rspec-core ruby-rspec-expectations ruby-rspec-mocks ruby-rspec-support ruby-diff-lcs rake-compiler
  ruby-sequel
)

download_debian_packages() { (cd build/gems/debian.new && apt-get "$@" -qq download "${debian_packages[@]}" >/dev/null 2>&1); }

# Some packages have their code in Debian's own folder, and only their specification among the gems.
link_gems_without_a_folder() {
  local specification gem
  for specification in "$1"/usr/share/rubygems-integration/all/specifications/*.gemspec; do
    gem=$1/usr/share/rubygems-integration/all/gems/$(basename "$specification" .gemspec)
    if [ ! -d "$gem" ]; then
      mkdir -p "$gem"
      ln -s ../../../../../lib/ruby/vendor_ruby "$gem/lib"
    fi
  done
}

from_debian() {
  local apt=$ROOT/build/gems/apt package
  command -v apt-get >/dev/null && command -v dpkg >/dev/null || return 1
  # Files that were unpacked before are used again while the list of packages is the same.
  if [ "$(cat build/gems/debian/packages 2>/dev/null)" != "${debian_packages[*]}" ]; then
    say "fetching RSpec, rake-compiler and Sequel from Debian's packages ..."
    rm -rf build/gems/debian.new
    mkdir -p build/gems/debian.new "$apt/lists/partial" "$apt/cache/archives/partial"
    if ! download_debian_packages; then
      # The system's lists of packages are missing or too old, so we use our own, which needs no root.
      local private=(-o "Dir::State::lists=$apt/lists" -o "Dir::Cache=$apt/cache" -o "APT::Sandbox::User=$(id -un)"
        -o Acquire::http::Timeout=20 -o Acquire::https::Timeout=20 -o Acquire::Retries=1)
      apt-get "${private[@]}" -qq update >/dev/null 2>&1 || true
      download_debian_packages "${private[@]}" || return 1
    fi
    for package in build/gems/debian.new/*.deb; do dpkg -x "$package" build/gems/debian.new; done
    link_gems_without_a_folder build/gems/debian.new
    echo "${debian_packages[*]}" >build/gems/debian.new/packages
    rm -rf build/gems/debian
    mv build/gems/debian.new build/gems/debian
  fi
  echo "$ROOT/build/gems/debian/usr/share/rubygems-integration/all" >"$stamp.new"
}

from_rubygems || from_debian ||
  die "the Gemfile's gems could be had neither from RubyGems nor from Debian's packages (apt-get); is there a network?"
mv "$stamp.new" "$stamp"
