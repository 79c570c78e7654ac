# frozen_string_literal: true

# Claim and record latency beside a million finished tasks and beside 100 thousand that wait; throughput beside an old transaction.
#
# The finished ones are a thousand, 100 thousand and a million. Each is a database of its own on one server, filled by SQL with rows
# as the engine leaves them, vacuumed, and measured in turn with the empty one: one task of one step at a time, from the return of
# initialize_task to its end as its worker's process hears of it. The pinned snapshot lasts from before the first round to after the
# last, so that what is dead stays.

require_relative "support/ground"

ROUNDS = Integer(ENV.fetch("BENCH_ROUNDS", "5"))
LATENCY_TASKS = Integer(ENV.fetch("BENCH_TASKS", "200"))
PINNED_TASKS = Integer(ENV.fetch("BENCH_PINNED_TASKS", "1000"))
MILLION = Integer(ENV.fetch("BENCH_MILLION", "1000000"))
SIZES = { "finished_1k" => MILLION / 1000, "finished_100k" => MILLION / 10, "finished_1m" => MILLION }.freeze
WAITING = MILLION / 10

# Finished tasks of the one-step template, with everything that the engine leaves behind.
FINISHED = <<~SQL
  WITH created AS (
    INSERT INTO tasker.tasks (template_id, namespace, name, priority, fail_fast, total_steps, correlation_id, tags, payload, created_at,
      state, active_steps, started_at, completed_at)
    SELECT t.template_id, t.namespace, t.name, 0, false, 1, 'seed-' || i, '{}', '{"order": 1, "customer": "Ada Lovelace"}',
      now() - interval '1 day', 'complete', 0, now() - interval '1 day', now() - interval '1 day'
    FROM tasker.templates t, generate_series(1, %<tasks>d) AS i
    RETURNING task_id, created_at
  ), steps AS (
    INSERT INTO tasker.workflow_steps (task_id, step_id, name, handler, parents, children, max_crashes, max_attempts, state, waiting_on,
      attempts, fence, started_at, completed_at, result)
    SELECT c.task_id, c.task_id * 65536 + d.ordinal, d.name, d.handler, d.parents, d.children, 3, d.max_attempts, 'complete', 0,
      1, 1, c.created_at, c.created_at, '{"charge_id": "ch_000000000000000001", "amount_cents": 18930, "currency": "GBP"}'
    FROM created c, tasker.template_steps d
  )
  INSERT INTO tasker.transitions (task_id, step_id, from_state, to_state, attempt, at)
  SELECT c.task_id, CASE WHEN l.step THEN c.task_id * 65536 END, l.from_state, l.to_state, CASE WHEN l.step THEN 1 END, c.created_at
  FROM created c,
    (VALUES (1, false, 'pending', 'in_progress'), (2, true, 'enqueued', 'in_progress'), (3, true, 'in_progress', 'complete'),
            (4, false, 'in_progress', 'complete')) AS l(n, step, from_state, to_state)
  ORDER BY c.task_id, l.n
SQL

# Tasks that wait for a time that does not come.
WAITING_TASKS = <<~SQL
  WITH created AS (
    INSERT INTO tasker.tasks (template_id, namespace, name, priority, fail_fast, total_steps, correlation_id, tags, payload, created_at,
      run_at, active_steps)
    SELECT t.template_id, t.namespace, t.name, 0, false, 1, 'seed-' || i, '{}', '{"order": 1, "customer": "Ada Lovelace"}', now(),
      now() + interval '1 year', 1
    FROM tasker.templates t, generate_series(1, %<tasks>d) AS i
    RETURNING task_id, run_at
  ), steps AS (
    INSERT INTO tasker.workflow_steps (task_id, step_id, name, handler, parents, children, max_crashes, max_attempts, state, waiting_on,
      next_run_at)
    SELECT c.task_id, c.task_id * 65536 + d.ordinal, d.name, d.handler, d.parents, d.children, 3, d.max_attempts, 'enqueued', 0, c.run_at
    FROM created c, tasker.template_steps d
  )
  INSERT INTO tasker.step_queue (task_id, step_id, state, priority, run_at, namespace, handler)
  SELECT c.task_id, c.task_id * 65536, 'enqueued', 0, c.run_at, 'bench', 'bench.step'
  FROM created c
