# frozen_string_literal: true

# What stays behind of a million round trips, a thousand coordinators, and a hundred thousand tasks.

require_relative "support/documents"
require_relative "support/footprint"
require_relative "support/ground"

ROUNDS = 5
ROUND_TRIPS = Integer(ENV.fetch("BENCH_ROUND_TRIPS", "1000000"))
COORDINATORS = Integer(ENV.fetch("BENCH_COORDINATORS", "1000"))
TASKS = Integer(ENV.fetch("BENCH_TASKS", "100000"))

ground = Ground.new(max_parallel_steps: 4, database_pool_size: 10)
coordinator = ground.coordinator
report = Report.new("memory", ground.settings)

# Does the work once to warm up, then in rounds, and tells how heap and process have grown since the first of them began.
growth = lambda do |name, per_round, settings, &work|
  work.call(per_round)
  heap = Footprint.heap
  resident = Footprint.resident
  grown = Array.new(ROUNDS) do |round|
    work.call(per_round)
    now = [Footprint.heap - heap, Footprint.resident.to_f - resident.to_f]
    report.progress(format("%s, round %d of %d: heap %+.2f MB, process %+.2f MB", name, round + 1, ROUNDS, *now))
    now
  end
  heaps, residents = grown.transpose
  report.result("#{name}_heap_growth", heaps, unit: "MB", value: heaps.last, settings: settings)
  report.result("#{name}_rss_growth", residents, unit: "MB", value: residents.last, settings: settings) if resident
end

growth.call("round_trips", ROUND_TRIPS / ROUNDS, { "round_trips" => ROUND_TRIPS }) do |times|
  times.times { TaskerCore::Native.parse(TaskerCore::Native.dump(Documents::REQUEST, "payload", 1 << 20)) }
end

coordinator.register_template(namespace: "bench", name: "single", version: "1.0.0", steps: [{ name: "one", handler: "bench.step" }])
single = { namespace: "bench", task_name: "single", payload: { "order" => 1 } }
connections = -> { ground.query("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()").to_i }

most = 0
growth.call("coordinators", COORDINATORS / ROUNDS, { "coordinators" => COORDINATORS }) do |times|
  times.times do
    dropped = ground.coordinator_with(database_pool_size: 10)
    dropped.register_handler("bench.step") { Ground::RESULT }
    dropped.handle_task(single)
  end
  most = [most, connections.call].max
end
report.result("coordinators_connections", [most], unit: "connections", settings: { "database_pool_size" => 10 })

worker = coordinator.start_worker
growth.call("tasks", TASKS / ROUNDS, { "tasks" => TASKS }) do |times|
  times.times.each_slice(1000) { |slice| coordinator.initialize_tasks(slice.map { single }) }
  ground.await_end
end
worker.stop
ground.close
