# frozen_string_literal: true

# What bin/bench runs: each benchmark is a file of its own here, named after itself. Without a name: what there is.

require "tasker_core"
require_relative "support/report"

names = Dir[File.join(__dir__, "*.rb")].map { |file| File.basename(file, ".rb") }.sort - ["bench"]
wanted = ARGV.first

if wanted.nil?
  puts "bin/bench NAME... or all:", *names.map { |name| "  #{name.ljust(12)} #{Report.summary(File.join(__dir__, "#{name}.rb"))}" }
elsif names.include?(wanted)
  require_relative wanted
else
  abort "bin/bench: no such benchmark: #{wanted} (there are #{names.join(', ')})"
end
