# frozen_string_literal: true

# With `bundle exec`, or when GEM_PATH has all gems, as in bin/demo, without.
require "bundler/setup" if ENV["BUNDLE_GEMFILE"]
require "logger" # Rails before 7.1 counts on others to load it
