# frozen_string_literal: true

require "jruby"

# Two pieces of code in turn, in CPU time of this thread: what other processes do to the machine hits neither, or both.
#
# Both take by +call+ how often to do the thing, and loop themselves, so that the loop costs both the same. JRuby compiles a method
# after some calls of it, and never in the middle of one: hence many short calls instead of a few long ones.
class Duel
  ROUNDS = Integer(ENV.fetch("BENCH_ROUNDS", "7"))
  WARM_UP_LIMIT = Float(ENV.fetch("BENCH_WARM_UP", "40")) # seconds
  TURNS = 40
  TURN_NANOS = 5_000_000

  CLOCK = java.lang.management.ManagementFactory.thread_mx_bean

  # @return [Integer] nanoseconds of CPU that this thread has used so far
  def self.cpu_nanos = CLOCK.current_thread_cpu_time

  # @return [Array<Float>] nanoseconds per repetition, one for each round
  attr_reader :times, :reference_times

  # @param thing [#call] a {Repeat}, for instance
  # @param reference [#call]
  def initialize(thing, reference)
    @thing = thing
    @reference = reference
    warm_up
    @thing_count = count(thing)
    @reference_count = count(reference)
    @times = []
    @reference_times = []
    ROUNDS.times { round }
  end

  private

  # Until neither has got faster for a while: on a busy machine the compilers of JRuby and of the JVM take their time.
  def warm_up
    best = Float::INFINITY
    stale = 0
    deadline = java.lang.System.nano_time + (WARM_UP_LIMIT * 1e9)
    while stale < 4 && java.lang.System.nano_time < deadline
      nanos = window
      stale = nanos < best * 0.97 ? 0 : stale + 1
      best = [best, nanos].min
    end
  end

  # @return [Float] nanoseconds of CPU that a repetition of both takes, over a second
  def window
    repetitions = nanos = 0
    deadline = java.lang.System.nano_time + 1_000_000_000
    while java.lang.System.nano_time < deadline
      nanos += cpu(@thing, 100) + cpu(@reference, 100)
      repetitions += 100
    end
    nanos / repetitions.to_f
  end

  # How many repetitions make a turn.
  def count(code)
    repetitions = 100
    repetitions *= 2 while cpu(code, repetitions) < TURN_NANOS
    repetitions
  end

  def round
    thing = reference = 0
    TURNS.times do
      reference += cpu(@reference, @reference_count)
      thing += cpu(@thing, @thing_count)
    end
    @times << (thing / (TURNS * @thing_count).to_f)
    @reference_times << (reference / (TURNS * @reference_count).to_f)
  end

  def cpu(code, repetitions)
    before = self.class.cpu_nanos
    code.call(repetitions)
    self.class.cpu_nanos - before
  end
end
