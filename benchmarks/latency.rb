# frozen_string_literal: true

# One task at a time, from initialize_task to complete as its caller sees it, beside five commits on one connection.

require_relative "support/ground"

ROUNDS = Integer(ENV.fetch("BENCH_ROUNDS", "5"))
TASKS = Integer(ENV.fetch("BENCH_TASKS", "200"))
COMMITS = 5

# Until the JVM has compiled what a task goes through: on two cores its compilers take a third of the time of the first thousands.
WARM_UP_S = 20

shapes = {
  "linear" => { one: [], two: [:one], three: [:two], four: [:three] },
  "diamond" => { start: [], left: [:start], right: [:start], join: %i[left right] },
  "dag_7" => { init: [], left: [:init], right: [:init], validate: %i[left right], transform: [:left], analyze: [:right],
               finalize: %i[validate transform analyze] },
  "tree_8" => { root: [], a: [:root], b: [:root], a1: [:a], a2: [:a], b1: [:b], b2: [:b], join: %i[a1 a2 b1 b2] }
}
# As wide as a template may be: 1,000 steps in all.
parts = (1..998).map { |i| :"part_#{i}" }
shapes["fan_998"] = { split: [], **parts.to_h { |part| [part, [:split]] }, join: parts }

ground = Ground.new(max_parallel_steps: 10)
shapes.each do |name, steps|
  ground.coordinator.register_template(
    namespace: "bench", name: name, version: "1.0.0",
    steps: steps.map { |step, parents| { name: step, handler: "bench.step", depends_on: parents } }
  )
end
handle = ->(name) { ground.coordinator.handle_task(namespace: "bench", task_name: name, payload: { "order" => 1 }) }
warm = 0
warm += Ground.time { handle.call(shapes.keys.first) } while warm < WARM_UP_S
report = Report.new("latency", ground.settings.merge("tasks_per_round" => TASKS))

shapes.each_key do |name|
  tasks = name == "fan_998" ? 2 : TASKS
  run = -> { Ground.time { handle.call(name) } }
  tasks.times { run.call } # warm-up
  medians = []
  tails = []
  floors = []
  floor_tails = []
  ROUNDS.times do |round|
    commits = ground.floor.commits(tasks * COMMITS).each_slice(COMMITS).map(&:sum)
    times = Array.new(tasks) { run.call }
    medians << (Report.median(times) * 1000)
    tails << (Report.percentile(times, 99) * 1000)
    floors << (Report.median(commits) * 1000)
    floor_tails << (Report.percentile(commits, 99) * 1000)
    report.progress(format("%s, round %d: p50 %.2f ms (five commits %.2f ms)", name, round + 1, medians.last, floors.last))
  end
  report.result("#{name}_p50", medians, unit: "ms", references: floors)
  report.result("#{name}_p99", tails, unit: "ms", references: floor_tails)
end
ground.close
