# frozen_string_literal: true

# What crossing the boundary costs: a call, values out and back, an error, a step, and many threads at once.

require "json"
require_relative "support/documents"
require_relative "support/duel"
require_relative "support/ground"
require_relative "support/repeat"

ground = Ground.new(max_parallel_steps: 4)
coordinator = ground.coordinator
report = Report.new("bridge", ground.settings.merge("json" => JSON::VERSION))

duel = lambda do |metric, thing, reference|
  measured = Duel.new(thing, reference)
  report.progress("#{metric}: #{Report.median(measured.times).round} ns, reference #{Report.median(measured.reference_times).round} ns")
  report.result(metric, measured.times.map { |nanos| nanos / 1000 }, unit: "us of CPU",
                references: measured.reference_times.map { |nanos| nanos / 1000 })
end

# --- A call, beside a method in Ruby that does as little ---

pure_ruby = Class.new do
  def initialize = @closed = false
  def closed? = @closed
end
native_handle = coordinator.instance_variable_get(:@native)

duel.call("native_call", Repeat.new(native_handle, "it.closed?"), Repeat.new(pure_ruby.new, "it.closed?"))
duel.call("coordinator_call", Repeat.new(coordinator, "it.closed?"), Repeat.new(pure_ruby.new, "it.closed?"))

# --- Values out to bytes and back, beside Ruby's own library ---

OUT = 'TaskerCore::Native.dump(it, "payload", 1 << 20)'
{ "request" => Documents::REQUEST, "context" => Documents::CONTEXT }.each do |name, document|
  json = JSON.generate(document)
  duel.call("#{name}_round_trip", Repeat.new(document, "TaskerCore::Native.parse(#{OUT})"),
            Repeat.new(document, "JSON.parse(JSON.generate(it))"))
  duel.call("#{name}_out", Repeat.new(document, OUT), Repeat.new(document, "JSON.generate(it)"))
  duel.call("#{name}_back", Repeat.new(json, "TaskerCore::Native.parse(it)"), Repeat.new(json, "JSON.parse(it)"))
end

# --- An error, beside one that Ruby raises, with equally many frames above ---

DEPTH = 20
raising = Class.new do
  def raise_here(argument) = raise(ArgumentError, "an Integer is wanted, not #{argument}")
end
at_depth = Class.new do
  def initialize(work) = @work = work
  def call(times) = descend(DEPTH, times)
  def descend(levels, times) = levels.zero? ? @work.call(times) : descend(levels - 1, times)
end
duel.call("error",
          at_depth.new(Repeat.new(coordinator, 'begin; it.task_context("7"); rescue TaskerCore::Error => e; e; end')),
          at_depth.new(Repeat.new(raising.new, 'begin; it.raise_here("7"); rescue ArgumentError => e; e; end')))
duel.call("error_with_backtrace",
          at_depth.new(Repeat.new(coordinator, 'begin; it.task_context("7"); rescue TaskerCore::Error => e; e.backtrace; end')),
          at_depth.new(Repeat.new(raising.new, 'begin; it.raise_here("7"); rescue ArgumentError => e; e.backtrace; end')))

ground.close
