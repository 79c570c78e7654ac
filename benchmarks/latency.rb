# frozen_string_literal: true

# One task at a time, from initialize_task to complete as its caller sees it, beside five commits on one connection.
#
# The linear one also stands beside the same workflow written by hand, unbatched: 14 commits on one connection. What it takes of CPU has in
# it what the JIT and the collector take. BENCH_SHAPES=linear,diamond takes these shapes only.

require_relative "support/ground"

ROUNDS = Integer(ENV.fetch("BENCH_ROUNDS", "5"))
TASKS = Integer(ENV.fetch("BENCH_TASKS", "200"))
COMMITS = 5

# Seconds until the JVM has compiled what a task goes through: on two cores its compilers take a third of the time of the first thousands.
WARM_UP = Float(ENV.fetch("BENCH_WARM_UP", "20"))

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

wanted = ENV.fetch("BENCH_SHAPES", shapes.keys.join(",")).split(",")
unknown = wanted - shapes.keys
abort "bin/bench: no such shape in BENCH_SHAPES: #{unknown.join(', ')} (there are #{shapes.keys.join(', ')})" if unknown.any? || wanted.empty?
shapes = shapes.slice(*wanted)

ground = Ground.new(max_parallel_steps: 10)
shapes.each do |name, steps|
  ground.coordinator.register_template(
    namespace: "bench", name: name, version: "1.0.0",
    steps: steps.map { |step, parents| { name: step, handler: "bench.step", depends_on: parents } }
  )
end
handle = ->(name) { ground.coordinator.handle_task(namespace: "bench", task_name: name, payload: { "order" => 1 }) }
warm = 0
warm += Ground.time { handle.call(shapes.keys.first) } while warm < WARM_UP
report = Report.new("latency", ground.settings.merge("tasks_per_round" => TASKS))

# Seconds of each task, a list for each round, to milliseconds: one for each round.
percentile = ->(rounds, percent) { rounds.map { |times| Report.percentile(times, percent) * 1000 } }

shapes.each_key do |name|
  tasks = name == "fan_998" ? 2 : TASKS
  linear = name == "linear"
  engine = -> { Array.new(tasks) { Ground.time { handle.call(name) } } }
  commits = -> { ground.floor.commits(tasks * COMMITS).each_slice(COMMITS).map(&:sum) }
  by_hand = -> { ground.floor.workflows(tasks).to_a }
  rounds = Hash.new { |all, what| all[what] = [] }

  by_hand.call if linear # warm-up
  engine.call
  ROUNDS.times do |round|
    rounds[:commits] << commits.call
    rounds[:by_hand_cpu] << ground.cpu.of { rounds[:by_hand] << by_hand.call } if linear
    rounds[:cpu] << ground.cpu.of { rounds[:engine] << engine.call }
    medians = rounds.slice(:engine, :by_hand, :commits).transform_values { |times| Report.median(times.last) * 1000 }
    report.progress("#{name}, round #{round + 1}: p50 #{medians.map { |what, ms| format('%s %.2f ms', what, ms) }.join(', ')}")
  end

  references = linear ? { "" => rounds[:by_hand], "_of_five_commits" => rounds[:commits] } : { "" => rounds[:commits] }
  references.each do |suffix, reference|
    [50, 99].each do |percent|
      report.result("#{name}_p#{percent}#{suffix}", percentile.call(rounds[:engine], percent), unit: "ms",
                    references: percentile.call(reference, percent))
    end
  end
  next unless linear

  %i[server jvm].each do |whose|
    next if whose == :server && !ground.cpu.server?

    cpu, by_hand_cpu = rounds.values_at(:cpu, :by_hand_cpu).map { |all| all.map { |used| used[whose] / tasks } }
    report.result("#{name}_#{whose}_cpu_us", cpu, unit: "us of CPU", references: by_hand_cpu)
  end
end
ground.close
