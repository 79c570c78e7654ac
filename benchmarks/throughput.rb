# frozen_string_literal: true

# Steps per second through one worker, and tasks created per second, beside the batched floor.
#
# Each round takes the same number of tasks of four steps in sequence, with trivial Ruby handlers, through both: from "all
# submitted" to "all complete in the database". Commits and WAL are the server's own figures for that time. Tasks are created by as
# many callers at once as the floor has connections, and by one alone. The CPU of a step has in it what the JIT and the collector take,
# and the question whether all is complete, which this asks the server every 10 ms.

require_relative "support/ground"

TASKS = Integer(ENV.fetch("BENCH_TASKS", "2400"))
ROUNDS = Integer(ENV.fetch("BENCH_ROUNDS", "5"))
WARM_UPS = 6
CALLERS = 8

ground = Ground.new(max_parallel_steps: 10)
ground.coordinator.register_template(Ground::LINEAR)
report = Report.new("throughput", ground.settings.merge("tasks" => TASKS, "steps" => 4 * TASKS, "max_parallel_steps" => 10, "callers" => CALLERS))
requests = Array.new(TASKS) { |i| { namespace: "bench", task_name: "linear", payload: { "order" => i, "customer" => "Ada Lovelace" } } }
payload = JSON.generate("order" => 1, "customer" => "Ada Lovelace")
measured = Hash.new { |all, name| all[name] = [] }

(1 - WARM_UPS..ROUNDS).each do |round|
  floor_create = ground.floor.create(TASKS, payload)
  floor_wal = ground.wal_bytes
  floor_run = nil
  floor_cpu = ground.cpu.of { floor_run = ground.floor.run(TASKS) }
  floor_wal = ground.wal_bytes - floor_wal

  by_one, by_many = requests.each_slice(TASKS / 2).to_a
  create = Ground.time { ground.coordinator.initialize_tasks(by_one) }
  create_by_many = Ground.time do
    by_many.each_slice(by_many.size / CALLERS).map { |slice| Thread.new { ground.coordinator.initialize_tasks(slice) } }.each(&:join)
  end
  commits = ground.commits
  wal = ground.wal_bytes
  worker = run = nil
  cpu = ground.cpu.of do
    run = Ground.time do
      worker = ground.coordinator.start_worker
      ground.await_end
    end
  end
  wal = ground.wal_bytes - wal
  worker.stop
  sleep 1.1 # the server tells commits at most once a second
  commits = ground.commits - commits

  report.progress(format("round %d: %.0f steps/s (floor %.0f)", round, 4 * TASKS / run, 4 * TASKS / floor_run))
  next if round < 1

  measured[:steps] << (4 * TASKS / run)
  measured[:floor_steps] << (4 * TASKS / floor_run)
  measured[:created] << (by_many.size / create_by_many)
  measured[:created_by_one] << (by_one.size / create)
  measured[:floor_created] << (TASKS / floor_create)
  measured[:wal] << (wal / (4.0 * TASKS))
  measured[:floor_wal] << (floor_wal / (4.0 * TASKS))
  measured[:commits] << (commits / (4.0 * TASKS))
  measured[:cpu] << cpu
  measured[:floor_cpu] << floor_cpu
end

report.result("steps_per_s", measured[:steps], unit: "steps/s", references: measured[:floor_steps])
report.result("tasks_created_per_s", measured[:created], unit: "tasks/s", references: measured[:floor_created])
report.result("tasks_created_by_one_caller_per_s", measured[:created_by_one], unit: "tasks/s", references: measured[:floor_created])
report.result("wal_bytes_per_step", measured[:wal], unit: "bytes", references: measured[:floor_wal])
report.result("commits_per_step", measured[:commits], unit: "commits")
%i[server jvm].each do |whose|
  next if whose == :server && !ground.cpu.server?

  cpu, floor_cpu = measured.values_at(:cpu, :floor_cpu).map { |rounds| rounds.map { |used| used[whose] / (4.0 * TASKS) } }
  report.result("#{whose}_cpu_us_per_step", cpu, unit: "us of CPU", references: floor_cpu)
end
ground.close
