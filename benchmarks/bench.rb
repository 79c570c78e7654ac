# frozen_string_literal: true

# What bin/bench runs: each benchmark is a file of its own here, named after itself.

require "tasker_core"
require_relative "support/report"

names = Dir[File.join(__dir__, "*.rb")].map { |file| File.basename(file, ".rb") }.sort - ["bench"]
wanted = ARGV == ["all"] ? names : ARGV

if wanted.empty?
  puts "bin/bench NAME... or all:", *names.map { |name| "  #{name.ljust(12)} #{Report.summary(File.join(__dir__, "#{name}.rb"))}" }
  exit
end
unknown = wanted - names
abort "bin/bench: no such benchmark: #{unknown.join(', ')} (there are #{names.join(', ')})" if unknown.any?

wanted.each { |name| require_relative name }
