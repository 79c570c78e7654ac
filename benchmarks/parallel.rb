# frozen_string_literal: true

# A CPU-bound Ruby handler on two threads beside one; 10,000 handlers that wait half a second, on virtual threads.
#
# Both through the engine, from "worker started" to "all complete in the database". What the second takes of memory is the whole
# process's, so it depends on the heap that the JVM may use (JAVA_TOOL_OPTIONS=-Xmx256m bin/bench parallel); how many handlers waited at
# the same time is measured, not assumed.

require_relative "support/ground"

ROUNDS = Integer(ENV.fetch("BENCH_ROUNDS", "5"))
BUSY_STEPS = Integer(ENV.fetch("BENCH_BUSY_STEPS", "40"))
WAITING_STEPS = Integer(ENV.fetch("BENCH_WAITING_STEPS", "10000"))
NAP_SECONDS = 0.5
STEPS_PER_TASK = 100
WARM_UP_SECONDS = 20

# Some tens of milliseconds of Ruby.
def busy
  (1..200_000).reduce(0) { |sum, i| (sum * 31 + i) & 0xffff_ffff }
end

# Until the JIT has compiled it, which takes some hundred calls and would be measured instead of the engine.
def warm_up
  until_then = Process.clock_gettime(Process::CLOCK_MONOTONIC) + WARM_UP_SECONDS
  busy while Process.clock_gettime(Process::CLOCK_MONOTONIC) < until_then
end

# Seconds that a worker takes for what is in the database.
def work(ground, coordinator)
  worker = nil
  seconds = Ground.time do
    worker = coordinator.start_worker
    ground.await_end
  end
  worker.stop
  seconds
end

ground = Ground.new(max_parallel_steps: 1, environment: "test")
ground.coordinator.register_handler("bench.busy") { |_| { "sum" => busy } }
ground.coordinator.register_template(
  namespace: "bench", name: "busy", version: "1.0.0", steps: Array.new(BUSY_STEPS) { |i| { name: "s#{i}", handler: "bench.busy" } }
)
report = Report.new("parallel", ground.settings.merge("steps" => BUSY_STEPS))
warm_up
speeds = { 1 => [], 2 => [] }
(-3..ROUNDS).each do |round|
  speeds.each do |threads, measured|
    ground.coordinator.reconfigure(max_parallel_steps: threads)
    ground.coordinator.initialize_task(namespace: "bench", task_name: "busy")
    seconds = work(ground, ground.coordinator)
    measured << (BUSY_STEPS / seconds) if round.positive?
    report.progress(format("round %d: %d at once, %.1f busy steps/s", round, threads, BUSY_STEPS / seconds))
  end
end
report.result("cpu_bound_2_threads", speeds[2], unit: "steps/s", references: speeds[1])

if Ground.virtual_threads?
  patient = ground.coordinator_with(virtual_threads: true, max_parallel_steps: WAITING_STEPS)
  at_once = java.util.concurrent.atomic.AtomicInteger.new
  most = java.util.concurrent.atomic.AtomicInteger.new
  patient.register_handler("bench.nap") do |_|
    now = at_once.increment_and_get
    most.set(now) if now > most.get
    sleep NAP_SECONDS
    at_once.decrement_and_get
    nil
  end
  patient.register_template(
    namespace: "bench", name: "naps", version: "1.0.0", steps: Array.new(STEPS_PER_TASK) { |i| { name: "s#{i}", handler: "bench.nap" } }
  )
  heap_mb = java.lang.Runtime.runtime.max_memory >> 20
  report = Report.new("parallel", ground.settings.merge("steps" => WAITING_STEPS, "nap_s" => NAP_SECONDS, "max_heap_mb" => heap_mb))
  walls = []
  rss = []
  at_most = []
  (-1..ROUNDS).each do |round|
    patient.initialize_tasks(Array.new(WAITING_STEPS / STEPS_PER_TASK) { { namespace: "bench", task_name: "naps" } })
    most.set(0)
    memory = nil
    seconds = Ground.time do
      worker = patient.start_worker
      sleep 0.01 until most.get >= WAITING_STEPS * 9 / 10 || ground.ended?
      memory = Ground.rss_mb
      ground.await_end
      worker.stop
    end
    report.progress(format("round %d: %.2f s, %d MB, %d at once", round, seconds, memory, most.get))
    next unless round.positive?

    walls << seconds
    rss << memory
    at_most << most.get
  end
  report.result("virtual_threads_wall", walls, unit: "s", references: Array.new(ROUNDS, NAP_SECONDS))
  report.result("virtual_threads_rss", rss, unit: "MB")
  report.result("virtual_threads_at_once", at_most, unit: "handlers")
  patient.close
else
  report.progress("no virtual threads on this Java: they need 21 or later")
end
ground.close
