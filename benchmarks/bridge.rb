# frozen_string_literal: true

# What crossing the boundary costs: a call, values out and back, an error, a step, and many threads at once.

require "json"
require_relative "support/documents"
require_relative "support/duel"
require_relative "support/ground"
require_relative "support/repeat"

ground = Ground.new(max_parallel_steps: 4, parameters: "?socketFactory=io.taskercore.bench.TimedSockets")
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

# --- A step: what its handler threads use, less what the handler itself does with the same values ---

STEPS = Integer(ENV.fetch("BENCH_STEPS", "4000"))
FOUR = %w[one two three four].freeze

handler = lambda do |context|
  parent = context.results.values.first
  { "charge_id" => "ch_0000000000000001", "order_id" => context.payload["payload"]["order_id"], "currency" => "GBP",
    "parents" => parent ? parent["parents"] + 1 : 0, "message" => "charged, reserved and packed; nothing outstanding" }
end
# What the bridge gives to a handler, as plain Ruby.
plain_context = Struct.new(:payload, :results).new(Documents::REQUEST, { "one" => { "parents" => 1 } })

coordinator.register_handler("bench.bridge", &handler)
coordinator.register_template(
  namespace: "bench", name: "bridge", version: "1.0.0",
  steps: FOUR.each_with_index.map { |name, i| { name: name, handler: "bench.bridge", depends_on: i.zero? ? [] : [FOUR[i - 1]] } }
)

handler_threads = lambda do
  ids = Duel::CLOCK.get_thread_info(Duel::CLOCK.all_thread_ids).compact.select { |info| info.thread_name.include?("tasker-handler") }
  ids.to_h { |info| [info.thread_id, Duel::CLOCK.get_thread_cpu_time(info.thread_id)] }
end
run_steps = lambda do
  requests = Array.new(STEPS / 4) { { namespace: "bench", task_name: "bridge", payload: Documents::REQUEST } }
  requests.each_slice(500) { |slice| coordinator.initialize_tasks(slice) }
  ground.await_end
  handler_threads.call
end

worker = coordinator.start_worker
before = run_steps.call
3.times { before = run_steps.call }
overheads = Array.new(Duel::ROUNDS) do
  after = run_steps.call
  used = after.sum { |id, nanos| nanos - before.fetch(id, 0) } / STEPS.to_f
  before = after
  own = Duel.cpu_nanos
  STEPS.times { handler.call(plain_context) }
  own = (Duel.cpu_nanos - own) / STEPS.to_f
  report.progress("step_overhead_cpu: #{used.round} ns, of which #{own.round} are the handler's")
  (used - own) / 1000
end
worker.stop
report.result("step_overhead_cpu", overheads, unit: "us of CPU")

# --- Eight threads at once, with the SQL of their calls taken off ---

THREADS = 8
CALLS = Integer(ENV.fetch("BENCH_CALLS", "200"))
exchanges = Java::IoTaskercoreBench::TimedSockets
task = coordinator.list_tasks(namespace: "bench", limit: 1)["tasks"].first["task_id"]

storm = lambda do
  exchanges.drain
  threads = Array.new(THREADS) { Thread.new { Array.new(CALLS) { Ground.time { coordinator.task_context(task) } } } }
  calls = threads.flat_map(&:value)
  [Report.median(calls) * 1e3, Report.median(exchanges.drain.flat_map(&:to_a)) / 1e6]
end
20.times { storm.call } # in the first dozen the JIT still compiles
calls, sql = Array.new(Duel::ROUNDS) { storm.call }.transpose
report.result("task_context_8_threads", calls, unit: "ms", references: sql)
report.result("task_context_8_threads_less_sql", calls.zip(sql).map { |call, query| call - query }, unit: "ms")

ground.close