SQL

ONE_STEP = { namespace: "bench", name: "one", version: "1.0.0", steps: [{ name: "one", handler: "bench.step" }] }.freeze

# A statement of its own for each hundred thousand, so that none is a transaction of a million.
def seed(site, sql, tasks)
  site.execute("SET synchronous_commit = off")
  tasks.step(1, -100_000) { |left| site.execute(format(sql, tasks: [left, 100_000].min)) }
  site.execute("VACUUM ANALYZE")
  site.execute("CHECKPOINT")
end

# Milliseconds of each task, from the return of initialize_task to the news of its end.
def latencies(site, ends)
  Array.new(LATENCY_TASKS) do
    site.coordinator.initialize_task(namespace: "bench", task_name: "one", payload: { "order" => 1 })
    Ground.time { ends.pop } * 1000
  end
end

def steps_per_s(site, tasks)
  requests = Array.new(tasks) { |i| { namespace: "bench", task_name: "linear", payload: { "order" => i } } }
  requests.each_slice(1000) { |slice| site.coordinator.initialize_tasks(slice) }
  ends = Queue.new
  news = site.coordinator.subscribe("task.completed") { |event| ends << event.task_id }
  worker = nil
  seconds = Ground.time do
    worker = site.coordinator.start_worker
    tasks.times { ends.pop }
  end
  worker.stop
  site.coordinator.unsubscribe(news)
  4 * tasks / seconds
end

ground = Ground.new
report = Report.new("scale", ground.settings.merge("tasks_per_round" => LATENCY_TASKS))
sites = { "empty" => ground.site("empty") }
sites["empty"].coordinator.register_template(ONE_STEP)
SIZES.merge("waiting_100k" => WAITING).each do |name, tasks|
  sites[name] = ground.site(name)
  sites[name].coordinator.register_template(ONE_STEP)
  seconds = Ground.time { seed(sites[name], name == "waiting_100k" ? WAITING_TASKS : FINISHED, tasks) }
  report.progress(format("%s: %d tasks in %.0f s", name, tasks, seconds))
end

p50 = Hash.new { |all, name| all[name] = [] }
p99 = Hash.new { |all, name| all[name] = [] }
workers = sites.transform_values { |site| site.coordinator.start_worker }
news = sites.transform_values do |site|
  Queue.new.tap { |ends| site.coordinator.subscribe("task.completed") { |event| ends << event.task_id } }
end
(-1..ROUNDS).each do |round|
  sites.each do |name, site|
    times = latencies(site, news[name])
    report.progress(format("%s, round %d: p50 %.2f ms", name, round, Report.median(times)))
    next unless round.positive?

    p50[name] << Report.median(times)
    p99[name] << Report.percentile(times, 99)
  end
end
workers.each_value(&:stop)
p50.each_key do |name|
  report.result("claim_and_record_#{name}_p50", p50[name], unit: "ms", references: p50["empty"])
  report.result("claim_and_record_#{name}_p99", p99[name], unit: "ms", references: p99["empty"])
end
sites.each_value(&:close)

report = Report.new("scale", ground.settings.merge("tasks_per_round" => PINNED_TASKS))
free = ground.site("free")
pinned = ground.site("pinned")
[free, pinned].each { |site| site.coordinator.register_template(Ground::LINEAR) }
reader = Java::OrgPostgresql::Driver.new.connect(ground.jdbc_url("pinned"), java.util.Properties.new)
reader.auto_commit = false
reader.transaction_isolation = java.sql.Connection::TRANSACTION_REPEATABLE_READ
reader.create_statement.execute("SELECT count(*) FROM tasker.tasks")
speeds = { free => [], pinned => [] }
(-1..ROUNDS).each do |round|
  speeds.each do |site, measured|
    speed = steps_per_s(site, PINNED_TASKS)
    report.progress(format("%s, round %d: %.0f steps/s", site.equal?(pinned) ? "pinned snapshot" : "no snapshot", round, speed))
    measured << speed if round.positive?
  end
end
report.result("pinned_snapshot_steps_per_s", speeds[pinned], unit: "steps/s", references: speeds[free])
reader.rollback
reader.close
[free, pinned].each(&:close)
ground.close
