# frozen_string_literal: true

# What a killed process held is claimed elsewhere: from its being found dead to the last claim, with 200 thousand tasks in progress and none.
#
# In each round, in either database, a process of its own claims as many steps as it has places for handlers, begins them all and is
# killed; a worker of this process finds it dead and claims them. Both times are those of the database's log. The tasks in progress
# were begun by a process that is gone, and each waits for a retry in a year.

require_relative "support/child"
require_relative "support/ground"

ROUNDS = Integer(ENV.fetch("BENCH_ROUNDS", "5"))
HELD = Integer(ENV.fetch("BENCH_HELD", "200"))
IN_PROGRESS = Integer(ENV.fetch("BENCH_IN_PROGRESS", "200000"))
LEASE_MS = 3_000

HOLD = { namespace: "bench", name: "hold", version: "1.0.0", steps: [{ name: "hold", handler: "bench.hold" }] }.freeze

HOLDER = <<~'RUBY'
  require "tasker_core"
  TaskerCore.logger = Logger.new($stderr, level: :warn)
  url, held, lease_ms = ARGV
  coordinator = TaskerCore.create_coordinator_with_config(
    database_url: url, max_parallel_steps: Integer(held), lease_ms: Integer(lease_ms))
  begun = Queue.new
  coordinator.register_handler("bench.hold") { begun << 1 and sleep }
  coordinator.start_worker
  Integer(held).times { begun.pop }
  puts "HELD"
  $stdout.flush
  sleep
RUBY

SEED = <<~SQL
  WITH created AS (
    INSERT INTO tasker.tasks (template_id, namespace, name, priority, fail_fast, total_steps, correlation_id, tags, payload, created_at,
      state, active_steps, started_at)
    SELECT t.template_id, t.namespace, t.name, 0, false, 4, 'seed-' || i, '{}', '{"order": 1}', now(), 'in_progress', 1, now()
    FROM tasker.templates t, generate_series(1, %<tasks>d) AS i
    WHERE t.name = 'linear'
    RETURNING task_id
  ), steps AS (
    INSERT INTO tasker.workflow_steps (task_id, step_id, name, handler, parents, children, max_crashes, max_attempts, state, waiting_on,
      attempts, fence, next_run_at, completed_at, result)
    SELECT c.task_id, c.task_id * 65536 + d.ordinal, d.name, d.handler, d.parents, d.children, 3, d.max_attempts,
      CASE d.ordinal WHEN 0 THEN 'complete' WHEN 1 THEN 'waiting_for_retry' ELSE 'pending' END, CASE WHEN d.ordinal > 1 THEN 1 ELSE 0 END,
      CASE WHEN d.ordinal < 2 THEN 1 ELSE 0 END, CASE WHEN d.ordinal < 2 THEN 1 ELSE 0 END,
      CASE d.ordinal WHEN 1 THEN now() + interval '1 year' END, CASE d.ordinal WHEN 0 THEN now() END, CASE d.ordinal WHEN 0 THEN '{}'::json END
    FROM created c
    JOIN tasker.templates t ON t.name = 'linear'
    JOIN tasker.template_steps d ON d.template_id = t.template_id
  )
  INSERT INTO tasker.step_queue (task_id, step_id, state, priority, run_at, namespace, handler)
  SELECT c.task_id, c.task_id * 65536 + 1, 'waiting_for_retry', 0, now() + interval '1 year', 'bench', 'bench.step'
  FROM created c
SQL

# In milliseconds; null until all that were held have been claimed again.
RECOVERED = <<~SQL
  SELECT extract(epoch FROM max(l.at) - (SELECT max(dead_at) FROM tasker.processes)) * 1000
  FROM tasker.transitions l
  WHERE l.to_state = 'in_progress' AND l.attempt = 2 AND l.task_id > %<after>d
  HAVING count(*) = %<held>d
SQL

def recover_ms(ground, name, site)
  after = site.value("SELECT COALESCE(max(task_id), 0) FROM tasker.tasks").to_i
  site.coordinator.initialize_tasks(Array.new(HELD) { { namespace: "bench", task_name: "hold", payload: {} } })
  holder = IO.popen([*Child.command(HOLDER), ground.url(name), HELD.to_s, LEASE_MS.to_s])
  holder.gets == "HELD\n" or abort "bin/bench: the process that is to be killed did not begin"
  worker = site.coordinator.start_worker
  # Its lease has begun, so that it finds others dead.
  site.coordinator.handle_task(namespace: "bench", task_name: "linear")
  Process.kill(:KILL, holder.pid)
  sleep 0.05 until (recovered = site.value(format(RECOVERED, after: after, held: HELD)))
  Float(recovered)
ensure
  worker&.stop
  holder&.close
end

ground = Ground.new
report = Report.new("recover", ground.settings.merge("held" => HELD, "in_progress" => IN_PROGRESS, "lease_ms" => LEASE_MS))
sites = { "empty" => ground.site("empty", lease_ms: LEASE_MS), "in_progress" => ground.site("in_progress", lease_ms: LEASE_MS) }
sites.each_value do |site|
  [HOLD, Ground::LINEAR].each { |template| site.coordinator.register_template(template) }
  site.coordinator.register_handler("bench.hold") { Ground::RESULT }
end
seconds = Ground.time do
  IN_PROGRESS.step(1, -50_000) { |left| sites["in_progress"].execute(format(SEED, tasks: [left, 50_000].min)) }
  sites["in_progress"].execute("VACUUM ANALYZE")
end
report.progress(format("%d tasks in progress made in %.0f s", IN_PROGRESS, seconds))

times = sites.transform_values { [] }
(0..ROUNDS).each do |round|
  sites.each do |name, site|
    ms = recover_ms(ground, name, site)
    report.progress(format("%s, round %d: %.0f ms", name, round, ms))
    times[name] << ms if round.positive?
  end
end
report.result("found_dead_to_claimed", times["in_progress"], unit: "ms", references: times["empty"])
sites.each_value(&:close)
ground.close
